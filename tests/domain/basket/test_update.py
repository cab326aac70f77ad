"""What the actions of an update do to a basket, and when they are rejected."""

from __future__ import annotations

import pytest

from domain.basket.basket import Basket
from domain.basket.commands import Action, ActionResult
from domain.basket.decision import BasketLimits
from domain.basket.update import apply_actions
from tests.builders import add, basket, catalogue, change, decision_context, item_id, line, money, offer, price, remove
from tests.scenario import Scenario

OWN_ID = "0b6f5d3c-1111-7000-8000-000000000001"


# adding


def test_an_added_offer_becomes_a_line() -> None:
    decided = Scenario(basket()).when(add("o-1", 2))
    decided.then(("added", item_id(1), "o-1@v-1", 2))
    assert decided.results == (ActionResult(0, "add", "applied", item_id(1), 0, 2),)
    assert decided.results[0].status == "applied"


def test_an_added_line_is_described_as_the_catalogue_knows_it_now() -> None:
    known = catalogue(offer("o-1", products=["SKU-1", "SKU-2"]), price("o-1", "9.90"))
    decision = decision_context(basket(), known)
    apply_actions(decision, (add("o-1"),))
    (added,) = decision.basket.items.values()
    assert (added.offer.name, added.offer.path) == ("Offer o-1", "/offers/o-1")
    assert [product.product_code for product in added.offer.products] == ["SKU-1", "SKU-2"]
    assert added.price == money("9.90")


def test_an_offer_that_the_catalogue_does_not_know_is_accepted_without_name_or_price() -> None:
    decision = decision_context(basket())
    apply_actions(decision, (add("o-unknown"),))
    (added,) = decision.basket.items.values()
    assert (added.offer.name, added.offer.products, added.price) == (None, (), None)


def test_adding_an_offer_version_that_the_basket_holds_raises_that_line() -> None:
    decided = Scenario(basket(line("line-1", quantity=3))).when(add("o-1", 2))
    decided.then(("quantity", "line-1", 3, 5))
    assert decided.results == (ActionResult(0, "add", "applied", "line-1", 3, 5),)


def test_another_version_of_an_offer_is_another_line() -> None:
    decided = Scenario(basket(line("line-1", "o-1@v-1"))).when(add("o-1@v-2"))
    decided.then(("added", item_id(1), "o-1@v-2", 1))


def test_the_same_offer_under_another_parent_is_another_line() -> None:
    given = basket(line("line-1"), line("line-2", "o-2"), line("line-3", "a-1", parent_id="line-1"))
    decided = Scenario(given).when(add("a-1", type="add_on", parent_id="line-2"))
    decided.then(("added", item_id(1), "a-1@v-1", 1))


def test_the_same_offer_as_an_add_on_is_another_line() -> None:
    decided = Scenario(basket(line("line-1", "o-1"))).when(add("o-1", type="add_on", parent_id="line-1"))
    decided.then(("added", item_id(1), "o-1@v-1", 1))


def test_two_additions_of_one_offer_make_one_line() -> None:
    decided = Scenario(basket()).when(add("o-1", 2), add("o-1", 3))
    decided.then(("added", item_id(1), "o-1@v-1", 2), ("quantity", item_id(1), 2, 5))
    assert [result.order_item_id for result in decided.results] == [item_id(1), item_id(1)]


def test_an_add_on_may_hang_under_an_item_that_the_same_request_adds() -> None:
    decision = decision_context(basket())
    apply_actions(decision, (add("o-1", id=OWN_ID, type="offer"), add("a-1", type="add_on", parent_id=OWN_ID)))
    offer_line, add_on = decision.basket.items.values()
    assert (offer_line.id, add_on.parent_id) == (OWN_ID, OWN_ID)


def test_an_items_id_means_the_line_that_it_raised() -> None:
    given = basket(line("line-1"))
    decided = Scenario(given).when(
        add("o-1", id=OWN_ID, type="offer"), add("a-1", type="add_on", parent_id=OWN_ID), change(OWN_ID, 7)
    )
    decided.then(("quantity", "line-1", 1, 2), ("added", item_id(1), "a-1@v-1", 1), ("quantity", "line-1", 2, 7))


