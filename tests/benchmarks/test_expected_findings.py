"""The findings that pandas expects for a few rows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from benchmarks.journey.planted_faults import AvailabilityChange, PlantedFaults
from benchmarks.journey.planted_rates import PlantedRates

pd: Any = pytest.importorskip("pandas", reason="pandas comes with the extra `benchmark`")

WEEK = 20
NO_KINDS: Mapping[int, int] = {}
Expected = tuple[str, int, str]


def transactions(*rows: tuple[int, int, int, int, int, float]) -> Any:
    columns = ["basket_id", "store_id", "week", "product_id", "quantity", "sales_value"]
    return pd.DataFrame(rows, columns=columns)


def expected(rows: Any, *changes: AvailabilityChange, kinds: Mapping[int, int] = NO_KINDS) -> set[Expected]:
    """The findings and sums of basket 1: code, product and detail. The products 1 and 2 are known."""
    from benchmarks.journey.comparison import expected_findings

    planted = PlantedFaults(frozenset(), changes, PlantedRates(kinds))
    table = expected_findings(rows, (1, 2), planted, [1], WEEK)
    return {(row.code, row.product, row.detail) for row in table.itertuples()}


def found(rows: Any, *changes: AvailabilityChange, kinds: Mapping[int, int] = NO_KINDS) -> set[Expected]:
    return {each for each in expected(rows, *changes, kinds=kinds) if each[0] != "sum"}


def sums(rows: Any, **kinds: int) -> set[str]:
    by_product = {int(name.removeprefix("product")): kind for name, kind in kinds.items()}
    return {detail for code, _, detail in expected(rows, kinds=by_product) if code == "sum"}


def test_a_price_that_differs_a_week_later_has_changed() -> None:
    rows = transactions((1, 5, WEEK, 1, 2, 3.00), (2, 5, WEEK + 1, 1, 1, 1.75))
    assert found(rows) == {("price_changed", 1, "1.5000>1.7500")}


def test_a_week_without_a_sale_changes_nothing() -> None:
    assert found(transactions((1, 5, WEEK, 1, 1, 1.50), (2, 5, WEEK + 2, 1, 1, 9.00))) == set()


def test_a_first_price_is_a_change_and_none_at_all_is_missing() -> None:
    first = transactions((1, 5, WEEK + 1, 1, 1, 1.50))
    assert found(first) == {("price_changed", 1, "none>1.5000")}
    assert found(transactions((1, 5, WEEK + 2, 1, 1, 1.50))) == {("price_missing", 1, "")}


def test_an_unknown_offer_has_no_other_finding() -> None:
    rows = transactions((1, 5, WEEK, 9, 1, 1.50), (2, 5, WEEK + 1, 9, 1, 2.00))
    assert found(rows, AvailabilityChange(9, None, "blocked", None)) == {("offer_unknown", 9, "")}


def test_availability_of_a_store_overrides_that_of_everywhere() -> None:
    rows = transactions((1, 5, WEEK, 1, 3, 3.00))
    gone = AvailabilityChange(1, None, "out_of_stock", None)
    assert found(rows, gone) == {("product_out_of_stock", 1, "")}
    assert found(rows, gone, AvailabilityChange(1, 5, "available", 2)) == {("product_insufficient_stock", 1, "2/3")}
    assert found(rows, gone, AvailabilityChange(1, 8, "available", 2)) == {("product_out_of_stock", 1, "")}
    assert found(rows, AvailabilityChange(1, 5, "blocked", None)) == {("product_blocked", 1, "")}


def test_availability_counts_within_its_period_only() -> None:
    rows = transactions((1, 7, WEEK, 1, 3, 3.00))
    over, ahead = (
        AvailabilityChange(1, None, "blocked", None, (-9, -1)),
        AvailabilityChange(1, 7, "blocked", None, (1, 9)),
    )
    assert found(rows, over, ahead) == set()
    assert found(rows, over, AvailabilityChange(1, 7, "available", 2, (-1, 1))) == {
        ("product_insufficient_stock", 1, "2/3")
    }


def test_rows_of_one_product_share_its_stock() -> None:
    rows = transactions((1, 5, WEEK, 1, 2, 2.00), (1, 5, WEEK, 1, 2, 2.00))
    assert found(rows, AvailabilityChange(1, None, "available", 3)) == {("product_insufficient_stock", 1, "3/4")}
    assert found(rows, AvailabilityChange(1, None, "available", 4)) == set()


def test_an_interval_that_begins_with_the_next_price_is_a_changed_price() -> None:
    rows = transactions((1, 5, WEEK, 1, 1, 1.50), (2, 5, WEEK + 1, 1, 1, 1.50))
    assert found(rows, kinds={1: 9}) == {("price_changed", 1, "1.5000>1.5000/P1M")}
    assert found(rows, kinds={1: 8}) == set()
    assert found(rows[:1], kinds={1: 9}) == set()


def test_each_interval_has_a_sum_and_one_alone_is_the_total() -> None:
    one, two = (1, 5, WEEK, 1, 2, 3.00), (1, 5, WEEK, 2, 1, 4.00)
    assert sums(transactions(one), product1=8) == {
        "totals 3.0000/P1M USD",
        "total 3.0000 USD",
        "payable 3.0000 USD",
    }
    assert sums(transactions(one, two), product1=8) == {"totals 3.0000/P1M USD", "totals 4.0000 USD"}
    assert sums(transactions(one, two)) == {"totals 7.0000 USD", "total 7.0000 USD", "payable 7.0000 USD"}


def test_a_basket_with_an_unpriced_line_has_no_total() -> None:
    rows = transactions((1, 5, WEEK, 1, 1, 1.50), (1, 5, WEEK, 9, 1, 1.50))
    assert sums(rows) == {"totals 1.5000 USD"}


@pytest.mark.parametrize(
    ("store", "kind", "price", "payable"),
    [(3, 0, "0.5000", "1.0000 JPY"), (7, 11, "0.0015", "0.0020 KWD"), (5, 11, "0.0150", "0.0200 USD")],
)
def test_amounts_that_nobody_can_charge_are_found_on_the_line_and_in_the_sum(
    store: int, kind: int, price: str, payable: str
) -> None:
    rows = transactions((1, store, WEEK, 1, 1, 0.01))
    assert found(rows, kinds={1: kind}) == {("price_not_payable", 1, price), ("price_not_payable", 0, price)}
    assert f"payable {payable}" in sums(rows, product1=kind)
