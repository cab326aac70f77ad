"""POST /partner/checkout/initiate: which basket it means, and how it changes."""

from __future__ import annotations

import asyncio
import json
import re
from http.cookies import SimpleCookie
from typing import Any
from urllib.parse import unquote

import httpx
import pytest

from domain.shared.values import BASKET_ID_PATTERN
from tests.api.service import (
    RIVAL,
    ApiCaller,
    Service,
    actions,
    cookie_header,
    errors,
    order,
    problem,
    update_details,
    wanted,
)
from tests.builders import LIFETIME, basket_id, caller

FULL = {
    "external_id": "EXT-ORD-12345",
    "country": "GB",
    "currency": "GBP",
    "source": "shop",
    "order_type": "new",
    "tracking": {"offers": ["/offers/x"], "purchaseCountryCode": "GB"},
    "customFields": {"note": {"deep": [1, 2.5, None, True, "ü"]}},
}


def landing_state(response: httpx.Response) -> tuple[Any, Any]:
    """The cookie's value as JSON, and the cookie."""
    cookie = SimpleCookie(response.headers["set-cookie"])["landing_state"]
    return json.loads(unquote(cookie.value)), cookie


async def test_the_answer_names_a_new_basket(shop: ApiCaller) -> None:
    answer = await shop.initiate(order(wanted(), **FULL))
    assert answer.status_code == 200
    assert set(answer.json()) == {"id"}
    assert re.fullmatch(BASKET_ID_PATTERN, answer.json()["id"])


async def test_the_order_shows_the_request(shop: ApiCaller) -> None:
    found = (await shop.order(await shop.begin(wanted(quantity=2), **FULL))).json()["order"]
    assert {name: found[name] for name in FULL} == FULL
    assert [(item["offer"]["id"], item["quantity"]) for item in found["orderItems"]] == [("o-1", 2)]


async def test_only_the_items_are_required_and_may_be_empty(shop: ApiCaller) -> None:
    assert await shop.items(await shop.begin()) == []


async def test_the_cookie_points_to_the_basket_until_it_expires(shop: ApiCaller) -> None:
    answer = await shop.initiate(order())
    value, cookie = landing_state(answer)
    assert value == {"basketId": answer.json()["id"]}
    assert (cookie["path"], cookie["samesite"], cookie["domain"]) == ("/", "Lax", "")
    assert cookie["httponly"]
    assert cookie["secure"]
    assert int(cookie["max-age"]) == LIFETIME.total_seconds()


async def test_the_cookie_is_not_secure_if_the_setting_says_so(service: Service) -> None:
    local = Service(service.settings.model_copy(update={"landing_cookie_secure": False}))
    _, cookie = landing_state(await local.caller().initiate(order()))
    assert not cookie["secure"]


async def test_the_cookies_name_is_a_setting(service: Service) -> None:
    named = Service(service.settings.model_copy(update={"landing_cookie": "where"})).caller()
    answer = await named.initiate(order())
    value = answer.headers["set-cookie"].partition(";")[0]
    assert value.startswith("where=")
    again = await named.send("POST", "/partner/checkout/initiate", order(wanted()), {"cookie": value})
    assert again.json() == answer.json()


async def test_a_named_basket_is_set_to_the_request(shop: ApiCaller) -> None:
    id = await shop.begin(wanted("o-1"), wanted("o-2", 5))
    kept = (await shop.items(id))[1]["id"]
    answer = await shop.initiate(order(wanted("o-2", 6), wanted("o-3"), checkoutId=id, country="GB"))
    assert answer.json() == {"id": id}
    items = await shop.items(id)
    assert [(item["offer"]["id"], item["quantity"]) for item in items] == [("o-2", 6), ("o-3", 1)]
    assert items[0]["id"] == kept


async def test_a_repeated_request_makes_no_event(shop: ApiCaller) -> None:
    first = await shop.initiate(order(wanted(), external_id="E-1"))
    again = await shop.initiate(order(wanted(), external_id="E-1"))
    assert (again.json(), again.headers["etag"]) == (first.json(), first.headers["etag"])


async def test_the_cookies_basket_is_updated(shop: ApiCaller) -> None:
    id = await shop.begin()
    answer = await shop.initiate(order(wanted()), **cookie_header(id))
    assert answer.json() == {"id": id}


async def test_the_named_basket_takes_precedence_over_the_cookies(shop: ApiCaller) -> None:
    named, pointed = await shop.begin(), await shop.begin()
    answer = await shop.initiate(order(checkoutId=named), **cookie_header(pointed))
    assert answer.json() == {"id": named}


async def test_the_cookies_basket_takes_precedence_over_the_external_ids(shop: ApiCaller) -> None:
    pointed, other = await shop.begin(external_id="E-1"), await shop.begin(external_id="E-2")
    answer = await shop.initiate(order(external_id="E-1"), **cookie_header(other))
    assert problem(answer) == (409, "external_id_in_use")
    assert (await shop.initiate(order(external_id="E-1"))).json() == {"id": pointed}


