"""What an initiate makes of a basket, and when it is rejected."""

from __future__ import annotations

from typing import Any

import pytest

from domain.basket.decision import BasketLimits
from domain.basket.reconcile import reconcile
from tests.builders import basket, catalogue, decision_context, details, item, item_id, line, money, offer, price
from tests.scenario import Scenario

OWN_ID = "0b6f5d3c-1111-7000-8000-000000000001"
OTHER_OWN_ID = "0b6f5d3c-1111-7000-8000-000000000002"


# only the differences become events


def test_an_unchanged_line_is_no_event() -> None:
    given = basket(line("line-1", "o-1", 2), line("line-2", "a-1", parent_id="line-1"))
    Scenario(given).when_ordered(
        item("o-1", 2, id="line-1", type="offer"), item("a-1", type="add_on", parent_id="line-1")
    ).then()


def test_an_item_without_an_id_means_the_baskets_line() -> None:
    Scenario(basket(line("line-1", quantity=2))).when_ordered(item("o-1", 2)).then()


def test_only_differences_become_events() -> None:
    given = basket(line("line-1", "o-1", 2), line("line-2", "o-2"), line("line-3", "o-3", 3))
    Scenario(given).when_ordered(item("o-1", 5), item("o-3", 3), item("o-4", 4)).then(
        ("removed", "line-2", "requested"), ("quantity", "line-1", 2, 5), ("added", item_id(1), "o-4@v-1", 4)
    )


def test_a_line_that_stays_keeps_its_price() -> None:
    given = basket(line("line-1", "o-1", price=money("7.00")))
    decision = decision_context(given, catalogue(offer("o-1"), price("o-1", "9.00")))
    reconcile(decision, details(), (item("o-1", 2),))
    assert decision.basket.items["line-1"].price == money("7.00")


def test_an_empty_order_empties_the_basket() -> None:
    given = basket(line("line-1"), line("line-2", "a-1", parent_id="line-1"))
    Scenario(given).when_ordered().then(("removed", "line-2", "parent_removed"), ("removed", "line-1", "requested"))


def test_the_same_offer_under_another_id_is_another_line() -> None:
    Scenario(basket(line("line-1"))).when_ordered(item("o-1", id=OWN_ID)).then(
        ("removed", "line-1", "requested"), ("added", OWN_ID, "o-1@v-1", 1)
    )


def test_an_id_may_move_to_another_offer() -> None:
    Scenario(basket(line(OWN_ID, "o-1"))).when_ordered(item("o-2", id=OWN_ID)).then(
        ("removed", OWN_ID, "requested"), ("added", OWN_ID, "o-2@v-1", 1)
    )


def test_no_item_is_lost_if_the_request_gives_a_lines_id_to_another_offer() -> None:
    Scenario(basket(line(OWN_ID, "o-1"))).when_ordered(item("o-1", 3), item("o-2", id=OWN_ID)).then(
        ("removed", OWN_ID, "requested"), ("added", item_id(1), "o-1@v-1", 3), ("added", OWN_ID, "o-2@v-1", 1)
    )


def test_an_add_on_follows_its_offer_to_another_line() -> None:
    given = basket(line(OWN_ID, "o-1"), line("line-2", "a-1", parent_id=OWN_ID))
    decision = decision_context(given)
    wanted = (
        item("o-2", id=OWN_ID, type="offer"),
        item("a-1", type="add_on", parent_id=OWN_ID),
    )
    reconcile(decision, details(), wanted)
    assert {each.id: each.parent_id for each in decision.basket.items.values()} == {
        OWN_ID: None,
        "line-2": OWN_ID,
    }


# merging


def test_two_items_of_one_offer_version_make_one_line() -> None:
    Scenario(basket()).when_ordered(item("o-1", 2), item("o-1", 3)).then(("added", item_id(1), "o-1@v-1", 5))


def test_a_merged_line_takes_the_requests_id() -> None:
    Scenario(basket(line("line-1"))).when_ordered(item("o-1", 2), item("o-1", 3, id=OWN_ID)).then(
        ("removed", "line-1", "requested"), ("added", OWN_ID, "o-1@v-1", 5)
    )


def test_a_merged_line_stays_the_baskets_if_the_request_names_it() -> None:
    Scenario(basket(line(OWN_ID))).when_ordered(item("o-1", 2), item("o-1", 3, id=OWN_ID)).then(
        ("quantity", OWN_ID, 1, 5)
    )


def test_an_add_on_finds_its_parent_by_either_id_of_a_merged_line() -> None:
    decision = decision_context(basket())
    reconcile(
        decision,
        details(),
        (
            item("o-1", id=OWN_ID, type="offer"),
            item("o-1", id=OTHER_OWN_ID, type="offer"),
            item("a-1", type="add_on", parent_id=OTHER_OWN_ID),
        ),
    )
    assert [(each.id, each.parent_id, each.quantity) for each in decision.basket.items.values()] == [
        (OWN_ID, None, 2),
        (item_id(1), OWN_ID, 1),
    ]


def test_a_merged_line_keeps_to_the_largest_quantity() -> None:
    Scenario(basket()).when_ordered(item("o-1", 9998), item("o-1", 1)).then(("added", item_id(1), "o-1@v-1", 9999))
    Scenario(basket()).when_ordered(item("o-1", 9998), item("o-1", 2)).then_rejected(
        ("order", "orderItems", 1, "quantity", "quantity_too_large")
    )


