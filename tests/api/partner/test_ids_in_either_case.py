"""UUIDs are accepted in either case, and shown in lower case."""

from __future__ import annotations

from tests.api.service import ApiCaller, Service, actions, add, change, order, problem, remove, wanted
from tests.builders import basket_id, caller, initiate, item, item_id

LOW = "0198c5a2-7f00-7c3e-9a51-3a5de7f0c1ab"
OTHER = "0198c5a2-7f00-7c3e-9a51-3a5de7f0c1cd"


async def test_an_add_on_finds_its_parent_whatever_the_case(shop: ApiCaller) -> None:
    id = await shop.begin(
        wanted(id=LOW.upper(), type="offer"), wanted("a-1", type="add_on", parentId=LOW, id=OTHER.title())
    )
    assert [(line["id"], line["parentId"]) for line in await shop.items(id)] == [(LOW, None), (OTHER, LOW)]
    answer = await shop.update(id, actions(add("a-2", type="add_on", parentId=LOW.title())))
    assert [line["parentId"] for line in answer.json()["order"]["orderItems"]] == [None, LOW, LOW]


async def test_actions_find_their_line_whatever_the_case(shop: ApiCaller) -> None:
    id = await shop.begin(wanted(id=LOW))
    results = (
        await shop.update(id, actions(change(LOW.upper(), 5), change(LOW.title(), 7), remove(LOW.upper())))
    ).json()["actionResults"]
    assert [(result["orderItemId"], result["after"]) for result in results] == [(LOW, 5), (LOW, 7), (LOW, 0)]


async def test_two_items_of_one_id_are_refused_whatever_the_case(shop: ApiCaller) -> None:
    answer = await shop.initiate(order(wanted("o-1", id=LOW), wanted("o-2", id=LOW.upper())))
    assert problem(answer) == (422, "invalid_request")
    assert {error["code"] for error in answer.json()["errors"]} == {"duplicate_order_item_id"}
    id = await shop.begin(wanted("o-1", id=LOW))
    taken = await shop.update(id, actions(add("o-2", id=LOW.upper())))
    assert [error["code"] for error in taken.json()["errors"]] == ["order_item_id_in_use"]


async def test_a_line_repeated_in_another_case_changes_nothing(shop: ApiCaller) -> None:
    id = await shop.begin(wanted(id=LOW.upper()))
    again = await shop.initiate(order(wanted(id=LOW.title()), checkoutId=id))
    assert (again.status_code, again.headers["etag"]) == (200, '"2"')


async def test_a_baskets_id_is_the_same_in_either_case(shop: ApiCaller) -> None:
    id = await shop.begin(wanted())
    loud = id.replace("basket-", "").upper()
    loud = f"basket-{loud}"
    assert (await shop.order(loud)).json()["id"] == id
    assert (await shop.validate(loud)).json()["id"] == id
    assert (await shop.update(loud, actions(add("o-2")))).json()["id"] == id
    assert (await shop.initiate(order(wanted(), checkoutId=loud))).json()["id"] == id


async def test_an_id_that_is_no_uuid_keeps_its_case(shop: ApiCaller) -> None:
    for id in ("basket-" + "A" * 32, "basket-" + "a" * 32):
        assert problem(await shop.order(id)) == (404, "basket_not_found")
        assert id in (await shop.order(id)).json()["detail"]
    assert problem(await shop.order(basket_id(5).replace("basket-", "BASKET-"))) == (422, "invalid_basket_id")


# ids that older releases stored as they came


async def stored(service: Service) -> str:
    """A basket with a line and an add-on, with ids in upper case."""
    command = initiate(
        item("o-1", id=LOW.upper(), type="offer"),
        item("a-1", id=OTHER.upper(), type="add_on", parent_id=LOW.upper()),
    )
    return (await service.checkout.handlers.initiate(command, caller(partner="shop"))).basket.id


async def test_an_id_that_is_stored_in_upper_case_is_answered_in_lower_case(service: Service, shop: ApiCaller) -> None:
    id = await stored(service)
    assert [(line["id"], line["parentId"]) for line in await shop.items(id)] == [(LOW, None), (OTHER, LOW)]
    verdict = (await shop.validate(id)).json()
    found = {finding["orderItemId"] for finding in verdict["validationErrors"]}
    assert found - {None} == {LOW, OTHER}


async def test_an_id_that_is_stored_in_upper_case_is_found(service: Service, shop: ApiCaller) -> None:
    id = await stored(service)
    answer = await shop.update(
        id, actions(change(LOW, 5), add("a-2", type="add_on", parentId=LOW), remove(LOW), remove(OTHER))
    )
    assert answer.status_code == 200, answer.text
    results = answer.json()["actionResults"]
    assert [result["orderItemId"] for result in results if result["orderItemActionType"] != "add"] == [
        LOW,
        LOW,
        OTHER,
    ]
    assert results[2]["removedOrderItemIds"][:2] == [LOW, OTHER]
    assert answer.json()["order"]["orderItems"] == []


async def test_a_line_stored_in_upper_case_can_be_repeated(service: Service, shop: ApiCaller) -> None:
    id = await stored(service)
    same = order(
        wanted("o-1", id=LOW, type="offer"),
        wanted("a-1", id=OTHER, type="add_on", parentId=LOW),
        checkoutId=id,
    )
    assert (await shop.initiate(same)).status_code == 200
    happened = [event.type for event in await service.checkout.store.read_events(id)]
    assert happened.count("checkout.order-item-added.v1") == 2
    assert "checkout.order-item-removed.v1" not in happened
    moved = order(wanted("o-9", id=LOW, type="offer"), wanted("a-1", type="add_on", parentId=LOW), checkoutId=id)
    assert (await shop.initiate(moved)).status_code == 200
    lines = await shop.items(id)
    assert [(line["offer"]["id"], line["parentId"]) for line in lines] == [("o-9", None), ("a-1", LOW)]
    assert lines[0]["id"] == LOW


async def test_an_id_stored_in_upper_case_is_in_use(service: Service, shop: ApiCaller) -> None:
    id = await stored(service)
    taken = await shop.update(id, actions(add("o-2", id=LOW, type="offer"), remove(item_id(9))))
    assert [error["code"] for error in taken.json()["errors"]] == [
        "order_item_id_in_use",
        "order_item_not_found",
    ]
