"""The benchmark's code that needs nothing but Python."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from benchmarks.journey.catalogue import CatalogueYear, WeekCalendar, decimal, periods, price_row, weekly_prices
from benchmarks.journey.json_lines import ResumableJournal, basket_of, basket_row, verdict_row, write_lines
from benchmarks.journey.planted_faults import EVERY, plant_faults
from benchmarks.journey.records import GroceryBasket, GroceryLine, GroceryProduct, SaleRow, merge_sales
from domain.catalogue.fact_problems import find_contradictions
from domain.catalogue.facts import FACT, PriceFact

TODAY = date(2026, 11, 23)


def sale(
    product: int = 1, *, basket: int = 1, store: int = 7, week: int = 20, quantity: int = 1, cents: int = 100
) -> SaleRow:
    return SaleRow(basket, store, week, product, quantity, cents)


def year(*sales: SaleRow) -> CatalogueYear:
    products = [GroceryProduct(id, "CHEESE", "8 OZ") for id in sorted({sale.product for sale in sales})]
    return CatalogueYear(products, weekly_prices(sales), WeekCalendar(20, TODAY))


def test_the_chosen_week_contains_today_with_days_to_spare() -> None:
    noon = datetime(2026, 11, 23, 12, tzinfo=UTC)
    for week in (1, 20, 53):
        calendar = WeekCalendar(week, TODAY)
        assert calendar.contains(week, noon - timedelta(days=3))
        assert calendar.contains(week, noon + timedelta(days=3))
        assert not calendar.contains(week + 1, noon)


def test_a_week_ends_where_the_next_one_starts() -> None:
    calendar = WeekCalendar(20, TODAY)
    assert calendar.start(21) - calendar.start(20) == timedelta(days=7)


def test_a_price_is_the_median_for_one_unit_in_whole_cents() -> None:
    sales = [sale(quantity=2, cents=398), sale(cents=150), sale(cents=250)]
    assert weekly_prices(sales) == {1: {20: 199}}


@pytest.mark.parametrize(("cents", "quantity", "expected"), [(99, 2, 50), (100, 3, 33), (1, 9, 1)])
def test_half_a_cent_is_rounded_up_and_nothing_is_free(cents: int, quantity: int, expected: int) -> None:
    assert weekly_prices([sale(quantity=quantity, cents=cents)]) == {1: {20: expected}}


def test_rows_without_a_quantity_or_a_payment_set_no_price() -> None:
    assert weekly_prices([sale(quantity=0), sale(cents=0)]) == {}


def test_a_week_without_a_sale_keeps_the_last_known_price() -> None:
    weekly = weekly_prices([sale(week=9, cents=300), sale(week=3), sale(week=4, cents=200)])[1]
    assert [*periods(weekly)] == [(3, 4, 100), (4, 9, 200), (9, None, 300)]


def test_cents_are_written_with_two_digits() -> None:
    assert [decimal(cents) for cents in (1, 10, 199, 12345)] == ["0.01", "0.10", "1.99", "123.45"]


def test_the_facts_of_a_product_are_valid_catalogue_facts() -> None:
    made = year(sale(week=19), sale(week=20, cents=199))
    facts = [FACT.validate_python(row, strict=False) for row in made.facts(made.products[0], range(1, 54))]
    assert [fact.kind for fact in facts] == ["offer", "availability", "price", "price"]
    prices = [fact for fact in facts if isinstance(fact, PriceFact)]
    noon = datetime(2026, 11, 23, 12, tzinfo=UTC)
    assert [str(price.amount) for price in prices if price.holds_at(noon)] == ["1.99"]


def test_a_range_of_weeks_gives_the_prices_that_hold_in_it() -> None:
    made = year(sale(week=3), sale(week=20, cents=200), sale(week=23, cents=300))
    rows = [row for row in made.facts(made.products[0], range(10, 22)) if row["kind"] == "price"]
    assert [row["amount"] for row in rows] == ["1.00", "2.00"]


def test_the_price_of_a_week_that_begins_now_supersedes_the_earlier_one() -> None:
    made = year(sale(week=20), sale(week=21, cents=200))
    now = datetime(2026, 11, 23, 12, tzinfo=UTC)
    [row] = made.week_begins(21, now, 1)
    assert (row["amount"], row["validFrom"], row["sequence"]) == ("2.00", "2026-11-23T12:00:00Z", 2)
    assert [*made.week_begins(22, now, 1)] == [], "it was not sold in that week"


def test_rows_of_one_product_become_one_line_of_the_basket() -> None:
    sales = [sale(5, quantity=2), sale(3), sale(5, quantity=1), sale(3, basket=2)]
    assert merge_sales(sales) == [
        GroceryBasket(1, 7, 20, (GroceryLine(3, 1), GroceryLine(5, 3))),
        GroceryBasket(2, 7, 20, (GroceryLine(3, 1),)),
    ]


@pytest.mark.parametrize("quantity", [0, 10_000])
def test_invalid_lines_and_baskets_without_lines_are_left_out(quantity: int) -> None:
    sales = [sale(1), sale(2, quantity=quantity), sale(2, basket=2, quantity=quantity)]
    assert merge_sales(sales) == [GroceryBasket(1, 7, 20, (GroceryLine(1, 1),))]


def test_planted_faults_depend_on_the_baskets_alone_and_spare_left_out_products() -> None:
    baskets = merge_sales([sale(product, basket=product, store=product % 5) for product in range(1, 200)])
    plants = plant_faults(baskets)
    assert plants == plant_faults(baskets)
    assert len(plants.left_out) == len(range(1, 200, EVERY))
    assert plants.left_out.isdisjoint(change.product for change in plants.changes)
    assert {change.status for change in plants.changes} == {"blocked", "out_of_stock", "available"}
    assert {change.holds for change in plants.changes} == {True, False}
    assert plants.left_out.isdisjoint(plants.priced_for_others)
    for row in plants.rows(datetime.now(UTC)):
        assert not [*find_contradictions(FACT.validate_python(row))]


def test_planted_rates_give_each_price_its_interval_and_each_currency_that_is_paid_in() -> None:
    baskets = merge_sales([sale(product, basket=product, store=product) for product in range(200)])
    rates = plant_faults(baskets).rates
    row = price_row(8, "1.99")

    [monthly] = rates.into(8, [row], next_week=False)
    assert (monthly["amount"], monthly["currency"], monthly["interval"]) == ("1.99", "USD", "P1M")
    [once], [then] = (rates.into(9, [price_row(9, "1.99")], next_week=later) for later in (False, True))
    assert (once["interval"], then["interval"]) == (None, "P1M")
    [fine] = rates.into(11, [price_row(11, "1.99")], next_week=True)
    assert fine["amount"] == "1.995"
    dollars, yen = rates.into(3, [price_row(3, "1.99")], next_week=False)
    assert (dollars["amount"], yen["amount"], yen["currency"]) == ("1.99", "99.5", "JPY")
    _, dinars = rates.into(17, [price_row(17, "1.99")], next_week=False)
    assert (dinars["amount"], dinars["currency"]) == ("0.199", "KWD")


def test_a_basket_row_round_trips() -> None:
    [basket] = merge_sales([sale(5, quantity=2), sale(3)])
    assert basket_of(basket_row(basket)) == basket


def test_a_journal_continues_after_its_last_complete_line(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    with ResumableJournal(path, "basket") as journal:
        journal.record({"basket": 1})
        journal.record({"basket": 2})
    path.write_bytes(path.read_bytes()[:-3])

    with ResumableJournal(path, "basket") as journal:
        assert [*journal.done] == [1]
        journal.record({"basket": 3})

    with ResumableJournal(path, "basket") as journal:
        assert [*journal.done] == [1, 3]


def test_an_incomplete_file_is_removed(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    with pytest.raises(ZeroDivisionError):
        write_lines(path, ({"row": 1 // row} for row in (1, 0)))
    assert [*tmp_path.iterdir()] == []


def test_a_verdict_row_holds_the_compared_values() -> None:
    money = {"amount": "1.50", "currency": "USD", "interval": "P1M"}
    changed = {
        "code": "price_changed",
        "severity": "error",
        "offerId": "o-5",
        "data": {"expectedPrice": None, "currentPrice": money},
    }
    few = {
        "code": "product_insufficient_stock",
        "severity": "error",
        "offerId": "o-3",
        "data": {"available": 1, "requested": 2},
    }
    fine = {
        "code": "price_not_payable",
        "severity": "warning",
        "offerId": None,
        "data": {"amount": {"amount": "9.995", "currency": "USD"}, "minorUnit": 2},
    }
    order = {"totals": [money], "total": {"amount": "1.50", "currency": "USD"}, "payable": None}
    verdict = {"ready": False, "blockedProducts": [few], "validationErrors": [changed, fine], "checkout": order}
    assert verdict_row(8, verdict) == {
        "basket": 8,
        "ready": False,
        "findings": [
            ["product_insufficient_stock", "error", 3, "1/2"],
            ["price_changed", "error", 5, "none>1.5000/P1M"],
            ["price_not_payable", "warning", 0, "9.9950"],
        ],
        "sums": ["totals 1.5000/P1M USD", "total 1.5000 USD"],
    }
