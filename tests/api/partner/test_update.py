"""PUT /partner/checkout/update: all of the actions, or none."""

from __future__ import annotations

import asyncio

import pytest

from tests.api.service import RIVAL, ApiCaller, Service, actions, add, change, errors, problem, remove, wanted
from tests.builders import LIFETIME, basket_id, caller, item_id, offer, price

NEVER = item_id(9999)


async def test_the_response_shows_what_each_action_did(shop: ApiCaller) -> None:
    id = await shop.begin(wanted("o-1", 2), wanted("o-9"))
    first, second = [item["id"] for item in await shop.items(id)]
    answer = await shop.update(id, actions(add("o-2"), change(first, 5), change(first, 5), remove(second)))
    assert answer.status_code == 200
    body = answer.json()
    assert set(body) == {"id", "order", "actionResults"}
    added = body["order"]["orderItems"][-1]["id"]
    told = ("index", "orderItemActionType", "status", "orderItemId", "before", "after", "removedOrderItemIds")
    assert [tuple(result[name] for name in told) for result in body["actionResults"]] == [
        (0, "add", "applied", added, 0, 1, []),
        (1, "change_quantity", "applied", first, 2, 5, []),
        (2, "change_quantity", "unchanged", first, 5, 5, []),
        (3, "remove", "applied", second, 1, 0, [second]),
    ]


async def test_the_response_shows_the_basket_after_the_update(shop: ApiCaller) -> None:
    id = await shop.begin()
    answer = await shop.update(id, actions(add()))
    assert answer.json()["order"] == (await shop.order(id)).json()["order"]
    assert answer.headers["etag"] == f'"{answer.json()["order"]["version"]}"'


async def test_adding_what_the_basket_holds_raises_its_quantity(shop: ApiCaller) -> None:
    id = await shop.begin(wanted("o-1", 2))
    result = (await shop.update(id, actions(add("o-1", 3)))).json()["actionResults"][0]
    assert (result["before"], result["after"]) == (2, 5)
    assert len(await shop.items(id)) == 1


async def test_an_offer_takes_its_add_ons_along(shop: ApiCaller) -> None:
    id = await shop.begin(wanted("o-1", type="offer"))
    parent = (await shop.items(id))[0]["id"]
    await shop.update(id, actions(add("a-7", type="add_on", parentId=parent)))
    add_on = (await shop.items(id))[1]["id"]
    result = (await shop.update(id, actions(remove(parent)))).json()["actionResults"][0]
    assert sorted(result["removedOrderItemIds"]) == sorted([parent, add_on])
    assert await shop.items(id) == []


async def test_a_quantity_of_zero_removes_the_line(shop: ApiCaller) -> None:
    id = await shop.begin(wanted())
    line = (await shop.items(id))[0]["id"]
    result = (await shop.update(id, actions(change(line, 0)))).json()["actionResults"][0]
    assert (result["orderItemActionType"], result["after"]) == ("change_quantity", 0)
    assert await shop.items(id) == []


async def test_one_bad_action_rejects_all_and_changes_nothing(shop: ApiCaller) -> None:
    id = await shop.begin(wanted())
    before = (await shop.order(id)).json()
    answer = await shop.update(id, actions(add("o-2"), remove(NEVER), change(NEVER, 2)))
    assert problem(answer) == (422, "invalid_request")
    assert errors(answer) == [
        ("/orderItemActions/1/id", "order_item_not_found"),
        ("/orderItemActions/2/id", "order_item_not_found"),
    ]
    assert (await shop.order(id)).json() == before


WRONG: list[tuple[object, list[tuple[str, str]]]] = [
    ({}, [("/orderItemActions", "required")]),
    (actions({}), [("/orderItemActions/0/orderItemActionType", "required")]),
    (actions({"orderItemActionType": "steal"}), [("/orderItemActions/0/orderItemActionType", "not_one_of")]),
    (actions(add(quantity=0)), [("/orderItemActions/0/quantity", "quantity_too_small")]),
    (actions(add(quantity=10_000)), [("/orderItemActions/0/quantity", "quantity_too_large")]),
    (actions(change(NEVER, -1)), [("/orderItemActions/0/quantity", "quantity_too_small")]),
    (actions(change(NEVER, 10_000)), [("/orderItemActions/0/quantity", "quantity_too_large")]),
    (actions({**remove(NEVER), "add": 1}), [("/orderItemActions/0/add", "unknown_field")]),
    (actions({**remove(NEVER), "quantity": 1}), [("/orderItemActions/0/quantity", "unknown_field")]),
    (actions({"orderItemActionType": "remove"}), [("/orderItemActions/0/id", "required")]),
    (actions(add(type="add_on", parentId=NEVER)), [("/orderItemActions/0/parentId", "parent_not_found")]),
    (actions(add(), 3, add(quantity=0)), [
        ("/orderItemActions/1", "wrong_type"),
        ("/orderItemActions/2/quantity", "quantity_too_small"),
    ]),
    (actions(*[add()] * 201), [("/orderItemActions", "too_many_actions")]),
]  # fmt: skip


