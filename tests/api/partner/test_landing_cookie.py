"""The landing state cookie as callers send it."""

from __future__ import annotations

import json
from urllib.parse import quote

import pytest

from adapters.settings import Settings
from domain.basket.decision import CheckoutConfig
from tests.api.service import INITIATE, UPDATE, ApiCaller, Service, actions, add, order, problem
from tests.builders import LIFETIME, InMemoryCheckout, basket_id

CHANGE = {"orderItemActionType": "change_quantity", "quantity": 1}
GOOD = json.dumps({"basketId": basket_id()})
UNREADABLE = [
    "",
    "nothing",
    basket_id(),
    quote("[]"),
    quote("{}"),
    quote('{"basketId": 1}'),
    quote('{"basketId": "basket-1"}'),
    quote(json.dumps({"basketId": basket_id() + "\n"})),
    quote('{"basketId": "' + basket_id()),
    "%ff%fe",
    "%7B%22basketId",
    quote(quote(GOOD)),
]


async def send_cookie(shop: ApiCaller, method: str, value: str) -> tuple[int, str]:
    path, body = (INITIATE, order()) if method == "POST" else (UPDATE, actions(add()))
    return problem(await shop.send(method, path, body, {"cookie": value}))


@pytest.mark.parametrize("method", ["POST", "PUT"])
@pytest.mark.parametrize("value", UNREADABLE)
async def test_a_cookie_that_cannot_be_read_is_refused(shop: ApiCaller, method: str, value: str) -> None:
    told = await send_cookie(shop, method, f"landing_state={value}")
    assert told == (400, "invalid_landing_state")


@pytest.mark.parametrize("method", ["POST", "PUT"])
async def test_a_cookie_over_four_kibibytes_is_refused(shop: ApiCaller, method: str) -> None:
    value = quote(json.dumps({"basketId": basket_id(), "more": "x" * 4096}))
    assert await send_cookie(shop, method, f"landing_state={value}") == (400, "invalid_landing_state")


@pytest.mark.parametrize("method", ["POST", "PUT"])
async def test_two_cookies_that_point_to_two_baskets_are_refused(shop: ApiCaller, method: str) -> None:
    two = "; ".join(f"landing_state={quote(json.dumps({'basketId': basket_id(n)}))}" for n in (1, 2))
    assert await send_cookie(shop, method, two) == (400, "invalid_landing_state")


async def test_an_update_needs_the_cookie(shop: ApiCaller) -> None:
    answer = await shop.update(None, actions(add()))
    assert problem(answer) == (400, "invalid_landing_state")
    assert "missing" in answer.json()["detail"]


@pytest.mark.parametrize(
    "form",
    [
        "landing_state={quoted}",
        "theme=dark; landing_state={quoted}; lang=en",
        'landing_state="{quoted}"',
        "landing_state={quoted}; landing_state={quoted}",
        "my_landing_state=x; landing_state={quoted}",
        "landing_state={raw}",
        "landing_state={spaced}",
        "landing_state={upper}",
    ],
)
async def test_the_session_cookie_is_found_among_others(shop: ApiCaller, form: str) -> None:
    id = await shop.begin()
    raw = json.dumps({"basketId": id}, separators=(",", ":"))
    forms = {"quoted": quote(raw), "raw": raw, "spaced": quote(json.dumps({"basketId": id}))}
    forms["upper"] = quote(raw.replace(id, f"basket-{id.removeprefix('basket-').upper()}"))
    cookie = form.format(**forms)
    answer = await shop.send("PUT", UPDATE, actions(add()), {"cookie": cookie})
    assert (answer.status_code, answer.json()["id"]) == (200, id)


async def test_the_cookie_is_no_credential(rival: ApiCaller, shop: ApiCaller) -> None:
    id = await shop.begin()
    assert problem(await rival.update(id, actions(add()))) == (404, "basket_not_found")


async def test_only_initiate_sets_the_cookie(shop: ApiCaller) -> None:
    id = await shop.begin()
    for answer in (await shop.update(id, actions(add())), await shop.validate(id), await shop.order(id)):
        assert "set-cookie" not in answer.headers
    assert "set-cookie" in (await shop.initiate(order(checkoutId=id))).headers


async def test_an_update_brings_no_cookie_where_changes_do_not_move_the_expiry(shop: ApiCaller) -> None:
    id = await shop.begin()
    assert "set-cookie" not in (await shop.update(id, actions(add()))).headers


async def test_an_update_brings_a_cookie_that_lives_as_long_as_the_moved_expiry(settings: Settings) -> None:
    service = Service(settings, InMemoryCheckout(policy=CheckoutConfig(expiry_from="last_change")))
    shop = service.caller()
    id = await shop.begin()
    service.checkout.clock.advance(LIFETIME / 2)
    answer = await shop.update(id, actions(add()), idempotency_key="k")
    assert f"Max-Age={int(LIFETIME.total_seconds())};" in answer.headers["set-cookie"]
    service.checkout.clock.advance(LIFETIME / 2)
    unchanged = await shop.update(id, actions({**CHANGE, "id": answer.json()["order"]["orderItems"][0]["id"]}))
    assert f"Max-Age={int(LIFETIME.total_seconds() / 2)};" in unchanged.headers["set-cookie"]
    refused = await shop.update(id, actions({**CHANGE, "id": "0198c5a2-7f00-7c3e-9a51-3a5de7f0c102"}))
    assert (refused.status_code, "set-cookie" in refused.headers) == (422, False)
