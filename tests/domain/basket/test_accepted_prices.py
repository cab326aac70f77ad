"""A caller accepts the current price of a line by expecting it; any other expectation is left to validation."""

from __future__ import annotations

import pytest

from domain.basket.commands import Action, ActionResult
from domain.basket.events import OrderItem
from domain.catalogue.catalogue import Catalogue
from domain.shared.money import ExpectedPrice, Price
from tests.builders import (
    NOW,
    SECOND,
    add,
    availability,
    basket,
    catalogue,
    change,
    expect_price,
    expected,
    item_id,
    line,
    money,
    offer,
    price,
    unpriced,
    update_details,
)
from tests.domain.validation.verdicts import codes
from tests.scenario import Decided, Scenario

NINE, TEN, TWELVE = money("9.00"), money("10.00"), money("12.00")
FACTS = (offer("o-1"), price("o-1", "12.00"), price("o-1", "13.00", "EUR"), availability("SKU-1"))
CATALOGUE = catalogue(*FACTS)
HELD = line("line-1", "o-1", 2, price=TEN)


def scenario(*lines: OrderItem, known: Catalogue = CATALOGUE) -> Scenario:
    return Scenario(basket(*lines), known)


def prices(decided: Decided) -> tuple[object, object]:
    held = decided.basket.items["line-1"]
    return held.price, held.expected_price


# the current price


@pytest.mark.parametrize("price", [TWELVE, money("12"), money("12.0000")])
def test_expecting_the_current_price_gives_it_to_the_line(price: Price) -> None:
    decided = scenario(HELD).when(expect_price("line-1", price))
    decided.then(
        ("price expected", "line-1", "None", str(price)),
        ("repriced", "line-1", "10.00 GBP", "12.00 GBP"),
    )
    assert prices(decided) == (TWELVE, expected(price))
    assert decided.results == (ActionResult(0, "expect_price", "applied", "line-1", 2, 2),)


@pytest.mark.parametrize(
    "action", [change("line-1", 3, TWELVE), add("o-1", 1, expected_price=TWELVE)], ids=["change_quantity", "add"]
)
def test_a_quantity_is_changed_at_the_current_price(action: Action) -> None:
    decided = scenario(HELD).when(action)
    decided.then(
        ("quantity", "line-1", 2, 3),
        ("price expected", "line-1", "None", "12.00 GBP"),
        ("repriced", "line-1", "10.00 GBP", "12.00 GBP"),
    )


def test_the_same_quantity_at_another_price_is_applied() -> None:
    decided = scenario(HELD).when(change("line-1", 2, TWELVE))
    assert decided.results == (ActionResult(0, "change_quantity", "applied", "line-1", 2, 2),)


def test_a_quantity_without_a_price_leaves_the_prices() -> None:
    given = line("line-1", "o-1", 2, price=TEN, expected_price=NINE)
    decided = scenario(given).when(change("line-1", 3))
    decided.then(("quantity", "line-1", 2, 3))
    assert prices(decided) == (TEN, expected(NINE))


def test_a_line_that_was_unknown_when_it_was_added_gets_its_first_price() -> None:
    decided = scenario(unpriced(HELD)).when(expect_price("line-1", TWELVE))
    decided.then(
        ("price expected", "line-1", "None", "12.00 GBP"),
        ("repriced", "line-1", "None", "12.00 GBP"),
    )


def test_a_line_that_has_the_current_price_is_not_repriced() -> None:
    decided = scenario(line("line-1", "o-1", price=TWELVE)).when(expect_price("line-1", TWELVE))
    decided.then(("price expected", "line-1", "None", "12.00 GBP"))


def test_expecting_the_same_current_price_again_is_unchanged() -> None:
    decided = scenario(HELD).when(expect_price("line-1", TWELVE), expect_price("line-1", TWELVE))
    assert [result.status for result in decided.results] == ["applied", "unchanged"]