async def test_another_organisations_external_id_is_another_basket(shop: ApiCaller, rival: ApiCaller) -> None:
    assert await shop.begin(external_id="E-1") != await rival.begin(external_id="E-1")


async def test_another_organisations_cookie_gives_a_new_basket(shop: ApiCaller, rival: ApiCaller) -> None:
    id = await shop.begin()
    answer = await rival.initiate(order(wanted()), **cookie_header(id))
    assert answer.status_code == 200
    assert answer.json() != {"id": id}
    assert await shop.items(id) == []


async def test_a_named_basket_that_is_unknown_is_not_found(shop: ApiCaller) -> None:
    assert problem(await shop.initiate(order(checkoutId=basket_id(99)))) == (404, "basket_not_found")


async def test_a_finished_basket_takes_no_initiate_by_its_name(service: Service, shop: ApiCaller) -> None:
    id = await shop.begin(external_id="E-1")
    await service.checkout.handlers.complete(id, "order-1", caller())
    answer = await shop.initiate(order(checkoutId=id))
    assert problem(answer) == (409, "basket_finished")
    assert answer.json()["basketStatus"] == "completed"


async def test_a_finished_basket_that_was_not_named_gives_way_to_a_new_one(service: Service, shop: ApiCaller) -> None:
    id = await shop.begin(external_id="E-1")
    service.checkout.clock.advance(LIFETIME)
    by_external_id = await shop.initiate(order(external_id="E-1"))
    by_cookie = await shop.initiate(order(), **cookie_header(id))
    assert by_external_id.status_code == by_cookie.status_code == 200
    assert len({id, by_external_id.json()["id"], by_cookie.json()["id"]}) == 3


async def test_two_at_once_with_one_external_id_make_one_basket(shop: ApiCaller) -> None:
    answers = await asyncio.gather(
        *(shop.initiate(order(wanted(f"o-{number}"), external_id="E-1")) for number in range(16))
    )
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.json()["id"] for answer in answers}) == 1


async def test_an_add_on_hangs_under_the_item_whose_id_the_request_brings(shop: ApiCaller) -> None:
    parent = "0198c5a2-7f00-7c3e-9a51-3a5de7f0c102"
    id = await shop.begin(wanted("a-7", 2, type="add_on", parentId=parent), wanted(type="offer", id=parent))
    items = {item["offer"]["id"]: item for item in await shop.items(id)}
    assert items["o-1"]["id"] == parent
    assert items["a-7"]["parentId"] == parent


async def test_the_type_is_required_if_there_are_add_ons(shop: ApiCaller) -> None:
    answer = await shop.initiate(order(wanted(), wanted("a-7", type="add_on")))
    assert problem(answer) == (422, "invalid_request")
    assert errors(answer) == [("/order/orderItems/0/type", "type_required")]


async def test_a_version_mismatch_shows_the_present_version(shop: ApiCaller) -> None:
    id = await shop.begin()
    answer = await shop.initiate(order(wanted(), checkoutId=id), if_match='"7"')
    assert problem(answer) == (412, "version_mismatch")
    assert (answer.json()["version"], answer.headers["etag"]) == (1, '"1"')


async def test_a_new_basket_matches_no_version(shop: ApiCaller) -> None:
    answer = await shop.initiate(order(), if_match="*")
    assert problem(answer) == (412, "version_mismatch")
    assert answer.json()["version"] is None


