"""Clearing a basket, and setting some of its details."""

from __future__ import annotations

from domain.basket.commands import ActionResult
from domain.basket.decision import BasketLimits
from domain.basket.update import MAX_DETAILS_BYTES
from tests.builders import add, basket, change, clear, item_id, line, remove, swap, update_details
from tests.scenario import Scenario

FULL = basket(
    line("line-1", "o-1", 2),
    line("line-2", "a-1", parent_id="line-1"),
    line("line-3", "o-3"),
)
OWN_ID = "0b6f5d3c-1111-7000-8000-000000000001"


# clear


def test_a_cleared_basket_has_no_lines() -> None:
    decided = Scenario(FULL).when(clear())
    decided.then(
        ("removed", "line-2", "parent_removed"),
        ("removed", "line-1", "requested"),
        ("removed", "line-3", "requested"),
    )
    assert decided.basket.items == {}


def test_the_result_of_clear_counts_and_names_the_lines_that_left() -> None:
    decided = Scenario(FULL).when(clear())
    assert decided.results == (ActionResult(0, "clear", "applied", None, 3, 0, ("line-1", "line-2", "line-3")),)


def test_clear_leaves_the_details() -> None:
    given = basket(line("line-1"), source="shop")
    assert Scenario(given).when(clear()).basket.details == given.details


def test_an_add_on_without_a_parent_leaves_with_the_others() -> None:
    decided = Scenario(basket(line("line-1", "a-1", type="add_on"))).when(clear())
    decided.then(("removed", "line-1", "requested"))


def test_an_empty_basket_is_unchanged_by_clear() -> None:
    decided = Scenario(basket()).when(clear())
    decided.then()
    assert decided.results == (ActionResult(0, "clear", "unchanged", None, 0, 0),)


def test_a_second_clear_is_unchanged() -> None:
    assert [result.status for result in Scenario(FULL).when(clear(), clear()).results] == ["applied", "unchanged"]


def test_a_cleared_basket_is_filled_again() -> None:
    decided = Scenario(basket(line("line-1", "o-1", 2))).when(clear(), add("o-1", 5), change(item_id(1), 6))
    decided.then(
        ("removed", "line-1", "requested"),
        ("added", item_id(1), "o-1@v-1", 5),
        ("quantity", item_id(1), 5, 6),
    )


def test_a_full_basket_takes_as_many_lines_after_clear() -> None:
    limits = BasketLimits(max_items=1)
    decided = Scenario(basket(line("line-1")), limits=limits).when(clear(), add("o-2"))
    decided.then(("removed", "line-1", "requested"), ("added", item_id(1), "o-2@v-1", 1))


def test_the_id_of_a_cleared_line_is_free_again() -> None:
    given = basket(line(OWN_ID, "o-1"))
    decided = Scenario(given).when(clear(), add("o-2", id=OWN_ID))
    decided.then(("removed", OWN_ID, "requested"), ("added", OWN_ID, "o-2@v-1", 1))


def test_after_clear_a_type_need_not_be_said() -> None:
    decided = Scenario(FULL).when(clear(), add("o-4"))
    assert [(each.offer.id, each.type) for each in decided.basket.items.values()] == [("o-4", "offer")]


def test_lines_that_were_cleared_take_no_actions() -> None:
    Scenario(FULL).when(clear(), change("line-1", 4), swap("line-3", "o-4"), remove("line-1")).then_rejected(
        ("orderItemActions", 1, "id", "order_item_not_found"),
        ("orderItemActions", 2, "id", "order_item_not_found"),
        ("orderItemActions", 3, "id", "order_item_not_found"),
    )


def test_an_add_on_that_left_with_clear_may_be_removed_again() -> None:
    assert [result.status for result in Scenario(FULL).when(clear(), remove("line-2")).results] == [
        "applied",
        "unchanged",
    ]


# update_details


def test_the_named_details_are_set_and_the_others_stay() -> None:
    given = basket(external_id="E-1", source="shop", tracking={"a": 1})
    decided = Scenario(given).when(update_details(source="kiosk", order_type="renewal"))
    decided.then(("details changed", "source", "order_type"))
    assert (
        decided.basket.details
        == basket(external_id="E-1", source="kiosk", order_type="renewal", tracking={"a": 1}).details
    )


def test_the_result_of_update_details_names_no_line() -> None:
    decided = Scenario(basket()).when(update_details(source="kiosk"))
    assert decided.results == (ActionResult(0, "update_details", "applied", None, None, None),)


def test_details_are_unset() -> None:
    given = basket(source="shop", tracking={"a": 1})
    decided = Scenario(given).when(update_details(source=None, tracking={}))
    decided.then(("details changed", "source", "tracking"))
    assert (decided.basket.details.source, decided.basket.details.tracking) == (None, {})


def test_a_map_is_set_as_a_whole() -> None:
    given = basket(custom_fields={"a": 1, "b": 2})
    decided = Scenario(given).when(update_details(custom_fields={"b": 3}))
    assert decided.basket.details.custom_fields == {"b": 3}


def test_the_same_details_are_unchanged_and_no_event() -> None:
    decided = Scenario(basket(source="shop")).when(update_details(source="shop"), update_details())
    decided.then()
    assert [result.status for result in decided.results] == ["unchanged", "unchanged"]


def test_details_are_set_twice_and_the_last_value_stays() -> None:
    decided = Scenario(basket(source="shop")).when(
        update_details(source="kiosk", country="IE"), update_details(source="web")
    )
    decided.then(("details changed", "country", "source"), ("details changed", "source"))
    assert (decided.basket.details.source, decided.basket.details.country) == ("web", "IE")


def test_details_leave_the_lines() -> None:
    decided = Scenario(FULL).when(update_details(country="IE", currency="EUR"))
    assert decided.basket.items == FULL.items


def test_a_bad_action_refuses_details_too() -> None:
    Scenario(basket()).when(update_details(source="kiosk"), remove("line-9")).then_rejected(
        ("orderItemActions", 1, "id", "order_item_not_found")
    )


def test_very_large_details_are_set_once_in_an_update() -> None:
    given = basket(custom_fields={"text": "x" * MAX_DETAILS_BYTES})
    once, again = update_details(source="web"), update_details(source="kiosk")
    Scenario(given).when(once).then(("details changed", "source"))
    Scenario(given).when(once, again).then_rejected(("orderItemActions", 1, "order", "details_too_large"))


def test_small_details_are_set_by_every_action() -> None:
    actions = [update_details(source=f"shop-{number}") for number in range(200)]
    assert len(Scenario(basket()).when(*actions).events) == 200


def test_the_market_is_recomputed_from_the_details_that_name_a_country() -> None:
    given = basket(country=None, delivery_details={"country": "FR"})
    decided = Scenario(given).when(update_details(delivery_details={"country": "DE"}))
    assert (given.market.country, decided.basket.market.country) == ("FR", "DE")


def test_the_market_stays_if_other_details_change() -> None:
    given = basket(country=None, delivery_details={"country": "FR"})
    assert Scenario(given).when(update_details(source="kiosk")).basket.market.country == "FR"
