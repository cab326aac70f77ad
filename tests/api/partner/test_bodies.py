"""Which bodies are read, before any basket is loaded."""

from __future__ import annotations

from collections.abc import AsyncIterator
from urllib.parse import quote

import pytest

from tests.api.service import INITIATE, UPDATE, ApiCaller, Service, actions, add, cookie_header, errors, order, problem
from tests.builders import basket_id

MALFORMED = [
    b"",
    b"{",
    b"\xff\xfe",
    b"nonsense",
    b'{"order": {"orderItems": []}} trailing',
    b'{"order": {"orderItems": [], "source": "\\ud800"}}',
    b'{"order": {"orderItems": [], "customFields": ' + b'{"a":' * 1000 + b"1" + b"}" * 1000 + b"}}",
]


@pytest.mark.parametrize("body", MALFORMED)
async def test_invalid_json_is_reported(shop: ApiCaller, body: bytes) -> None:
    assert problem(await shop.initiate(body)) == (400, "malformed_json")
    assert problem(await shop.update(basket_id(), body)) == (400, "malformed_json")


def padded(size: int) -> bytes:
    body = b'{"order": {"orderItems": []}}'
    return body + b" " * (size - len(body))


async def test_a_body_may_be_as_large_as_the_limit(service: Service, shop: ApiCaller) -> None:
    limit = service.settings.max_body_bytes
    assert limit == 256 * 1024
    assert (await shop.initiate(padded(limit))).status_code == 200
    assert problem(await shop.initiate(padded(limit + 1))) == (413, "body_too_large")


async def test_a_body_of_unknown_size_is_read_up_to_the_limit(service: Service, shop: ApiCaller) -> None:
    sent = 0

    async def nearly_endless() -> AsyncIterator[bytes]:
        nonlocal sent
        while sent < 10 * service.settings.max_body_bytes:
            sent += 1024
            yield b" " * 1024

    for method, path in (("POST", INITIATE), ("PUT", UPDATE)):
        sent = 0
        answer = await shop.http.request(method, path, content=nearly_endless(), headers=cookie_header(basket_id()))
        assert problem(answer) == (413, "body_too_large")
        assert sent <= service.settings.max_body_bytes + 2048


async def test_a_body_in_pieces_is_put_together(shop: ApiCaller) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        yield b'{"order": {"order'
        yield b""
        yield b'Items": []}}'

    assert (await shop.http.post(INITIATE, content=pieces())).status_code == 200


@pytest.mark.parametrize(
    "media_type",
    ["application/json", "application/json; charset=utf-8", "Application/JSON", "application/vnd.shop+json"],
)
async def test_every_json_media_type_is_accepted(shop: ApiCaller, media_type: str) -> None:
    answer = await shop.send("POST", INITIATE, order(), {"content-type": media_type})
    assert answer.status_code == 200


async def test_a_body_without_a_media_type_is_accepted(shop: ApiCaller) -> None:
    answer = await shop.send("POST", INITIATE, order())
    assert "content-type" not in answer.request.headers
    assert answer.status_code == 200


@pytest.mark.parametrize(
    "media_type", ["text/plain", "application/x-www-form-urlencoded", "application/jsonp", "json", ""]
)
async def test_another_kind_of_body_is_refused(shop: ApiCaller, media_type: str) -> None:
    answer = await shop.send("POST", INITIATE, order(), {"content-type": media_type})
    assert problem(answer) == (415, "unsupported_media_type")


async def test_the_token_is_checked_first(service: Service) -> None:
    stranger = service.stranger()
    headers = {"content-type": "text/plain", "if-match": "garbage"}
    assert problem(await stranger.send("POST", INITIATE, padded(10**6), headers))[0] == 401


async def test_headers_are_checked_before_the_body(shop: ApiCaller) -> None:
    assert problem(await shop.initiate(b"{", if_match="garbage")) == (400, "invalid_header")
    assert problem(await shop.update(None, b"{")) == (400, "invalid_landing_state")


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ('{"order": {"orderItems": [{"quantity": 1, "quantity": 50}]}}', "/order/orderItems/0/quantity"),
        ('{"order": {"orderItems": []}, "order": {"orderItems": []}}', "/order"),
        ('{"order": {"orderItems": [], "tracking": {"a": {"b": 1, "b": 1}}}}', "/order/tracking/a/b"),
        ('{"order": {"orderItems": [], "customFields": {"x": ":", "\\u0078": 2}}}', "/order/customFields/x"),
        ('{"order": {"orderItems": [], "unknown": {"b": 1, "b": 1}}}', "/order/unknown/b"),
    ],
)
async def test_a_repeated_member_is_reported_by_its_place(shop: ApiCaller, body: str, pointer: str) -> None:
    for answer in (
        await shop.initiate(body.encode(), idempotency_key="k"),
        await shop.update(basket_id(), body.replace("orderItems", "orderItemActions").encode()),
    ):
        assert problem(answer) == (400, "repeated_member")
        assert [error["code"] for error in answer.json()["errors"]] == ["repeated_member"]
    assert errors(await shop.initiate(body.encode())) == [(pointer, "repeated_member")]
    assert (await shop.initiate(order(), idempotency_key="k")).status_code == 200


async def test_a_repeated_member_in_an_action_is_rejected(shop: ApiCaller) -> None:
    id = await shop.begin()
    action = b'{"orderItemActionType": "add", "offer": {"id": "o", "version": "v"}, "quantity": 1, "quantity": 5}'
    answer = await shop.update(id, b'{"orderItemActions": [' + action + b"]}")
    assert errors(answer) == [("/orderItemActions/0/quantity", "repeated_member")]
    assert (await shop.order(id)).headers["etag"] == '"1"'


async def test_a_landing_state_with_a_repeated_member_is_unreadable(shop: ApiCaller) -> None:
    one, two = await shop.begin(), await shop.begin()
    value = quote(f'{{"basketId": "{one}", "basketId": "{two}"}}')
    answer = await shop.send("PUT", UPDATE, actions(add()), {"cookie": f"landing_state={value}"})
    assert problem(answer) == (400, "invalid_landing_state")
