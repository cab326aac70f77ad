"""`If-Match` and `If-None-Match` on every call."""

from __future__ import annotations

from datetime import timedelta

import httpx
import pytest

from domain.basket.decision import CheckoutConfig
from tests.api.service import INITIATE, RIVAL, ApiCaller, Service, actions, add, cookie_header, order, problem, wanted
from tests.builders import basket_id, caller

MATCHING = [
    '"1"',
    "*",
    '"7", "1"',
    '"7","1"',
    'W/"1", "1"',
    ' "1" ',
    '"1",',
    ',"1"',
    '"7", , "1"',
    ', ,"1"\t,,',
]
OTHERS = ['"7"', 'W/"1"', '"01"', '"1.0"', '""', '"abc"', '"7", W/"1"', '"99999999999999999999999"', '"7",']
GARBAGE = ["", ",", " , ", "1", '"1', '1"', "'1'", '"1" "2"', "W/", '*, "1"', "*,", "w/1", '"1"; x', '"1"x']


def unmatched(tag: str) -> dict[str, str]:
    return {"if-none-match": tag}


async def lines_of(shop: ApiCaller, id: str) -> int:
    return len(await shop.items(id))


@pytest.mark.parametrize("tag", MATCHING)
async def test_a_call_for_the_present_version_succeeds(shop: ApiCaller, tag: str) -> None:
    first, second, third = [await shop.begin() for _ in range(3)]
    assert (await shop.update(first, actions(add()), if_match=tag)).status_code == 200
    assert (await shop.validate(second, if_match=tag)).status_code == 200
    assert (await shop.initiate(order(wanted(), checkoutId=third), if_match=tag)).status_code == 200
    assert (await shop.order(await shop.begin(), **{"if-match": tag})).status_code == 200


@pytest.mark.parametrize("tag", OTHERS)
async def test_a_call_for_another_version_is_refused_with_the_present_one(shop: ApiCaller, tag: str) -> None:
    id = await shop.begin()
    for answer in (
        await shop.update(id, actions(add()), if_match=tag),
        await shop.validate(id, if_match=tag),
        await shop.initiate(order(wanted(), checkoutId=id), if_match=tag),
        await shop.order(id, **{"if-match": tag}),
    ):
        assert problem(answer) == (412, "version_mismatch")
        assert (answer.json()["version"], answer.headers["etag"]) == (1, '"1"')
    assert (await shop.order(id)).headers["etag"] == '"1"'


@pytest.mark.parametrize("name", ["if-match", "if-none-match"])
@pytest.mark.parametrize("tag", GARBAGE)
async def test_an_invalid_list_of_entity_tags_is_rejected(shop: ApiCaller, name: str, tag: str) -> None:
    id, headers = await shop.begin(), {name: tag}
    assert problem(await shop.update(id, actions(add()), **headers)) == (400, "invalid_header")
    assert problem(await shop.validate(id, **headers)) == (400, "invalid_header")
    assert problem(await shop.initiate(order(), **headers)) == (400, "invalid_header")
    assert problem(await shop.order(id, **headers)) == (400, "invalid_header")


async def test_the_tag_of_an_answer_holds_for_the_next_call(shop: ApiCaller) -> None:
    id = await shop.begin()
    tag = (await shop.update(id, actions(add()))).headers["etag"]
    tag = (await shop.validate(id, if_match=tag)).headers["etag"]
    assert (await shop.update(id, actions(add()), if_match=tag)).status_code == 200
    assert (await shop.update(id, actions(add()), if_match=tag)).status_code == 412


async def test_tags_on_several_header_lines_are_one_list(shop: ApiCaller) -> None:
    id = await shop.begin()

    async def get(*lines: tuple[str, str]) -> httpx.Response:
        return await shop.http.get(f"/partner/checkout/{id}", headers=list(lines))

    assert (await get(("if-none-match", '"7"'), ("If-None-Match", '"1"'))).status_code == 304
    assert (await get(("if-match", '"7",'), ("If-Match", '"1"'))).status_code == 200
    assert (await get(("if-match", '"7"'), ("If-Match", '"8"'))).status_code == 412


# If-None-Match: * makes an initiate create only


async def test_an_initiate_that_may_only_create_creates(shop: ApiCaller) -> None:
    answer = await shop.initiate(order(wanted(), external_id="E-1"), **unmatched("*"))
    assert answer.status_code == 200
    assert await lines_of(shop, answer.json()["id"]) == 1


@pytest.mark.parametrize("named_by", ["checkoutId", "cookie", "external_id"])
@pytest.mark.parametrize("key", [{}, {"idempotency-key": "k"}])
async def test_an_initiate_that_may_only_create_leaves_a_basket_that_is_there_alone(
    shop: ApiCaller, named_by: str, key: dict[str, str]
) -> None:
    id = (await shop.initiate(order(wanted(), external_id="E-1"))).json()["id"]
    body, headers = {
        "checkoutId": (order(checkoutId=id), {}),
        "cookie": (order(), cookie_header(id)),
        "external_id": (order(external_id="E-1"), {}),
    }[named_by]
    answer = await shop.initiate(body, **headers, **unmatched("*"), **key)
    assert problem(answer) == (412, "basket_exists")
    assert (answer.json()["version"], answer.headers["etag"]) == (2, '"2"')
    assert "set-cookie" not in answer.headers
    assert (await lines_of(shop, id), (await shop.order(id)).headers["etag"]) == (1, '"2"')