def test_a_bad_quantity_is_not_hidden_by_merging() -> None:
    Scenario(basket()).when_ordered(item("o-1", 5), item("o-1", -2)).then_rejected(
        ("order", "orderItems", 1, "quantity", "quantity_too_small")
    )


# add-ons


def test_add_ons_may_come_before_their_offer_in_the_request() -> None:
    Scenario(basket()).when_ordered(
        item("a-1", type="add_on", parent_id=OWN_ID), item("o-1", id=OWN_ID, type="offer")
    ).then(("added", OWN_ID, "o-1@v-1", 1), ("added", item_id(1), "a-1@v-1", 1))


def test_new_lines_come_in_the_order_of_the_request() -> None:
    decided = Scenario(basket()).when_ordered(item("o-1"), item("o-2", id=OWN_ID), item("o-3"))
    assert [offer for _, _, offer, _ in decided.events] == ["o-1@v-1", "o-2@v-1", "o-3@v-1"]


def test_a_parent_must_be_in_the_request() -> None:
    given = basket(line("line-1"), line("line-2", "a-1", parent_id="line-1"))
    Scenario(given).when_ordered(item("a-1", type="add_on", parent_id="line-1")).then_rejected(
        ("order", "orderItems", 0, "parentId", "parent_not_found")
    )


def test_the_type_is_required_if_the_request_has_add_ons() -> None:
    Scenario(basket()).when_ordered(item("o-1", id=OWN_ID), item("a-1", type="add_on")).then_rejected(
        ("order", "orderItems", 0, "type", "type_required")
    )


def test_the_type_is_optional_if_the_add_ons_leave() -> None:
    given = basket(line("line-1"), line("line-2", "a-1", parent_id="line-1"))
    Scenario(given).when_ordered(item("o-1")).then(("removed", "line-2", "requested"))


def test_an_id_may_be_given_once() -> None:
    Scenario(basket()).when_ordered(item("o-1", id=OWN_ID), item("o-2", id=OWN_ID)).then_rejected(
        ("order", "orderItems", 0, "id", "duplicate_order_item_id"),
        ("order", "orderItems", 1, "id", "duplicate_order_item_id"),
    )


def test_violations_come_in_the_order_of_the_request() -> None:
    Scenario(basket()).when_ordered(
        item("a-1", type="add_on", parent_id="line-9"),
        item("o-1", 10_000, type="offer"),
        item("o-2"),
        item("o-3", type="offer"),
    ).then_rejected(
        ("order", "orderItems", 0, "parentId", "parent_not_found"),
        ("order", "orderItems", 1, "quantity", "quantity_too_large"),
        ("order", "orderItems", 2, "type", "type_required"),
    )


def test_an_add_on_of_a_rejected_parent_is_not_reported() -> None:
    Scenario(basket()).when_ordered(
        item("o-1", 10_000, id=OWN_ID, type="offer"), item("a-1", type="add_on", parent_id=OWN_ID)
    ).then_rejected(("order", "orderItems", 0, "quantity", "quantity_too_large"))


# the most lines


def test_a_basket_holds_no_more_than_the_limit_of_lines() -> None:
    limits = BasketLimits(max_items=2)
    three = [item(f"o-{number}") for number in range(3)]
    assert len(Scenario(basket(), limits=limits).when_ordered(*three[:2]).events) == 2
    Scenario(basket(), limits=limits).when_ordered(*three).then_rejected(("order", "orderItems", "too_many_items"))


def test_merged_items_count_as_one_line() -> None:
    assert len(Scenario(basket(), limits=BasketLimits(max_items=1)).when_ordered(item("o-1"), item("o-1")).events) == 1


# details


def test_details_are_set_to_the_requests() -> None:
    given = basket(external_id="E-1", source="shop")
    Scenario(given).when_ordered(external_id="E-2", country="DE", currency="EUR").then(
        ("details changed", "external_id", "country", "currency", "source")
    )


def test_equal_details_are_no_event() -> None:
    given = basket(custom_fields={"a": 1, "b": [True, {"c": None}]})
    Scenario(given).when_ordered(custom_fields={"b": [True, {"c": None}], "a": 1}).then()


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({"flag": 1}, {"flag": True}),
        ({"flag": [0]}, {"flag": [False]}),
        ({"amount": 1}, {"amount": 1.0}),
        ({"a": {"b": 1}}, {"a": {"c": 1}}),
        ({"a": []}, {"a": [None]}),
    ],
)
def test_open_fields_are_compared_as_json(before: dict[str, Any], after: dict[str, Any]) -> None:
    given = basket(custom_fields=before, tracking=before)
    Scenario(given).when_ordered(custom_fields=after, tracking=before).then(("details changed", "customFields"))


def test_added_lines_are_priced_in_the_requests_market() -> None:
    known = catalogue(offer("o-1"), price("o-1", "10.00", "GBP"), price("o-1", "12.00", "EUR"))
    decision = decision_context(basket(), known)
    reconcile(decision, details(country="DE", currency="EUR"), (item("o-1"),))
    (added,) = decision.basket.items.values()
    assert added.price == money("12.00", "EUR")