def test_an_add_on_may_name_no_parent() -> None:
    decided = Scenario(basket()).when(add("a-1", type="add_on"))
    decided.then(("added", item_id(1), "a-1@v-1", 1))


def test_the_type_is_optional_if_the_basket_has_no_add_ons() -> None:
    decision = decision_context(basket(line("line-1")))
    apply_actions(decision, (add("o-2"),))
    assert [each.type for each in decision.basket.items.values()] == ["offer", "offer"]


@pytest.mark.parametrize(
    ("given", "actions", "index"),
    [
        (basket(line("line-1"), line("line-2", "a-1", parent_id="line-1")), [add("o-2")], 0),
        (basket(line("line-1")), [add("a-1", type="add_on", parent_id="line-1"), add("o-2")], 1),
    ],
    ids=["the basket holds an add-on", "the request adds an add-on"],
)
def test_the_type_is_required_if_there_are_add_ons(given: Basket, actions: list[Action], index: int) -> None:
    Scenario(given).when(*actions).then_rejected(("orderItemActions", index, "type", "type_required"))


def test_an_offer_has_no_parent() -> None:
    given = basket(line("line-1"))
    Scenario(given).when(add("o-2", type="offer", parent_id="line-1")).then_rejected(
        ("orderItemActions", 0, "parentId", "parent_not_allowed")
    )


def test_a_parent_must_be_there() -> None:
    Scenario(basket()).when(add("a-1", type="add_on", parent_id="line-9")).then_rejected(
        ("orderItemActions", 0, "parentId", "parent_not_found")
    )


def test_an_add_on_hangs_under_no_add_on() -> None:
    given = basket(line("line-1"), line("line-2", "a-1", parent_id="line-1"))
    Scenario(given).when(add("a-2", type="add_on", parent_id="line-2")).then_rejected(
        ("orderItemActions", 0, "parentId", "parent_is_add_on")
    )


def test_an_id_of_another_line_is_rejected() -> None:
    given = basket(line(OWN_ID, "o-1"))
    Scenario(given).when(add("o-2", id=OWN_ID)).then_rejected(("orderItemActions", 0, "id", "order_item_id_in_use"))


def test_an_id_of_another_line_is_rejected_even_if_the_offer_is_in_the_basket() -> None:
    given = basket(line("line-1", "o-1"), line(OWN_ID, "o-2"))
    Scenario(given).when(add("o-1", id=OWN_ID)).then_rejected(("orderItemActions", 0, "id", "order_item_id_in_use"))


def test_an_id_means_one_line_only() -> None:
    given = basket(line("line-1", "o-1"))
    Scenario(given).when(add("o-1", id=OWN_ID), add("o-2", id=OWN_ID)).then_rejected(
        ("orderItemActions", 1, "id", "order_item_id_in_use")
    )


def test_an_id_is_free_once_its_line_has_left() -> None:
    given = basket(line("line-1", "o-1"))
    decided = Scenario(given).when(add("o-1", id=OWN_ID), remove(OWN_ID), add("o-2", id=OWN_ID), change(OWN_ID, 4))
    decided.then(
        ("quantity", "line-1", 1, 2),
        ("removed", "line-1", "requested"),
        ("added", OWN_ID, "o-2@v-1", 1),
        ("quantity", OWN_ID, 1, 4),
    )


def test_a_line_that_reuses_an_id_is_a_different_line() -> None:
    given = basket(line(OWN_ID, "o-1"))
    decided = Scenario(given).when(remove(OWN_ID), add("o-2", id=OWN_ID), add("o-1"))
    assert decided.events[1:] == [("added", OWN_ID, "o-2@v-1", 1), ("added", item_id(1), "o-1@v-1", 1)]


# quantities