def test_a_price_expected_before_it_was_the_current_one_is_accepted_when_it_is_said_again() -> None:
    given = line("line-1", "o-1", price=TEN, expected_price=TWELVE)
    decided = scenario(given).when(expect_price("line-1", TWELVE))
    decided.then(("repriced", "line-1", "10.00 GBP", "12.00 GBP"))


def test_the_current_price_is_that_of_the_market_which_an_earlier_action_set() -> None:
    euros = money("13.00", "EUR")
    decided = scenario(HELD).when(update_details(currency="EUR"), expect_price("line-1", euros))
    assert prices(decided) == (euros, expected(euros))


def test_a_line_added_in_the_same_request_needs_no_repricing() -> None:
    decided = scenario().when(add("o-1"), expect_price(item_id(1), TWELVE))
    decided.then(("added", item_id(1), "o-1@v-1", 1), ("price expected", item_id(1), "None", "12.00 GBP"))


def test_the_caller_may_leave_out_the_interval_of_the_current_price() -> None:
    monthly = catalogue(offer("o-1"), price("o-1", "12.00", interval="P1M"))
    decided = scenario(HELD, known=monthly).when(expect_price("line-1", TWELVE))
    assert prices(decided) == (money("12.00", interval="P1M"), expected(TWELVE))


def test_a_price_that_is_paid_once_is_not_met_by_a_recurring_one() -> None:
    monthly, once = catalogue(offer("o-1"), price("o-1", "12.00", interval="P1M")), ExpectedPrice.of(TWELVE)
    for action in (expect_price("line-1", once), change("line-1", 2, once)):
        decided = scenario(HELD, known=monthly).when(action)
        decided.then(("price expected", "line-1", "None", "12.00 GBP"))
        assert prices(decided) == (TEN, once)


def test_a_price_that_is_paid_once_is_met_by_such_a_one() -> None:
    assert prices(scenario(HELD).when(expect_price("line-1", ExpectedPrice.of(TWELVE)))) == (
        TWELVE,
        ExpectedPrice.of(TWELVE),
    )


# any other price


@pytest.mark.parametrize(
    "said", [NINE, TEN, money("12.00", "EUR"), money("12.00", interval="P1M")], ids=["less", "old", "EUR", "P1M"]
)
def test_another_price_is_recorded_and_left_to_validation(said: Price) -> None:
    decided = scenario(HELD).when(expect_price("line-1", said))
    decided.then(("price expected", "line-1", "None", str(said)))
    assert prices(decided) == (TEN, expected(said))


@pytest.mark.parametrize(
    "known",
    [
        catalogue(),
        catalogue(offer("o-1")),
        catalogue(offer("o-1"), price("o-1", "12.00", valid_until=NOW)),
        catalogue(offer("o-1"), price("o-1", "12.00", valid_from=NOW + SECOND)),
    ],
    ids=["unknown offer", "no price", "ended", "not yet"],
)
def test_without_a_current_price_nothing_is_accepted(known: Catalogue) -> None:
    decided = scenario(HELD, known=known).when(expect_price("line-1", TWELVE))
    decided.then(("price expected", "line-1", "None", "12.00 GBP"))


def test_the_price_of_a_line_that_is_not_there_is_refused() -> None:
    scenario().when(expect_price("line-9", TWELVE)).then_rejected(("orderItemActions", 0, "id", "order_item_not_found"))


def test_the_price_of_a_line_that_is_removed_by_its_quantity_does_not_matter() -> None:
    scenario(HELD).when(change("line-1", 0, TWELVE)).then(("removed", "line-1", "requested"))


# what validation says of it


def test_an_accepted_price_is_no_finding() -> None:
    assert codes(basket(HELD), *FACTS) == ["price_changed"]
    accepted = scenario(HELD).when(expect_price("line-1", TWELVE)).basket
    assert codes(accepted, *FACTS) == []
