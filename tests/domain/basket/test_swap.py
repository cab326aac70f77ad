"""Swapping: another offer, or another version, takes the place of a line's offer."""

from __future__ import annotations

import pytest

from domain.basket.commands import ActionResult, SwapItem
from domain.basket.decision import BasketLimits
from domain.basket.references import references_of
from domain.shared.values import LineOffer
from tests.builders import (
    add,
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
    remove,
    swap,
    update_details,
)
from tests.scenario import Scenario

CATALOGUE = catalogue(
    offer("o-1"),
    price("o-1"),
    offer("o-1@v-2", products=["SKU-1", "SKU-9"], sequence=2),
    price("o-1@v-2", "12.00"),
    offer("o-2", products=["SKU-2"]),
    price("o-2", "25.00"),
    price("o-2", "29.00", "EUR"),
    offer("a-1", add_on_to=["o-1"]),
    offer("a-2", add_on_to=["o-1", "o-2"]),
    offer("a-3"),
)
OWN_ID = "0b6f5d3c-1111-7000-8000-000000000001"


# what becomes of the line


def test_a_swapped_line_keeps_its_id_and_quantity() -> None:
    decided = Scenario(basket(line("line-1", "o-1", 3)), CATALOGUE).when(swap("line-1", "o-2"))
    decided.then(("swapped", "line-1", "o-1@v-1", "o-2@v-1", 3))
    assert decided.results == (ActionResult(0, "swap", "applied", "line-1", 3, 3),)


def test_a_swap_may_set_another_quantity() -> None:
    decided = Scenario(basket(line("line-1", "o-1", 3)), CATALOGUE).when(swap("line-1", "o-2", 5))
    decided.then(("swapped", "line-1", "o-1@v-1", "o-2@v-1", 5))
    assert decided.results == (ActionResult(0, "swap", "applied", "line-1", 3, 5),)


def test_a_swapped_line_is_described_and_priced_as_the_catalogue_knows_the_new_offer() -> None:
    decided = Scenario(basket(line("line-1", "o-1@v-1")), CATALOGUE).when(swap("line-1", "o-1@v-2"))
    (swapped,) = decided.basket.items.values()
    assert (swapped.offer.name, swapped.offer.path) == ("Offer o-1", "/offers/o-1")
    assert [product.product_code for product in swapped.offer.products] == ["SKU-1", "SKU-9"]
    assert swapped.price == money("12.00")


def test_no_price_is_expected_of_a_swapped_line() -> None:
    given = basket(line("line-1", "o-1", expected_price=money("10.00")))
    decided = Scenario(given, CATALOGUE).when(swap("line-1", "o-2"))
    assert decided.basket.items["line-1"].expected_price is None


def test_an_offer_that_the_catalogue_does_not_know_is_accepted_and_unpriced() -> None:
    decided = Scenario(basket(line("line-1")), CATALOGUE).when(swap("line-1", "o-unknown"))
    decided.then(("swapped", "line-1", "o-1@v-1", "o-unknown@v-1", 1))
    (swapped,) = decided.basket.items.values()
    assert (swapped.offer, swapped.price) == (LineOffer(id="o-unknown", version="v-1"), None)


def test_a_swapped_line_keeps_its_place_among_the_lines() -> None:
    given = basket(line("line-1", "o-1"), line("line-2", "o-3"))
    decided = Scenario(given, CATALOGUE).when(swap("line-1", "o-2"))
    assert [*decided.basket.items] == ["line-1", "line-2"]


def test_an_add_on_is_swapped_under_its_parent() -> None:
    given = basket(line("line-1"), line("line-2", "a-1", parent_id="line-1"))
    decided = Scenario(given, CATALOGUE).when(swap("line-2", "a-2"))
    decided.then(("swapped", "line-2", "a-1@v-1", "a-2@v-1", 1))
    swapped = decided.basket.items["line-2"]
    assert (swapped.type, swapped.parent_id) == ("add_on", "line-1")


def test_a_swap_to_the_version_that_the_line_holds_is_unchanged() -> None:
    decided = Scenario(basket(line("line-1", "o-1", 3)), CATALOGUE).when(
        swap("line-1", "o-1"), swap("line-1", "o-1", 3)
    )
    decided.then()
    assert [result.status for result in decided.results] == ["unchanged", "unchanged"]


