"""The expected price: the last one stays on the line, and validation compares it with the current one."""

from __future__ import annotations

import pytest

from domain.basket.events import OrderItem
from domain.shared.money import ExpectedPrice, Price
from tests.builders import add, availability, basket, catalogue, expected, item, line, money, offer, price, unpriced
from tests.domain.validation.verdicts import KNOWN, codes, found
from tests.scenario import Scenario

CATALOGUE = catalogue(offer("o-1"), price("o-1"), availability("SKU-1"))
NINE, TEN, ELEVEN = money("9.00"), money("10.00"), money("11.00")


def expecting(price: Price | None, line: OrderItem) -> OrderItem:
    return line.model_copy(update={"expected_price": price and expected(price)})


def scenario(*lines: OrderItem) -> Scenario:
    return Scenario(basket(*lines), CATALOGUE)


HELD = expecting(NINE, line("line-1", "o-1", 2))


def test_a_new_line_keeps_the_price_that_its_caller_expects() -> None:
    (by_initiate,) = scenario().when_ordered(item("o-1", expected_price=NINE)).basket.items.values()
    (by_add,) = scenario().when(add("o-1", expected_price=NINE)).basket.items.values()
    assert by_initiate.expected_price == by_add.expected_price == expected(NINE)
    assert by_initiate.price == by_add.price == TEN


@pytest.mark.parametrize("said", [None, TEN])
def test_an_initiate_sets_the_expected_price(said: Price | None) -> None:
    decided = scenario(HELD).when_ordered(item("o-1", 2, expected_price=said))
    decided.then(("price expected", "line-1", "9.00 GBP", str(said)))
    assert decided.basket.items["line-1"].expected_price == (said and expected(said))


def test_an_initiate_with_the_same_expected_price_changes_nothing() -> None:
    scenario(HELD).when_ordered(item("o-1", 2, expected_price=money("9.0"))).then()


def test_an_add_with_another_expected_price_replaces_it() -> None:
    scenario(HELD).when(add("o-1", 1, expected_price=TEN)).then(
        ("quantity", "line-1", 2, 3),
        ("price expected", "line-1", "9.00 GBP", "10.00 GBP"),
    )


def test_an_add_without_an_expected_price_keeps_it() -> None:
    decided = scenario(HELD).when(add("o-1", 1))
    decided.then(("quantity", "line-1", 2, 3))
    assert decided.basket.items["line-1"].expected_price == expected(NINE)


def test_items_of_one_line_may_not_expect_two_prices() -> None:
    decided = scenario().when_ordered(item("o-1", expected_price=NINE), item("o-1", expected_price=TEN))
    decided.then_rejected(("order", "orderItems", 1, "expectedPrice", "expected_prices_contradict"))


@pytest.mark.parametrize("prices", [(NINE, None), (None, NINE), (NINE, money("9.0000"))])
def test_one_item_gives_the_expected_price_of_its_line(prices: tuple[Price | None, Price | None]) -> None:
    items = [item("o-1", expected_price=price) for price in prices]
    (line,) = scenario().when_ordered(*items).basket.items.values()
    assert (line.quantity, line.expected_price) == (2, expected(NINE))


SAID_ONCE, SAID_MONTHLY = ExpectedPrice.of(NINE), ExpectedPrice.of(money("9.00", interval="P1M"))


@pytest.mark.parametrize("said", [SAID_ONCE, SAID_MONTHLY])
@pytest.mark.parametrize("is_first", [True, False])
def test_an_item_without_an_interval_agrees_with_one_that_names_it(said: ExpectedPrice, is_first: bool) -> None:
    prices = (said, NINE) if is_first else (NINE, said)
    (line,) = scenario().when_ordered(*[item("o-1", expected_price=price) for price in prices]).basket.items.values()
    assert line.expected_price == said


def test_items_of_one_line_may_not_expect_one_amount_once_and_monthly() -> None:
    decided = scenario().when_ordered(*[item("o-1", expected_price=price) for price in (SAID_ONCE, SAID_MONTHLY)])
    decided.then_rejected(("order", "orderItems", 1, "expectedPrice", "expected_prices_contradict"))


def test_naming_the_interval_later_changes_what_is_expected() -> None:
    decided = scenario(HELD).when_ordered(item("o-1", 2, expected_price=SAID_ONCE))
    assert decided.basket.items["line-1"].expected_price == SAID_ONCE


@pytest.mark.parametrize(
    ("price", "current", "is_met"),
    [
        (expected(NINE), NINE, True),
        (expected(NINE), SAID_MONTHLY, True),
        (SAID_ONCE, NINE, True),
        (SAID_ONCE, SAID_MONTHLY, False),
        (SAID_MONTHLY, NINE, False),
        (SAID_MONTHLY, SAID_MONTHLY, True),
        (expected(NINE), TEN, False),
    ],
)
def test_null_is_once_and_nothing_is_any_interval(price: ExpectedPrice, current: Price, is_met: bool) -> None:
    now = Price(amount=current.amount, currency=current.currency, interval=current.interval)
    assert price.is_met_by(now) is is_met


@pytest.mark.parametrize(
    ("said", "added_at", "expected_codes"),
    [
        (None, TEN, []),
        (TEN, TEN, []),
        (money("10"), TEN, []),
        (NINE, TEN, ["expected_price_differs"]),
        (money("10.00", "EUR"), TEN, ["expected_price_differs"]),
        (TEN, NINE, ["price_changed"]),
        (NINE, NINE, ["price_changed"]),
        (NINE, ELEVEN, ["price_changed", "expected_price_differs"]),
        (NINE, None, ["price_changed", "expected_price_differs"]),
    ],
)
def test_an_expected_price_is_compared_with_the_current_one(
    said: Price | None, added_at: Price | None, expected_codes: list[str]
) -> None:
    added = unpriced(line("line-1")) if added_at is None else line("line-1", price=added_at)
    assert codes(basket(expecting(said, added)), *KNOWN) == expected_codes


def test_an_unexpected_price_is_reported_with_both_prices() -> None:
    finding = found("expected_price_differs", basket(expecting(NINE, line("line-1"))), *KNOWN)
    assert finding.data == {
        "expectedPrice": {"amount": "9.00", "currency": "GBP"},
        "currentPrice": {"amount": "10.00", "currency": "GBP"},
        "validFrom": None,
        "validUntil": None,
    }
    assert finding.path == "$.orderItems[0].expectedPrice"


def test_a_line_without_a_current_price_has_one_finding() -> None:
    assert codes(basket(expecting(NINE, line("line-1"))), KNOWN[0]) == ["price_missing"]