@pytest.mark.parametrize("quantity", [1, 9999])
def test_a_quantity_within_the_limits_is_accepted(quantity: int) -> None:
    decided = Scenario(basket()).when(add("o-1", quantity))
    decided.then(("added", item_id(1), "o-1@v-1", quantity))


@pytest.mark.parametrize(
    ("quantity", "code"),
    [(10_000, "quantity_too_large"), (0, "quantity_too_small"), (-1, "quantity_too_small")],
)
def test_a_quantity_outside_its_limits_is_refused_and_not_clamped(quantity: int, code: str) -> None:
    at = ("orderItemActions", 0, "quantity", code)
    Scenario(basket()).when(add("o-1", quantity)).then_rejected(at)
    Scenario(basket(line("line-1", quantity=5))).when(add("o-1", quantity)).then_rejected(at)


@pytest.mark.parametrize(("quantity", "code"), [(10_000, "quantity_too_large"), (-1, "quantity_too_small")])
def test_a_line_is_not_changed_to_a_quantity_outside_its_limits(quantity: int, code: str) -> None:
    Scenario(basket(line("line-1"))).when(change("line-1", quantity)).then_rejected(
        ("orderItemActions", 0, "quantity", code)
    )


def test_a_line_may_be_raised_to_the_limit_and_no_further() -> None:
    given = basket(line("line-1", quantity=9998))
    Scenario(given).when(add("o-1", 1)).then(("quantity", "line-1", 9998, 9999))
    Scenario(given).when(add("o-1", 2)).then_rejected(("orderItemActions", 0, "quantity", "quantity_too_large"))


def test_a_quantity_is_changed() -> None:
    decided = Scenario(basket(line("line-1", quantity=3))).when(change("line-1", 1))
    decided.then(("quantity", "line-1", 3, 1))
    assert decided.results == (ActionResult(0, "change_quantity", "applied", "line-1", 3, 1),)


def test_a_change_to_the_same_quantity_is_unchanged_and_no_event() -> None:
    decided = Scenario(basket(line("line-1", quantity=3))).when(change("line-1", 3))
    decided.then()
    assert [result.status for result in decided.results] == ["unchanged"]


def test_a_change_to_0_removes_the_line() -> None:
    given = basket(line("line-1", quantity=3), line("line-2", "a-1", parent_id="line-1"))
    decided = Scenario(given).when(change("line-1", 0))
    decided.then(("removed", "line-2", "parent_removed"), ("removed", "line-1", "requested"))
    assert decided.results == (ActionResult(0, "change_quantity", "applied", "line-1", 3, 0, ("line-1", "line-2")),)


# removing


def test_a_removed_offer_takes_its_add_ons_along() -> None:
    given = basket(
        line("line-1"),
        line("line-2", "a-1", 2, parent_id="line-1"),
        line("line-3", "o-3"),
        line("line-4", "a-1", parent_id="line-3"),
    )
    decided = Scenario(given).when(remove("line-1"))
    decided.then(("removed", "line-2", "parent_removed"), ("removed", "line-1", "requested"))
    assert decided.results == (ActionResult(0, "remove", "applied", "line-1", 1, 0, ("line-1", "line-2")),)


def test_a_removed_add_on_leaves_its_offer() -> None:
    given = basket(line("line-1"), line("line-2", "a-1", parent_id="line-1"))
    Scenario(given).when(remove("line-2")).then(("removed", "line-2", "requested"))


@pytest.mark.parametrize("action", [remove("line-2"), change("line-2", 0)])
def test_an_add_on_that_left_with_its_offer_may_be_removed_again(action: Action) -> None:
    given = basket(line("line-1"), line("line-2", "a-1", parent_id="line-1"))
    decided = Scenario(given).when(remove("line-1"), action)
    decided.then(("removed", "line-2", "parent_removed"), ("removed", "line-1", "requested"))
    assert (decided.results[1].status, decided.results[1].before, decided.results[1].after) == (
        "unchanged",
        0,
        0,
    )


