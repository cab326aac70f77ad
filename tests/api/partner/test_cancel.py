"""POST /partner/checkout/cancel/{id}."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.api.service import (
    RIVAL,
    ApiCaller,
    Service,
    actions,
    add,
    cookie_header,
    errors,
    order,
    problem,
    wanted,
)
from tests.builders import LIFETIME, basket_id, caller

REASON: dict[str, Any] = {"reason": {"code": "customer_left", "text": "The customer chose another offer."}}


async def cancel(shop: ApiCaller, id: str, body: object = REASON, **headers: str) -> httpx.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return await shop.send("POST", f"/partner/checkout/cancel/{id}", body, named)


async def test_a_cancelled_basket_is_answered_with_its_order_and_version(shop: ApiCaller) -> None:
    id = await shop.begin(wanted(), external_id="E-1")
    answer = await cancel(shop, id)
    assert (answer.status_code, answer.headers["etag"]) == (200, '"3"')
    assert answer.json() == (await shop.order(id)).json()
    assert (answer.json()["order"]["status"], answer.json()["order"]["version"]) == ("cancelled", 3)


async def test_a_second_cancel_answers_the_same(shop: ApiCaller) -> None:
    id = await shop.begin(wanted())
    first, second = await cancel(shop, id), await cancel(shop, id, {"reason": "other"})
    assert (second.status_code, second.content, second.headers["etag"]) == (200, first.content, first.headers["etag"])


@pytest.mark.parametrize(("header", "value"), [("If_Match", '"2"'), ("If_None_Match", "*")])
async def test_a_repeated_cancel_answers_the_same_whatever_version_it_names(
    shop: ApiCaller, header: str, value: str
) -> None:
    id = await shop.begin(wanted())
    first = await cancel(shop, id, If_Match='"2"')
    assert first.status_code == 200
    for key in ({}, {"Idempotency_Key": "k-1"}, {"Idempotency_Key": "k-1"}):
        again = await cancel(shop, id, **{header: value}, **key)
        assert (again.status_code, again.content, again.headers["etag"]) == (200, first.content, '"3"')
    refused = await shop.update(id, actions(add()), **{"If-Match": '"2"'})
    assert problem(refused) == (412, "version_mismatch"), "other commands keep their preconditions"


async def test_a_cancelled_basket_releases_its_external_id(shop: ApiCaller) -> None:
    id = await shop.begin(wanted(), external_id="E-1")
    await cancel(shop, id)
    assert await shop.begin(wanted(), external_id="E-1") != id


async def test_a_cancelled_basket_takes_no_changes_and_a_new_one_begins(shop: ApiCaller) -> None:
    id = await shop.begin(wanted())
    await cancel(shop, id)
    update, named = await shop.update(id, actions(add())), await shop.initiate(order(wanted(), checkoutId=id))
    for answer in (update, named):
        assert problem(answer) == (409, "basket_finished")
        assert answer.json()["basketStatus"] == "cancelled"
    of_cookie = await shop.initiate(order(wanted()), **cookie_header(id))
    assert (of_cookie.status_code, of_cookie.json()["id"] != id) == (200, True)


async def test_a_verdict_on_a_cancelled_basket_says_so(shop: ApiCaller) -> None:
    id = await shop.begin(wanted())
    await cancel(shop, id)
    body = (await shop.validate(id)).json()
    found = {finding["code"]: finding for finding in body["validationErrors"]}
    assert (body["ready"], found["basket_cancelled"]["data"]) == (False, {"reason": "customer_left"})


@pytest.mark.parametrize("end", ["completed", "expired"])
async def test_a_finished_basket_is_not_cancelled(service: Service, shop: ApiCaller, end: str) -> None:
    id = await shop.begin(wanted())
    if end == "completed":
        await service.checkout.handlers.complete(id, "order-1", caller())
    else:
        service.checkout.clock.advance(LIFETIME)
    answer = await cancel(shop, id)
    assert (problem(answer), answer.json()["basketStatus"]) == ((409, "basket_finished"), end)


async def test_a_reason_may_be_a_code_alone(shop: ApiCaller) -> None:
    id = await shop.begin(wanted())
    assert (await cancel(shop, id, {"reason": "customer_left"})).status_code == 200
    (finding,) = [
        each for each in (await shop.validate(id)).json()["validationErrors"] if each["code"] == "basket_cancelled"
    ]
    assert finding["data"] == {"reason": "customer_left"}


@pytest.mark.parametrize(
    ("body", "wrong"),
    [
        ({}, [("/reason", "required")]),
        ({"reason": None}, [("/reason", "wrong_type")]),
        ({"reason": 7}, [("/reason", "wrong_type")]),
        ({"reason": {}}, [("/reason/code", "required")]),
        ({"reason": "two words"}, [("/reason", "wrong_format")]),
        ({"reason": ""}, [("/reason", "wrong_format")]),
        ({"reason": "x" * 65}, [("/reason", "wrong_format")]),
        ({"reason": "left\n"}, [("/reason", "wrong_format")]),
        ({"reason": {"code": "größe"}}, [("/reason/code", "wrong_format")]),
        ({"reason": {"code": "left", "text": "x" * 513}}, [("/reason/text", "too_long")]),
        ({"reason": {"code": 1, "text": 2}}, [("/reason/code", "wrong_type"), ("/reason/text", "wrong_type")]),
    ],
)
async def test_a_wrong_reason_is_refused_with_its_place(
    shop: ApiCaller, body: object, wrong: list[tuple[str, str]]
) -> None:
    id = await shop.begin(wanted())
    answer = await cancel(shop, id, body)
    assert (problem(answer), errors(answer)) == ((422, "invalid_request"), wrong)
    assert (await shop.order(id)).json()["order"]["status"] == "open"


async def test_a_cancel_obeys_its_preconditions(shop: ApiCaller) -> None:
    id = await shop.begin(wanted())
    assert problem(await cancel(shop, id, if_match='"1"')) == (412, "version_mismatch")
    assert problem(await cancel(shop, id, if_none_match='"2"')) == (412, "basket_exists")
    assert (await cancel(shop, id, if_match='"2"')).status_code == 200


async def test_a_repeated_cancel_with_a_key_gets_its_first_response(shop: ApiCaller) -> None:
    id = await shop.begin(wanted())
    first = await cancel(shop, id, idempotency_key="k", if_match='"2"')
    again = await cancel(shop, id, idempotency_key="k", if_match='"2"')
    other = await cancel(shop, id, {"reason": "other"}, idempotency_key="k")
    assert (again.status_code, again.content, again.headers["idempotent-replayed"]) == (200, first.content, "true")
    assert problem(other) == (422, "idempotency_key_reused")


async def test_only_its_organisation_cancels_a_basket(service: Service, shop: ApiCaller) -> None:
    id = await shop.begin(wanted())
    assert problem(await cancel(service.caller(RIVAL), id)) == (404, "basket_not_found")
    assert problem(await cancel(shop, basket_id(77))) == (404, "basket_not_found")
    assert problem(await cancel(shop, "basket-1")) == (422, "invalid_basket_id")
    assert problem(await shop.send("GET", f"/partner/checkout/cancel/{id}")) == (405, "method_not_allowed")


async def test_a_cancel_names_what_it_ignores_and_refuses_it_on_request(shop: ApiCaller) -> None:
    id = await shop.begin(wanted())
    body = {"reason": {"code": "left", "by": "clerk"}, "notify": True}
    strict = await cancel(shop, id, body, prefer="handling=strict")
    assert {pointer for pointer, _ in errors(strict)} == {"/reason/by", "/notify"}
    lenient = await cancel(shop, id, body)
    assert (lenient.status_code, {*lenient.json()["ignored"]}) == (200, {"/reason/by", "/notify"})
    assert lenient.headers["preference-applied"] == "handling=lenient"