def test_a_swap_to_the_version_that_the_line_holds_may_change_its_quantity() -> None:
    given = basket(line("line-1", "o-1", 3, price=money("9.00"), expected_price=money("9.00")))
    decided = Scenario(given, CATALOGUE).when(swap("line-1", "o-1", 4))
    decided.then(("quantity", "line-1", 3, 4))
    held = decided.basket.items["line-1"]
    assert (held.price, held.expected_price) == (money("9.00"), expected(money("9.00")))


# add-ons


def test_add_ons_that_the_new_offer_does_not_carry_leave() -> None:
    given = basket(
        line("line-1", "o-1"),
        line("line-2", "a-1", parent_id="line-1"),
        line("line-3", "a-2", parent_id="line-1"),
    )
    decided = Scenario(given, CATALOGUE).when(swap("line-1", "o-2"))
    decided.then(("removed", "line-2", "parent_removed"), ("swapped", "line-1", "o-1@v-1", "o-2@v-1", 1))
    assert decided.results == (ActionResult(0, "swap", "applied", "line-1", 1, 1, ("line-2",)),)
    assert decided.basket.items["line-3"].parent_id == "line-1"


def test_add_ons_stay_under_another_version_of_their_offer() -> None:
    given = basket(line("line-1", "o-1@v-1"), line("line-2", "a-1", parent_id="line-1"))
    decided = Scenario(given, CATALOGUE).when(swap("line-1", "o-1@v-2"))
    decided.then(("swapped", "line-1", "o-1@v-1", "o-1@v-2", 1))


def test_an_offer_that_is_no_add_on_does_not_stay_as_one() -> None:
    given = basket(line("line-1", "o-1"), line("line-2", "a-3", parent_id="line-1"))
    decided = Scenario(given, CATALOGUE).when(swap("line-1", "o-2"))
    decided.then(("removed", "line-2", "parent_removed"), ("swapped", "line-1", "o-1@v-1", "o-2@v-1", 1))


def test_an_add_on_that_the_catalogue_does_not_know_stays_for_validation_to_judge() -> None:
    given = basket(line("line-1", "o-1"), line("line-2", "a-unknown", parent_id="line-1"))
    decided = Scenario(given, CATALOGUE).when(swap("line-1", "o-2"))
    decided.then(("swapped", "line-1", "o-1@v-1", "o-2@v-1", 1))


def test_add_ons_of_other_lines_stay() -> None:
    given = basket(line("line-1", "o-1"), line("line-2", "o-3"), line("line-3", "a-1", parent_id="line-2"))
    decided = Scenario(given, CATALOGUE).when(swap("line-1", "o-2"))
    decided.then(("swapped", "line-1", "o-1@v-1", "o-2@v-1", 1))


def test_an_add_on_that_left_with_a_swap_may_be_removed_again() -> None:
    given = basket(line("line-1", "o-1"), line("line-2", "a-1", parent_id="line-1"))
    decided = Scenario(given, CATALOGUE).when(swap("line-1", "o-2"), remove("line-2"))
    decided.then(("removed", "line-2", "parent_removed"), ("swapped", "line-1", "o-1@v-1", "o-2@v-1", 1))
    assert [result.status for result in decided.results] == ["applied", "unchanged"]


# what is refused


def test_a_swap_of_a_line_that_is_not_there_is_refused() -> None:
    Scenario(basket(), CATALOGUE).when(swap("line-9", "o-2")).then_rejected(
        ("orderItemActions", 0, "id", "order_item_not_found")
    )


@pytest.mark.parametrize("quantity", [None, 1, 7])
def test_a_swap_to_a_version_that_another_line_holds_is_refused(quantity: int | None) -> None:
    given = basket(line("line-1", "o-1"), line("line-2", "o-2"))
    Scenario(given, CATALOGUE).when(swap("line-1", "o-2", quantity)).then_rejected(
        ("orderItemActions", 0, "offer", "offer_already_in_basket")
    )


