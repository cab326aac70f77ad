"""The actions swap, clear, update_details and expect_price over HTTP, and all actions together."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.service import (
    ApiCaller,
    Service,
    actions,
    add,
    change,
    clear,
    errors,
    expect_price,
    order,
    problem,
    remove,
    swap,
    update_details,
    wanted,
)
from tests.builders import item_id, offer, price

NEVER = item_id(9999)
STRICT = {"prefer": "handling=strict"}
OWN_ID = "0b6f5d3c-1111-7000-8000-000000000001"
ADD_ON_ID = "0b6f5d3c-1111-7000-8000-000000000002"
OTHER_ID = "0b6f5d3c-1111-7000-8000-000000000003"
NEW_ID = "0b6f5d3c-1111-7000-8000-000000000004"
PERSON = {"firstName": "Grace", "country": "FR", "loyalty": {"tier": 2}}


async def held(service: Service, shop: ApiCaller, **details: Any) -> str:
    """A basket with two of o-1, its add-on a-1, and one of o-3. The price of o-1 has changed since to 12.00."""
    await service.checkout.record(
        offer("o-1"),
        price("o-1", "10.00"),
        offer("o-1@v-2", sequence=2),
        price("o-1@v-2", "11.00"),
        offer("o-2"),
        price("o-2", "25.00"),
        offer("a-1", add_on_to=["o-1"]),
        price("a-1", "3.00"),
        offer("o-3"),
        price("o-3", "5.00"),
    )
    id = await shop.begin(
        wanted("o-1", 2, id=OWN_ID, type="offer"),
        wanted("a-1", id=ADD_ON_ID, type="add_on", parentId=OWN_ID),
        wanted("o-3", id=OTHER_ID, type="offer"),
        **{"currency": "GBP", **details},
    )
    await service.checkout.record(price("o-1", "12.00", sequence=2))
    return id


def result(index: int, kind: str, status: str, id: str | None, *before_after_removed: object) -> dict[str, object]:
    before, after, removed = before_after_removed
    return {
        "index": index,
        "orderItemActionType": kind,
        "status": status,
        "orderItemId": id,
        "before": before,
        "after": after,
        "removedOrderItemIds": removed,
    }


# swap


async def test_a_swap_names_the_add_ons_that_left(service: Service, shop: ApiCaller) -> None:
    id = await held(service, shop)
    answer = (await shop.update(id, actions(swap(OWN_ID, "o-2", quantity=3)))).json()
    assert answer["actionResults"] == [result(0, "swap", "applied", OWN_ID, 2, 3, [ADD_ON_ID])]
    swapped, other = answer["order"]["orderItems"]
    assert (swapped["id"], swapped["offer"]["id"], swapped["quantity"]) == (OWN_ID, "o-2", 3)
    assert swapped["price"] == {"amount": "25.00", "currency": "GBP", "interval": None}
    assert other["offer"]["id"] == "o-3"


async def test_another_version_takes_the_place_of_a_superseded_one(service: Service, shop: ApiCaller) -> None:
    id = await held(service, shop)
    answer = (await shop.update(id, actions(swap(OWN_ID, "o-1", "v-2")))).json()
    assert answer["actionResults"] == [result(0, "swap", "applied", OWN_ID, 2, 2, [])]
    assert [item["id"] for item in answer["order"]["orderItems"]] == [OWN_ID, OTHER_ID, ADD_ON_ID]


async def test_a_swap_reads_a_whole_offer_object(service: Service, shop: ApiCaller) -> None:
    id = await held(service, shop)
    whole = {**swap(OWN_ID, "o-2"), "offer": {"id": "o-2", "version": "v-1", "name": "Paper", "data": {"a": 1}}}
    answer = await shop.update(id, actions(whole))
    assert answer.json()["ignored"] == ["/orderItemActions/0/offer/name", "/orderItemActions/0/offer/data"]
    assert answer.json()["order"]["orderItems"][0]["offer"]["name"] == "Offer o-2"


async def test_a_swap_to_what_another_line_holds_is_refused_at_the_offer(service: Service, shop: ApiCaller) -> None:
    id = await held(service, shop)
    answer = await shop.update(id, actions(swap(OWN_ID, "o-3")))
    assert problem(answer) == (422, "invalid_request")
    assert errors(answer) == [("/orderItemActions/0/offer", "offer_already_in_basket")]
    assert "change the quantity of that line" in answer.json()["errors"][0]["message"]


# clear


async def test_clear_removes_all_lines_and_keeps_the_rest(service: Service, shop: ApiCaller) -> None:
    id = await held(service, shop, external_id="E-1", source="shop")
    answer = (await shop.update(id, actions(clear()))).json()
    assert answer["actionResults"] == [result(0, "clear", "applied", None, 3, 0, [OWN_ID, OTHER_ID, ADD_ON_ID])]
    assert (answer["order"]["orderItems"], answer["order"]["external_id"]) == ([], "E-1")


# update_details


async def test_every_detail_is_set_and_unset(shop: ApiCaller) -> None:
    details = {
        "external_id": "E-1",
        "country": "GB",
        "currency": "GBP",
        "source": "shop",
        "order_type": "new",
        "dataSubject": "p-1",
        "tracking": {"offers": ["/offers/x"]},
        "customFields": {"gift": True},
        "customerDetails": PERSON,
        "billingDetails": PERSON,
        "deliveryDetails": PERSON,
    }
    id = await shop.begin()
    empty = (await shop.order(id)).json()["order"]

    filled = (await shop.update(id, actions(update_details(**details)))).json()["order"]
    assert {name: filled[name] for name in details} == details

    emptied = (await shop.update(id, actions(update_details(**dict.fromkeys(details))))).json()["order"]
    assert {**emptied, "version": 1, "modified": empty["modified"]} == empty


async def test_one_detail_is_set_and_the_others_stay(service: Service, shop: ApiCaller) -> None:
    id = await held(service, shop, external_id="E-1", customFields={"gift": True}, customerDetails=PERSON)
    before = (await shop.order(id)).json()["order"]
    answer = (await shop.update(id, actions(update_details(source="kiosk")))).json()
    assert answer["actionResults"] == [result(0, "update_details", "applied", None, None, None, [])]
    changed = {"source": "kiosk", "version": before["version"] + 1, "modified": answer["order"]["modified"]}
    assert answer["order"] == {**before, **changed}


async def test_the_market_follows_the_details_that_name_a_country(shop: ApiCaller) -> None:
    id = await shop.begin()
    for details, market in (
        ({"billingDetails": {"country": "FR"}}, {"country": "FR", "source": "billingDetails.country"}),
        ({"deliveryDetails": {"country": "de"}}, {"country": "DE", "source": "deliveryDetails.country"}),
        ({"country": "GB"}, {"country": "GB", "source": "country"}),
        ({"country": None, "deliveryDetails": None}, {"country": "FR", "source": "billingDetails.country"}),
    ):
        answer = await shop.update(id, actions(update_details(**details)))
        assert answer.json()["order"]["market"] == market


async def test_nothing_named_is_unchanged(shop: ApiCaller) -> None:
    answer = await shop.update(
        await shop.begin(source="shop"), actions(update_details(), update_details(source="shop"))
    )
    assert [each["status"] for each in answer.json()["actionResults"]] == ["unchanged", "unchanged"]
    assert answer.headers["etag"] == '"1"'


async def test_an_external_id_of_another_open_basket_is_a_409_and_nothing_changes(shop: ApiCaller) -> None:
    taken, id = await shop.begin(external_id="E-1"), await shop.begin(external_id="E-2")
    body = actions(add(), update_details(external_id="E-1"))
    answer = await shop.update(id, body, idempotency_key="k-1")
    assert problem(answer) == (409, "external_id_in_use")
    assert (await shop.update(id, body, idempotency_key="k-1")).headers["idempotent-replayed"] == "true"
    assert (await shop.order(id)).json()["order"]["version"] == 1
    assert (await shop.initiate(order(external_id="E-1"))).json()["id"] == taken


async def test_an_external_id_moves_to_the_new_one(shop: ApiCaller) -> None:
    id = await shop.begin(external_id="E-1")
    await shop.update(id, actions(update_details(external_id="E-2")))
    assert (await shop.initiate(order(external_id="E-2"))).json()["id"] == id
    assert (await shop.initiate(order(external_id="E-1"))).json()["id"] != id


# expect_price


async def test_the_current_price_is_accepted(service: Service, shop: ApiCaller) -> None:
    id = await held(service, shop)
    codes = [finding["code"] for finding in (await shop.validate(id)).json()["validationErrors"]]
    assert "price_changed" in codes
    answer = (await shop.update(id, actions(expect_price(OWN_ID, "12.00")))).json()
    assert answer["actionResults"] == [result(0, "expect_price", "applied", OWN_ID, 2, 2, [])]
    line = answer["order"]["orderItems"][0]
    assert (line["price"]["amount"], line["expectedPrice"]["amount"], line["lineTotal"]["amount"]) == (
        *("12.00", "12.00"),
        "24.00",
    )
    codes = [finding["code"] for finding in (await shop.validate(id)).json()["validationErrors"]]
    assert "price_changed" not in codes


async def test_another_price_is_a_finding_and_no_refusal(service: Service, shop: ApiCaller) -> None:
    id = await held(service, shop)
    answer = (await shop.update(id, actions(expect_price(OWN_ID, "11.00")))).json()
    line = answer["order"]["orderItems"][0]
    assert (line["price"]["amount"], line["expectedPrice"]["amount"]) == ("10.00", "11.00")
    codes = [finding["code"] for finding in (await shop.validate(id)).json()["validationErrors"]]
    assert "expected_price_differs" in codes


async def became_monthly(service: Service, shop: ApiCaller) -> str:
    """A basket with one of o-7, whose price was 7.00 GBP once and is 7.00 GBP a month now."""
    await service.checkout.record(offer("o-7"), price("o-7", "7.00"))
    id = await shop.begin(wanted("o-7", id=OWN_ID), currency="GBP")
    await service.checkout.record(price("o-7", "7.00", interval="P1M", sequence=2))
    return id


@pytest.mark.parametrize("quantity", [None, 2], ids=["expect_price", "change_quantity"])
async def test_a_price_that_is_said_to_be_paid_once_does_not_accept_a_monthly_one(
    service: Service, shop: ApiCaller, quantity: int | None
) -> None:
    id = await became_monthly(service, shop)
    (line,) = await shop.items(id)
    action = expect_price(OWN_ID, "7.00") if quantity is None else change(OWN_ID, quantity)
    answer = (await shop.update(id, actions({**action, "expectedPrice": line["price"]}))).json()
    assert answer["actionResults"][0]["status"] == "applied"
    (line,) = answer["order"]["orderItems"]
    assert line["price"] == line["expectedPrice"] == {"amount": "7.00", "currency": "GBP", "interval": None}
    body = (await shop.validate(id)).json()
    assert "price_changed" in [finding["code"] for finding in body["validationErrors"]]
    assert not body["ready"]


async def test_a_price_without_an_interval_accepts_a_monthly_one(service: Service, shop: ApiCaller) -> None:
    id = await became_monthly(service, shop)
    (line,) = (await shop.update(id, actions(expect_price(OWN_ID, "7.00")))).json()["order"]["orderItems"]
    assert line["price"] == {"amount": "7.00", "currency": "GBP", "interval": "P1M"}
    assert line["expectedPrice"] == {"amount": "7.00", "currency": "GBP"}
    codes = [finding["code"] for finding in (await shop.validate(id)).json()["validationErrors"]]
    assert not {"price_changed", "expected_price_differs"} & {*codes}


async def test_a_new_line_at_a_monthly_price_is_not_what_a_caller_expects_who_says_once(
    service: Service, shop: ApiCaller
) -> None:
    await service.checkout.record(offer("o-7"), price("o-7", "7.00", interval="P1M"))
    once = {"amount": "7.00", "currency": "GBP", "interval": None}
    id = await shop.begin(wanted("o-7", expectedPrice=once), currency="GBP")
    findings = (await shop.validate(id)).json()["validationErrors"]
    (found,) = [finding for finding in findings if finding["code"] == "expected_price_differs"]
    assert found["data"]["expectedPrice"] == once
    assert found["data"]["currentPrice"] == {**once, "interval": "P1M"}


async def test_a_line_of_a_once_unknown_offer_gets_its_price(service: Service, shop: ApiCaller) -> None:
    id = await shop.begin(wanted("o-new", id=OWN_ID), currency="GBP")
    await service.checkout.record(offer("o-new"), price("o-new", "7.00"))
    answer = (await shop.update(id, actions(expect_price(OWN_ID, "7")))).json()
    assert answer["order"]["orderItems"][0]["price"]["amount"] == "7.00"
    assert answer["order"]["total"] == {"amount": "7.00", "currency": "GBP"}


# what is wrong

WRONG: list[tuple[object, list[tuple[str, str]]]] = [
    (swap(NEVER, "o-2"), [("/id", "order_item_not_found")]),
    (swap(OWN_ID, "o-2", quantity=0), [("/quantity", "quantity_too_small")]),
    (swap(OWN_ID, "o-2", quantity=10_000), [("/quantity", "quantity_too_large")]),
    (swap(OWN_ID, "o-2", expectedPrice={"amount": "1", "currency": "GBP"}), [("/expectedPrice", "unknown_field")]),
    ({"orderItemActionType": "swap"}, [("/id", "required"), ("/offer", "required")]),
    ({**clear(), "id": OWN_ID}, [("/id", "unknown_field")]),
    ({"orderItemActionType": "update_details"}, [("/order", "required")]),
    (update_details(orderItems=[]), [("/order/orderItems", "unknown_field")]),
    (update_details(checkoutId="basket-1"), [("/order/checkoutId", "unknown_field")]),
    (update_details(country="GBR"), [("/order/country", "unknown_country")]),
    (update_details(country="UK"), [("/order/country", "unknown_country")]),
    (update_details(deliveryDetails={"country": "XX"}), [("/order/deliveryDetails/country", "unknown_country")]),
    (update_details(tracking=[]), [("/order/tracking", "wrong_type")]),
    (update_details(market={"country": "GB"}), [("/order/market", "unknown_field")]),
    (expect_price(NEVER, "1"), [("/id", "order_item_not_found")]),
    (expect_price(OWN_ID, "1,00"), [("/expectedPrice/amount", "wrong_format")]),
    ({"orderItemActionType": "expect_price", "id": OWN_ID}, [("/expectedPrice", "required")]),
    ({**expect_price(OWN_ID, "1"), "expectedPrice": None}, [("/expectedPrice", "wrong_type")]),
    ({**change(OWN_ID, 1), "expectedPrice": {"amount": "1"}}, [("/expectedPrice/currency", "required")]),
]


@pytest.mark.parametrize(("wrong", "places"), WRONG)
async def test_what_is_wrong_is_shown_with_its_place_and_nothing_changes(
    service: Service, shop: ApiCaller, wrong: object, places: list[tuple[str, str]]
) -> None:
    id = await held(service, shop)
    before = (await shop.order(id)).json()
    answer = await shop.update(id, actions(add("o-9", type="offer"), wrong), **STRICT)
    assert problem(answer) == (422, "invalid_request")
    assert errors(answer) == [(f"/orderItemActions/1{pointer}", code) for pointer, code in places]
    assert (await shop.order(id)).json() == before


async def test_lenient_handling_names_the_members_that_an_action_does_not_have(shop: ApiCaller) -> None:
    answer = await shop.update(
        await shop.begin(source="shop"),
        actions({**clear(), "why": 1}, update_details(orderItems=[], source="web", checkoutId="basket-1")),
    )
    assert answer.json()["ignored"] == [
        "/orderItemActions/0/why",
        "/orderItemActions/1/order/orderItems",
        "/orderItemActions/1/order/checkoutId",
    ]
    assert answer.json()["order"]["source"] == "web"


# all together


async def test_all_actions_in_one_update_do_what_each_of_them_says(service: Service, shop: ApiCaller) -> None:
    id = await held(service, shop, external_id="E-1", source="shop")
    answer = await shop.update(
        id,
        actions(
            update_details(source="kiosk", customFields={"gift": True}),
            expect_price(OWN_ID, "12.00"),
            {**change(OWN_ID, 4), "expectedPrice": {"amount": "12", "currency": "GBP"}},
            swap(OWN_ID, "o-2"),
            change(OWN_ID, 5),
            remove(ADD_ON_ID),
            swap(OTHER_ID, "o-1", "v-2", quantity=2),
            add("a-1", id=NEW_ID, type="add_on", parentId=OTHER_ID),
            change(NEW_ID, 3),
            update_details(external_id="E-2", source=None),
            remove(OWN_ID),
        ),
    )
    assert answer.status_code == 200
    body = answer.json()
    assert body["actionResults"] == [
        result(0, "update_details", "applied", None, None, None, []),
        result(1, "expect_price", "applied", OWN_ID, 2, 2, []),
        result(2, "change_quantity", "applied", OWN_ID, 2, 4, []),
        result(3, "swap", "applied", OWN_ID, 4, 4, [ADD_ON_ID]),
        result(4, "change_quantity", "applied", OWN_ID, 4, 5, []),
        result(5, "remove", "unchanged", ADD_ON_ID, 0, 0, []),
        result(6, "swap", "applied", OTHER_ID, 1, 2, []),
        result(7, "add", "applied", NEW_ID, 0, 1, []),
        result(8, "change_quantity", "applied", NEW_ID, 1, 3, []),
        result(9, "update_details", "applied", None, None, None, []),
        result(10, "remove", "applied", OWN_ID, 5, 0, [OWN_ID]),
    ]
    shown = body["order"]
    assert (shown["external_id"], shown["source"], shown["customFields"]) == ("E-2", None, {"gift": True})
    assert [
        (line["id"], line["offer"]["id"], line["offer"]["version"], line["quantity"]) for line in shown["orderItems"]
    ] == [
        (OTHER_ID, "o-1", "v-2", 2),
        (NEW_ID, "a-1", "v-1", 3),
    ]
    assert shown["total"] == {"amount": "31.00", "currency": "GBP"}
    assert (await shop.order(id)).json()["order"] == shown


async def test_a_basket_is_emptied_and_filled_again_in_one_update(service: Service, shop: ApiCaller) -> None:
    id = await held(service, shop)
    filled = actions(
        clear(),
        add("o-2", id=OWN_ID, type="offer"),
        swap(OWN_ID, "o-1", quantity=2),
        add("a-1", type="add_on", parentId=OWN_ID),
        expect_price(OWN_ID, "12.00"),
    )
    body = (await shop.update(id, filled)).json()
    assert [each["status"] for each in body["actionResults"]] == ["applied"] * 5
    assert [(line["offer"]["id"], line["quantity"]) for line in body["order"]["orderItems"]] == [("o-1", 2), ("a-1", 1)]
    assert body["order"]["total"] == {"amount": "27.00", "currency": "GBP"}


async def test_a_retry_of_all_actions_has_no_second_effect(service: Service, shop: ApiCaller) -> None:
    id = await held(service, shop)
    body = actions(
        swap(OWN_ID, "o-2"), expect_price(OWN_ID, "25.00"), update_details(source="web"), clear(), add("o-3")
    )
    first = await shop.update(id, body, idempotency_key="k-1")
    again = await shop.update(id, body, idempotency_key="k-1")
    assert (again.status_code, again.content, again.headers["idempotent-replayed"]) == (200, first.content, "true")