async def test_another_organisations_basket_does_not_keep_from_creating(service: Service, shop: ApiCaller) -> None:
    await service.caller(RIVAL).initiate(order(external_id="E-1"))
    assert (await shop.initiate(order(external_id="E-1"), **unmatched("*"))).status_code == 200


async def test_a_basket_that_is_over_does_not_keep_from_creating(service: Service, shop: ApiCaller) -> None:
    first = (await shop.initiate(order(external_id="E-1"))).json()["id"]
    service.checkout.clock.advance(CheckoutConfig().lifetime)
    second = await shop.initiate(order(external_id="E-1"), **cookie_header(first), **unmatched("*"))
    assert (second.status_code, second.json()["id"] != first) == (200, True)


async def test_a_basket_that_is_named_and_not_there_is_not_created(shop: ApiCaller) -> None:
    answer = await shop.initiate(order(checkoutId=basket_id(77)), **unmatched("*"))
    assert problem(answer) == (404, "basket_not_found")


async def test_a_repeated_create_gets_the_first_response(shop: ApiCaller) -> None:
    headers = {"idempotency-key": "k", **unmatched("*")}
    first = await shop.initiate(order(wanted(), external_id="E-1"), **headers)
    again = await shop.initiate(order(wanted(), external_id="E-1"), **headers)
    assert (again.status_code, again.content) == (200, first.content)
    assert again.headers["idempotent-replayed"] == "true"


async def test_both_conditions_at_once_can_never_hold(shop: ApiCaller) -> None:
    id = await shop.begin()
    headers = {"if-match": "*", **unmatched("*")}
    assert problem(await shop.initiate(order(checkoutId=id), **headers)) == (412, "basket_exists")
    assert problem(await shop.initiate(order(), **headers)) == (412, "version_mismatch")


# If-None-Match with tags

AMONG = ['"1"', 'W/"1"', '"7", W/"1"', '"1",', "*"]


@pytest.mark.parametrize("tag", AMONG)
async def test_a_change_is_refused_at_a_version_that_the_caller_does_not_want(shop: ApiCaller, tag: str) -> None:
    id = await shop.begin()
    for answer in (
        await shop.update(id, actions(add()), **unmatched(tag)),
        await shop.validate(id, **unmatched(tag)),
        await shop.initiate(order(wanted(), checkoutId=id), **unmatched(tag)),
    ):
        assert problem(answer) == (412, "basket_exists")
    assert (await shop.order(id)).headers["etag"] == '"1"'


@pytest.mark.parametrize("tag", ['"7"', '"7", "8"', '"01"', '""'])
async def test_a_change_goes_through_at_any_other_version(shop: ApiCaller, tag: str) -> None:
    id = await shop.begin()
    for answer in (
        await shop.update(id, actions(), **unmatched(tag)),
        await shop.initiate(order(checkoutId=id), **unmatched(tag)),
        await shop.validate(id, **unmatched(tag)),
    ):
        assert answer.status_code == 200, answer.text


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("tag", AMONG)
async def test_an_order_that_the_caller_has_is_not_sent_again(shop: ApiCaller, method: str, tag: str) -> None:
    id = await shop.begin()
    answer = await shop.send(method, f"/partner/checkout/{id}", headers=unmatched(tag))
    assert (answer.status_code, answer.content, answer.headers["etag"]) == (304, b"", '"1"')
    assert not {"content-type", "content-length"} & {*answer.headers}


@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_an_order_that_changed_is_sent(shop: ApiCaller, method: str) -> None:
    id = await shop.begin()
    tag = (await shop.order(id)).headers["etag"]
    await shop.update(id, actions(add()))
    answer = await shop.send(method, f"/partner/checkout/{id}", headers=unmatched(tag))
    assert (answer.status_code, answer.headers["etag"]) == (200, '"2"')


async def test_an_order_that_expired_by_time_is_sent_even_at_a_known_version(service: Service, shop: ApiCaller) -> None:
    id = await shop.begin()
    service.checkout.clock.advance(CheckoutConfig().lifetime + timedelta(seconds=1))
    answer = await shop.order(id, **unmatched('"1"'))
    assert (answer.status_code, answer.json()["order"]["status"]) == (200, "expired")
    await service.checkout.handlers.expire(id, caller())
    assert (await shop.order(id, **unmatched('"2"'))).status_code == 304


async def test_another_organisations_order_is_not_found_whatever_its_tag(service: Service, shop: ApiCaller) -> None:
    id = await service.caller(RIVAL).begin()
    for tag in ("*", '"1"', '"2"'):
        assert problem(await shop.order(id, **unmatched(tag))) == (404, "basket_not_found")


@pytest.mark.parametrize("tags", [1000, 1001, 200_000])
async def test_a_list_has_at_most_1000_tags(shop: ApiCaller, tags: int) -> None:
    id = await shop.begin()
    answer = await shop.update(id, actions(add()), if_match=",".join(['"7"'] * tags))
    assert answer.status_code == (412 if tags <= 1000 else 400)


async def test_a_compressed_body_is_refused(shop: ApiCaller) -> None:
    for coding in ("gzip", "br", "GZIP", "identity, gzip", "deflate", "zstd", "x"):
        answer = await shop.send("POST", INITIATE, order(), {"content-encoding": coding})
        assert problem(answer) == (415, "unsupported_content_encoding")
        assert answer.headers["accept-encoding"] == "identity"


@pytest.mark.parametrize("coding", ["identity", "Identity", "identity, identity", "", " , identity"])
async def test_the_identity_encoding_is_accepted(shop: ApiCaller, coding: str) -> None:
    answer = await shop.send("POST", INITIATE, order(), {"content-encoding": coding})
    assert answer.status_code == 200