WRONG: list[tuple[object, list[tuple[str, str]]]] = [
    ([], [("", "wrong_type")]),
    ({}, [("/order", "required")]),
    ({"order": {"orderItems": [{}]}}, [("/order/orderItems/0/offer", "required")]),
    (order(wanted(quantity=0)), [("/order/orderItems/0/quantity", "quantity_too_small")]),
    (order(wanted(quantity=-1)), [("/order/orderItems/0/quantity", "quantity_too_small")]),
    (order(wanted(quantity=10_000)), [("/order/orderItems/0/quantity", "quantity_too_large")]),
    (order({**wanted(), "quantity": 1.5}), [("/order/orderItems/0/quantity", "wrong_type")]),
    (order({**wanted(), "quantity": "1"}), [("/order/orderItems/0/quantity", "wrong_type")]),
    (order({**wanted(), "quantity": True}), [("/order/orderItems/0/quantity", "wrong_type")]),
    (order(wanted(id="mine")), [("/order/orderItems/0/id", "wrong_format")]),
    (order(wanted(type="thing")), [("/order/orderItems/0/type", "not_one_of")]),
    (order(wanted(parent_id="x")), [("/order/orderItems/0/parent_id", "unknown_field")]),
    (order(wanted("")), [("/order/orderItems/0/offer/id", "too_short")]),
    (order(wanted("x" * 129)), [("/order/orderItems/0/offer/id", "too_long")]),
    (order(wanted("a\nb")), [("/order/orderItems/0/offer/id", "wrong_format")]),
    (order(checkoutId="basket-1"), [("/order/checkoutId", "wrong_format")]),
    (order(country="GBR"), [("/order/country", "unknown_country")]),
    (order(country="UK"), [("/order/country", "unknown_country")]),
    (order(country="ZZ", currency="ABC"), [("/order/country", "unknown_country"), ("/order/currency", "unknown_currency")]),
    (order(currency="gbp"), [("/order/currency", "unknown_currency")]),
    (
        order(wanted(expectedPrice={"amount": "1e3", "currency": "GBP"})),
        [("/order/orderItems/0/expectedPrice/amount", "wrong_format")],
    ),
    (
        order(wanted(expectedPrice={"amount": 9.9, "currency": "GBP"})),
        [("/order/orderItems/0/expectedPrice/amount", "wrong_type")],
    ),
    (order(currency="pounds"), [("/order/currency", "unknown_currency")]),
    (order(externalId="E-1"), [("/order/externalId", "unknown_field")]),
    (order(tracking=[]), [("/order/tracking", "wrong_type")]),
    (order(customFields={"a": "\x00"}), [("/order/customFields", "not_storable")]),
    ({**order(), "a~/b": 1}, [("/a~0~1b", "unknown_field")]),
    (order(wanted(quantity=0), wanted(id="x"), currency=1), [
        ("/order/currency", "wrong_type"),
        ("/order/orderItems/0/quantity", "quantity_too_small"),
        ("/order/orderItems/1/id", "wrong_format"),
    ]),
]  # fmt: skip


@pytest.mark.parametrize(("body", "wrong"), WRONG)
async def test_everything_that_is_wrong_is_reported_at_once(
    shop: ApiCaller, body: object, wrong: list[tuple[str, str]]
) -> None:
    answer = await shop.initiate(body, prefer="handling=strict")
    assert problem(answer) == (422, "invalid_request")
    assert errors(answer) == wrong


async def test_five_hundred_items_are_the_limit(shop: ApiCaller) -> None:
    most = [wanted(f"o-{number}") for number in range(500)]
    assert len(await shop.items(await shop.begin(*most))) == 500
    answer = await shop.initiate(order(*most, wanted("o-500")))
    assert (problem(answer), errors(answer)) == (
        (422, "invalid_request"),
        [("/order/orderItems", "too_many_items")],
    )


async def test_a_body_with_a_hundred_thousand_mistakes_is_refused_quickly(shop: ApiCaller) -> None:
    answer = await shop.initiate(b'{"order":{"orderItems":[' + b",".join([b"1"] * 100_000) + b"]}}")
    assert errors(answer) == [("/order/orderItems", "too_many_items")]


async def test_at_most_a_hundred_mistakes_are_listed(shop: ApiCaller) -> None:
    unknown = order(**{f"unknown{number}": 1 for number in range(300)})
    answer = await shop.initiate(unknown, prefer="handling=strict")
    assert len(errors(answer)) == 100
    assert "300 things" in answer.json()["detail"]


async def test_lines_that_are_the_same_become_one(shop: ApiCaller) -> None:
    id = await shop.begin(wanted(quantity=2), wanted(quantity=3))
    assert [item["quantity"] for item in await shop.items(id)] == [5]


async def test_another_organisations_basket_is_as_unknown_as_one_that_never_was(
    service: Service, shop: ApiCaller
) -> None:
    id = await service.caller(RIVAL).begin()
    anothers = await shop.initiate(order(checkoutId=id))
    nobodys = await shop.initiate(order(checkoutId=basket_id(77)))
    assert problem(anothers) == (404, "basket_not_found")
    assert anothers.text.replace(id, "?") == nobodys.text.replace(basket_id(77), "?")


async def test_blank_text_names_no_country(shop: ApiCaller) -> None:
    tracking = {"purchaseCountryCode": "IE"}
    id = await shop.begin(wanted(), country="", tracking=tracking)
    seen = (await shop.order(id)).json()["order"]
    assert (seen["country"], seen["market"]["country"]) == (None, "IE")
    assert (await shop.update(id, actions(update_details(country="GB")))).json()["order"]["country"] == "GB"
    changed = (await shop.update(id, actions(update_details(country=" ")))).json()["order"]
    assert (changed["country"], changed["market"]["country"]) == (None, "IE")


async def test_a_country_of_another_form_is_named(shop: ApiCaller) -> None:
    answer = await shop.initiate(order(country="GBR"))
    assert [each["message"] for each in answer.json()["errors"]] == ["GBR is no country of ISO 3166-1 alpha-2"]