@pytest.mark.parametrize(("body", "wrong"), WRONG)
async def test_everything_that_is_wrong_is_reported_at_once(
    shop: ApiCaller, body: object, wrong: list[tuple[str, str]]
) -> None:
    answer = await shop.update(await shop.begin(), body, prefer="handling=strict")
    assert problem(answer) == (422, "invalid_request")
    assert errors(answer) == wrong


async def test_a_sum_over_the_largest_quantity_is_refused(shop: ApiCaller) -> None:
    id = await shop.begin(wanted(quantity=9999))
    assert errors(await shop.update(id, actions(add()))) == [("/orderItemActions/0/quantity", "quantity_too_large")]


async def test_two_hundred_actions_are_the_limit(shop: ApiCaller) -> None:
    id = await shop.begin()
    assert (await shop.update(id, actions(*[add()] * 200))).status_code == 200
    assert [item["quantity"] for item in await shop.items(id)] == [200]


async def test_no_action_at_all_changes_nothing(shop: ApiCaller) -> None:
    id = await shop.begin()
    answer = await shop.update(id, actions())
    assert (answer.status_code, answer.headers["etag"], answer.json()["actionResults"]) == (200, '"1"', [])


async def test_an_unknown_offer_is_added_without_name_and_price(shop: ApiCaller) -> None:
    id = await shop.begin()
    line = (await shop.update(id, actions(add("o-unheard-of")))).json()["order"]["orderItems"][0]
    assert (line["offer"]["name"], line["offer"]["products"], line["price"]) == (None, [], None)


async def test_a_known_offer_is_added_with_name_products_and_price(service: Service, shop: ApiCaller) -> None:
    await service.checkout.record(offer("o-1"), price("o-1", "9.90"))
    found = (await shop.update(await shop.begin(currency="GBP"), actions(add("o-1", 3)))).json()["order"]
    line = found["orderItems"][0]
    assert line["offer"] == {
        "id": "o-1",
        "version": "v-1",
        "name": "Offer o-1",
        "path": "/offers/o-1",
        "products": [{"productCode": "SKU-1", "path": "/products/sku-1", "quantity": 1}],
    }
    assert line["price"] == {"amount": "9.90", "currency": "GBP", "interval": None}
    assert line["lineTotal"] == found["total"] == found["payable"] == {"amount": "29.70", "currency": "GBP"}
    assert found["totals"] == [{"amount": "29.70", "currency": "GBP", "interval": None}]


async def test_concurrent_updates_of_one_basket_lose_no_item(shop: ApiCaller) -> None:
    id = await shop.begin(wanted("o-shared"))
    answers = await asyncio.gather(
        *(shop.update(id, actions(add(f"o-{number}"), add("o-shared"))) for number in range(16))
    )
    assert {answer.status_code for answer in answers} == {200}
    found = {item["offer"]["id"]: item["quantity"] for item in await shop.items(id)}
    assert found == {"o-shared": 17, **{f"o-{number}": 1 for number in range(16)}}


async def test_processes_that_share_a_store_lose_no_item_either(service: Service) -> None:
    other = Service(service.settings, service.checkout, handlers=service.checkout.process().handlers.real)
    one, two = service.caller(), other.caller()
    id = await one.begin()
    answers = await asyncio.gather(
        *((one, two)[number % 2].update(id, actions(add(f"o-{number}"))) for number in range(16))
    )
    assert {answer.status_code for answer in answers} == {200}
    assert len(await one.items(id)) == len(await two.items(id)) == 16


async def test_another_organisations_basket_is_as_unknown_as_one_that_never_was(
    service: Service, shop: ApiCaller
) -> None:
    id = await service.caller(RIVAL).begin()
    anothers = await shop.update(id, actions(add()))
    nobodys = await shop.update(basket_id(77), actions(add()))
    assert problem(anothers) == (404, "basket_not_found")
    assert anothers.text.replace(id, "?") == nobodys.text.replace(basket_id(77), "?")


async def test_a_completed_or_expired_basket_takes_no_update(service: Service, shop: ApiCaller) -> None:
    completed, expired = await shop.begin(), await shop.begin()
    await service.checkout.handlers.complete(completed, None, caller())
    service.checkout.clock.advance(LIFETIME)
    for id, status in ((completed, "completed"), (expired, "expired")):
        answer = await shop.update(id, actions(add()))
        assert problem(answer) == (409, "basket_finished")
        assert answer.json()["basketStatus"] == status