def test_an_item_that_reuses_the_id_of_a_removed_add_on_can_be_removed() -> None:
    given = basket(line("line-1"), line(OWN_ID, "a-1", parent_id="line-1"))
    decided = Scenario(given).when(remove("line-1"), add("o-2", type="offer", id=OWN_ID), remove(OWN_ID))
    assert decided.events[2:] == [("added", OWN_ID, "o-2@v-1", 1), ("removed", OWN_ID, "requested")]
    assert decided.results[2].status == "applied"


def test_the_quantity_of_a_removed_add_on_cannot_be_changed() -> None:
    given = basket(line("line-1"), line("line-2", "a-1", parent_id="line-1"))
    Scenario(given).when(remove("line-1"), change("line-2", 3)).then_rejected(
        ("orderItemActions", 1, "id", "order_item_not_found")
    )


@pytest.mark.parametrize("action", [remove("line-9"), change("line-9", 1), change("line-9", 0)])
def test_an_action_on_an_item_that_is_not_there_is_refused(action: Action) -> None:
    Scenario(basket(line("line-1"))).when(action).then_rejected(("orderItemActions", 0, "id", "order_item_not_found"))


def test_an_item_is_not_removed_twice_by_name() -> None:
    Scenario(basket(line("line-1"))).when(remove("line-1"), remove("line-1")).then_rejected(
        ("orderItemActions", 1, "id", "order_item_not_found")
    )


def test_actions_are_carried_out_in_their_order() -> None:
    given = basket(line("line-1", quantity=3))
    decided = Scenario(given).when(remove("line-1"), add("o-1", 2))
    decided.then(("removed", "line-1", "requested"), ("added", item_id(1), "o-1@v-1", 2))


# all or nothing


def test_one_bad_action_rejects_all() -> None:
    Scenario(basket(line("line-1"))).when(add("o-2"), change("line-1", 5), remove("line-9")).then_rejected(
        ("orderItemActions", 2, "id", "order_item_not_found")
    )


def test_all_bad_actions_are_reported_with_their_places() -> None:
    given = basket(line("line-1"))
    Scenario(given).when(
        add("o-2", 10_000), remove("line-8"), add("o-3"), change("line-1", -1), remove("line-9")
    ).then_rejected(
        ("orderItemActions", 0, "quantity", "quantity_too_large"),
        ("orderItemActions", 1, "id", "order_item_not_found"),
        ("orderItemActions", 3, "quantity", "quantity_too_small"),
        ("orderItemActions", 4, "id", "order_item_not_found"),
    )


def test_an_action_on_a_rejected_item_is_not_reported() -> None:
    Scenario(basket()).when(
        add("o-1", 10_000, id=OWN_ID, type="offer"),
        add("a-1", type="add_on", parent_id=OWN_ID),
        change(OWN_ID, 2),
        remove("line-9"),
    ).then_rejected(
        ("orderItemActions", 0, "quantity", "quantity_too_large"),
        ("orderItemActions", 3, "id", "order_item_not_found"),
    )


def test_no_actions_do_nothing() -> None:
    decided = Scenario(basket(line("line-1"))).when()
    decided.then()
    assert decided.results == ()


# the most lines


def test_a_full_basket_takes_no_more_lines() -> None:
    limits = BasketLimits(max_items=2)
    given = basket(line("line-1"))
    Scenario(given, limits=limits).when(add("o-2")).then(("added", item_id(1), "o-2@v-1", 1))
    Scenario(given, limits=limits).when(add("o-2"), add("o-3")).then_rejected(("orderItemActions", 1, "too_many_items"))


def test_lines_of_a_full_basket_may_be_raised_and_exchanged() -> None:
    limits = BasketLimits(max_items=1)
    given = basket(line("line-1"))
    decided = Scenario(given, limits=limits).when(add("o-1"), remove("line-1"), add("o-2"))
    decided.then(("quantity", "line-1", 1, 2), ("removed", "line-1", "requested"), ("added", item_id(1), "o-2@v-1", 1))