def test_the_same_offer_under_another_parent_is_no_obstacle() -> None:
    given = basket(
        line("line-1", "o-1"),
        line("line-2", "o-2"),
        line("line-3", "a-1", parent_id="line-1"),
        line("line-4", "a-2", parent_id="line-2"),
    )
    Scenario(given, CATALOGUE).when(swap("line-3", "a-2")).then(("swapped", "line-3", "a-1@v-1", "a-2@v-1", 1))


@pytest.mark.parametrize(
    ("action", "code"),
    [(swap("line-1", "o-2", 6), "quantity_too_large"), (swap("line-1", "o-2", 0), "quantity_too_small")],
)
def test_a_swap_keeps_to_the_limits_of_a_quantity(action: SwapItem, code: str) -> None:
    Scenario(basket(line("line-1")), CATALOGUE, BasketLimits(max_quantity=5)).when(action).then_rejected(
        ("orderItemActions", 0, "quantity", code)
    )


# whom it concerns


def test_after_a_swap_facts_about_the_new_offer_concern_the_basket_and_those_about_the_old_one_do_not() -> None:
    swapped = Scenario(basket(line("line-1", "o-1")), CATALOGUE).when(swap("line-1", "o-2")).basket
    assert {"offer/o-2", "product/SKU-2"} <= references_of(swapped)
    assert references_of(swapped).isdisjoint({"offer/o-1", "product/SKU-1"})


# with other actions


def test_a_swapped_line_takes_further_actions() -> None:
    decided = Scenario(basket(line("line-1", "o-1")), CATALOGUE).when(
        swap("line-1", "o-2"), change("line-1", 4), expect_price("line-1", money("25.00")), swap("line-1", "o-1@v-2")
    )
    decided.then(
        ("swapped", "line-1", "o-1@v-1", "o-2@v-1", 1),
        ("quantity", "line-1", 1, 4),
        ("price expected", "line-1", "None", "25.00 GBP"),
        ("swapped", "line-1", "o-2@v-1", "o-1@v-2", 4),
    )


def test_after_a_swap_an_add_of_the_old_version_is_a_line_of_its_own() -> None:
    decided = Scenario(basket(line("line-1", "o-1")), CATALOGUE).when(swap("line-1", "o-2"), add("o-1"))
    decided.then(("swapped", "line-1", "o-1@v-1", "o-2@v-1", 1), ("added", item_id(1), "o-1@v-1", 1))


def test_after_a_swap_an_add_of_the_new_version_raises_the_line() -> None:
    decided = Scenario(basket(line("line-1", "o-1")), CATALOGUE).when(swap("line-1", "o-2"), add("o-2", 2))
    decided.then(("swapped", "line-1", "o-1@v-1", "o-2@v-1", 1), ("quantity", "line-1", 1, 3))


def test_a_line_added_in_the_same_request_is_swapped_by_the_callers_own_id() -> None:
    decided = Scenario(basket(), CATALOGUE).when(add("o-1", id=OWN_ID), swap(OWN_ID, "o-2"))
    decided.then(("added", OWN_ID, "o-1@v-1", 1), ("swapped", OWN_ID, "o-1@v-1", "o-2@v-1", 1))


def test_a_line_is_swapped_to_the_version_of_a_line_that_left_before() -> None:
    given = basket(line("line-1", "o-1"), line("line-2", "o-2"))
    decided = Scenario(given, CATALOGUE).when(remove("line-2"), swap("line-1", "o-2"))
    decided.then(("removed", "line-2", "requested"), ("swapped", "line-1", "o-1@v-1", "o-2@v-1", 1))


def test_a_swap_takes_the_price_of_the_market_that_an_earlier_action_set() -> None:
    decided = Scenario(basket(line("line-1", "o-1")), CATALOGUE).when(
        update_details(currency="EUR"), swap("line-1", "o-2")
    )
    assert decided.basket.items["line-1"].price == money("29.00", "EUR")


def test_an_action_on_a_rejected_item_is_not_reported_for_a_swap_either() -> None:
    Scenario(basket(), CATALOGUE).when(add("o-1", 10_000, id=OWN_ID), swap(OWN_ID, "o-2")).then_rejected(
        ("orderItemActions", 0, "quantity", "quantity_too_large")
    )
