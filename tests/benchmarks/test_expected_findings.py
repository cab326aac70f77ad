"""The findings that pandas expects for a few rows."""

from __future__ import annotations

from typing import Any

import pytest

from benchmarks.journey.planted_faults import AvailabilityChange

pd: Any = pytest.importorskip("pandas", reason="pandas comes with the extra `benchmark`")

WEEK = 20


def transactions(*rows: tuple[int, int, int, int, int, float]) -> Any:
    columns = ["basket_id", "store_id", "week", "product_id", "quantity", "sales_value"]
    return pd.DataFrame(rows, columns=columns)


def found(rows: Any, *changes: AvailabilityChange, known: tuple[int, ...] = (1, 2)) -> set[tuple[str, int, str]]:
    """The findings of basket 1: code, product and detail."""
    from benchmarks.journey.comparison import expected_findings

    table = expected_findings(rows, known, changes, [1], WEEK)
    return {(row.code, row.product, row.detail) for row in table.itertuples()}


def test_a_price_that_differs_a_week_later_has_changed() -> None:
    rows = transactions((1, 7, WEEK, 1, 2, 3.00), (2, 7, WEEK + 1, 1, 1, 1.75))
    assert found(rows) == {("price_changed", 1, "1.50>1.75")}


def test_a_week_without_a_sale_changes_nothing() -> None:
    assert found(transactions((1, 7, WEEK, 1, 1, 1.50), (2, 7, WEEK + 2, 1, 1, 9.00))) == set()


def test_a_first_price_is_a_change_and_none_at_all_is_missing() -> None:
    first = transactions((1, 7, WEEK + 1, 1, 1, 1.50))
    assert found(first) == {("price_changed", 1, "none>1.50")}
    assert found(transactions((1, 7, WEEK + 2, 1, 1, 1.50))) == {("price_missing", 1, "")}


def test_an_unknown_offer_has_no_other_finding() -> None:
    rows = transactions((1, 7, WEEK, 9, 1, 1.50), (2, 7, WEEK + 1, 9, 1, 2.00))
    assert found(rows, AvailabilityChange(9, None, "blocked", None)) == {("offer_unknown", 9, "")}


def test_availability_of_a_store_overrides_that_of_everywhere() -> None:
    rows = transactions((1, 7, WEEK, 1, 3, 3.00))
    gone = AvailabilityChange(1, None, "out_of_stock", None)
    assert found(rows, gone) == {("product_out_of_stock", 1, "")}
    assert found(rows, gone, AvailabilityChange(1, 7, "available", 2)) == {("product_insufficient_stock", 1, "2/3")}
    assert found(rows, gone, AvailabilityChange(1, 8, "available", 2)) == {("product_out_of_stock", 1, "")}
    assert found(rows, AvailabilityChange(1, 7, "blocked", None)) == {("product_blocked", 1, "")}


def test_rows_of_one_product_share_its_stock() -> None:
    rows = transactions((1, 7, WEEK, 1, 2, 2.00), (1, 7, WEEK, 1, 2, 2.00))
    assert found(rows, AvailabilityChange(1, None, "available", 3)) == {("product_insufficient_stock", 1, "3/4")}
    assert found(rows, AvailabilityChange(1, None, "available", 4)) == set()
