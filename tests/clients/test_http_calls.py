"""Each call is the request of the contract, and its answer says what came."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote

import httpx
import pytest

from checkout_client import CheckoutClient, UnexpectedAnswer
from checkout_client.http.answers import CheckoutAnswer
from checkout_client.models.commands import InitiateBasket, OrderRequest, RemoveAction, UpdateBasket
from tests.clients.scripted_service import BASKET, ScriptedService, answer

BODY = {"order": {"country": "GB", "orderItems": []}}
ACTIONS = {"orderItemActions": [{"orderItemActionType": "remove", "id": "i-1"}]}


async def sent(call: Callable[[CheckoutClient], Awaitable[object]], **options: Any) -> httpx.Request:
    service = ScriptedService([answer()])
    await call(service.client(**options))
    assert len(service.sent) == 1
    return service.sent[0]


@pytest.mark.parametrize("body", [BODY, InitiateBasket(order=OrderRequest(country="GB", order_items=[]))])
async def test_initiate_posts_its_body_as_dict_or_model(body: Any) -> None:
    request = await sent(lambda client: client.initiate(body))
    assert (request.method, str(request.url)) == ("POST", "http://checkout.test/partner/checkout/initiate")
    assert json.loads(request.content) == BODY
    assert request.headers["Content-Type"] == "application/json"
    assert request.headers["Authorization"] == "Bearer t-1"
    assert "Cookie" not in request.headers


@pytest.mark.parametrize("body", [ACTIONS, UpdateBasket(order_item_actions=[RemoveAction(id="i-1")])])
async def test_update_names_its_basket_in_the_landing_state_cookie(body: Any) -> None:
    request = await sent(lambda client: client.update(BASKET, body))
    assert (request.method, request.url.path) == ("PUT", "/partner/checkout/update")
    assert json.loads(request.content) == ACTIONS
    name, _, state = request.headers["Cookie"].partition("=")
    assert (name, json.loads(unquote(state))) == ("landing_state", {"basketId": BASKET})


async def test_the_landing_cookie_has_the_name_that_the_service_is_set_to() -> None:
    request = await sent(lambda client: client.update(BASKET, ACTIONS), landing_cookie="shop_state")
    assert request.headers["Cookie"].startswith("shop_state=%7B")


async def test_validate_cancel_and_get_name_their_basket_in_the_path() -> None:
    validated = await sent(lambda client: client.validate(BASKET))
    assert (validated.method, validated.url.path) == ("POST", f"/partner/checkout/validate/{BASKET}")
    assert validated.content == b""
    cancelled = await sent(lambda client: client.cancel(BASKET, {"reason": "changed_mind"}))
    assert (cancelled.method, cancelled.url.path) == ("POST", f"/partner/checkout/cancel/{BASKET}")
    assert json.loads(cancelled.content) == {"reason": "changed_mind"}
    got = await sent(lambda client: client.get(BASKET))
    assert (got.method, got.url.path) == ("GET", f"/partner/checkout/{BASKET}")
    assert "Idempotency-Key" not in got.headers


async def test_an_id_stays_one_segment_of_the_path() -> None:
    assert (await sent(lambda client: client.get("a/../b?c"))).url.raw_path == b"/partner/checkout/a%2F..%2Fb%3Fc"


async def test_options_become_headers_and_parameters() -> None:
    request = await sent(
        lambda client: client.update(
            BASKET,
            ACTIONS,
            if_match=7,
            handling="strict",
            include="findings",
            idempotency_key="k-1",
            traceparent="00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            correlation_id="c-1",
        )
    )
    assert request.headers["If-Match"] == '"7"'
    assert request.headers["Prefer"] == "handling=strict"
    assert request.url.query == b"include=findings"
    assert request.headers["Idempotency-Key"] == "k-1"
    assert request.headers["traceparent"] == "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    assert request.headers["X-Correlation-Id"] == "c-1"


async def test_an_entity_tag_may_be_given_as_it_stands() -> None:
    request = await sent(lambda client: client.initiate(BODY, if_none_match="*", if_match='"6", "7"'))
    assert (request.headers["If-None-Match"], request.headers["If-Match"]) == ("*", '"6", "7"')


async def test_every_call_that_changes_something_has_a_key_of_its_own() -> None:
    service = ScriptedService([answer()])
    client = service.client()
    for _ in range(2):
        await client.initiate(BODY)
        await client.update(BASKET, ACTIONS)
        await client.validate(BASKET)
        await client.cancel(BASKET, {"reason": "x"})
    assert None not in service.keys
    assert len(set(service.keys)) == 8


async def test_a_cookie_that_the_service_set_is_never_sent_back() -> None:
    service = ScriptedService([answer(set_cookie="landing_state=%7B%22basketId%22%3A%22other%22%7D; Path=/")])
    client = service.client()
    for _ in range(2):
        await client.initiate(BODY)
    await client.update(BASKET, ACTIONS)
    assert "Cookie" not in service.sent[1].headers
    assert "other" not in service.sent[2].headers["Cookie"]


async def test_headers_of_a_given_http_client_are_sent_too() -> None:
    service = ScriptedService([answer()])
    http = httpx.AsyncClient(transport=service.transport, headers={"X-Api-Key": "a-1"})
    await service.client(http=http).get(BASKET)
    assert service.sent[0].headers["X-Api-Key"] == "a-1"


async def test_a_client_closes_its_own_connections_only() -> None:
    http = httpx.AsyncClient()
    async with CheckoutClient("http://checkout.test", http=http):
        pass
    assert not http.is_closed
    await http.aclose()


async def test_an_address_may_have_a_path_before_the_api() -> None:
    service = ScriptedService([answer()])
    client = CheckoutClient("http://gate.test/shop/", "t", http=httpx.AsyncClient(transport=service.transport))
    await client.get(BASKET)
    assert service.sent[0].url == f"http://gate.test/shop/partner/checkout/{BASKET}"


async def answered(response: httpx.Response) -> CheckoutAnswer[Any]:
    return await ScriptedService([response]).client().initiate(BODY)


async def test_an_answer_says_what_its_headers_and_members_say() -> None:
    body = {"id": BASKET, "ignored": ["/order/x"], "ignoredMore": 12}
    got = await answered(
        answer(body=body, etag='"7"', idempotent_replayed="true", preference_applied="handling=lenient")
    )
    assert (got.id, got.etag, got.version, got.replayed) == (BASKET, '"7"', 7, True)
    assert (got.ignored, got.ignored_more, got.preference_applied) == (["/order/x"], 12, "handling=lenient")
    assert got.value.id == BASKET
    assert got.value.ignored_more == 12


async def test_an_answer_says_of_what_is_absent_that_it_is_absent() -> None:
    got = await answered(answer())
    assert (got.etag, got.version, got.replayed, got.ignored, got.ignored_more) == (None, None, False, [], 0)
    assert got.preference_applied is None
    assert got.idempotency_key


@pytest.mark.parametrize(("tag", "version"), [('W/"7"', 7), ('"x"', None), ("7", None)])
async def test_a_version_is_read_from_its_tag_only(tag: str, version: int | None) -> None:
    assert (await answered(answer(etag=tag))).version == version


async def test_members_of_a_later_release_are_kept() -> None:
    got = await answered(answer(body={"id": BASKET, "colour": "red"}))
    assert got.value.model_extra == {"colour": "red"}


async def test_an_unchanged_basket_is_not_modified() -> None:
    service = ScriptedService([httpx.Response(304, headers={"ETag": '"7"'})])
    got = await service.client().get(BASKET, if_none_match=7)
    assert service.sent[0].headers["If-None-Match"] == '"7"'
    assert (got.not_modified, got.version, got.body) == (True, 7, {})


@pytest.mark.parametrize("content", [b"<html>hello</html>", b"", b"[1]"])
async def test_a_success_that_is_no_object_is_unexpected(content: bytes) -> None:
    with pytest.raises(UnexpectedAnswer, match="200 with an unexpected body") as unexpected:
        await answered(httpx.Response(200, content=content))
    assert unexpected.value.idempotency_key


async def test_an_object_that_is_not_as_the_model_has_it_is_unexpected_when_it_is_read() -> None:
    got = await answered(answer(body={"ID": BASKET}))
    with pytest.raises(UnexpectedAnswer, match="InitiateAnswer"):
        _ = got.value


def summary(number: int) -> dict[str, Any]:
    member = dict.fromkeys(("external_id", "country", "currency", "total", "payable", "ready"))
    times = dict.fromkeys(("created", "modified", "expiresAt"), "2026-11-23T12:00:00Z")
    market = {"country": None, "source": None}
    return {
        "id": f"b-{number}",
        "status": "open",
        "version": 1,
        "market": market,
        "totals": [],
        "lines": 0,
        **member,
        **times,
    }


async def test_a_list_follows_the_cursor_with_the_same_filters() -> None:
    pages = [{"baskets": [summary(1), summary(2)], "next": "c-1"}, {"baskets": [], "next": "c-2"}]
    service = ScriptedService([answer(body=page) for page in (*pages, {"baskets": [summary(3)], "next": None})])
    since = datetime(2026, 11, 23, 12, tzinfo=UTC)
    found = [each.id async for each in service.client().list_baskets(status="open", created_after=since, limit=2)]
    assert found == ["b-1", "b-2", "b-3"]
    filters = {"status": "open", "created_after": "2026-11-23T12:00:00+00:00", "limit": "2"}
    assert [dict(request.url.params) for request in service.sent] == [
        filters,
        {**filters, "cursor": "c-1"},
        {**filters, "cursor": "c-2"},
    ]
    assert b"%2B00" in service.sent[0].url.query


async def test_a_list_takes_truth_values_and_refuses_times_without_an_offset() -> None:
    request = await sent(lambda client: client.list_page(abandoned=True))
    assert request.url.query == b"abandoned=true"
    with pytest.raises(ValueError, match="no offset"):
        await sent(lambda client: client.list_page(modified_after=datetime(2026, 11, 23)))  # noqa: DTZ001


async def test_promise_keys_are_asked_without_a_token() -> None:
    service = ScriptedService([answer(body={"keys": []})])
    assert len(await service.client().promise_keys()) == 0
    assert service.sent[0].url.path == "/.well-known/jwks.json"
    assert "Authorization" not in service.sent[0].headers
