"""`Idempotency-Key`: a request runs once, and its response is sent as often as it comes."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from domain.ports.event_store import IdempotencyKey
from tests.api.failures import HeldStore
from tests.api.service import (
    RIVAL,
    ApiCaller,
    Service,
    actions,
    add,
    change,
    cookie_header,
    order,
    problem,
    remove,
    wanted,
)
from tests.builders import InMemoryCheckout, basket_id, caller, item_id

KEY = "7d0c2c5e"


@pytest.fixture
def held(service: Service) -> tuple[Service, HeldStore]:
    checkout = InMemoryCheckout(make_store=HeldStore)
    assert isinstance(checkout.store, HeldStore)
    return Service(service.settings, checkout), checkout.store


async def test_a_repeated_initiate_gets_the_first_response(shop: ApiCaller) -> None:
    first = await shop.initiate(order(wanted()), idempotency_key=KEY)
    again = await shop.initiate(order(wanted()), idempotency_key=KEY)
    assert "idempotent-replayed" not in first.headers
    assert again.headers["idempotent-replayed"] == "true"
    assert (again.status_code, again.content) == (200, first.content)
    assert (again.headers["etag"], again.headers["set-cookie"]) == (
        first.headers["etag"],
        first.headers["set-cookie"],
    )


async def test_a_repeated_initiate_may_bring_the_cookie_of_the_first_response(shop: ApiCaller) -> None:
    first = await shop.initiate(order(wanted()), idempotency_key=KEY)
    again = await shop.initiate(order(wanted()), idempotency_key=KEY, **cookie_header(first.json()["id"]))
    assert again.json() == first.json()


async def test_a_repeated_update_runs_once(shop: ApiCaller) -> None:
    id = await shop.begin()
    first = await shop.update(id, actions(add()), idempotency_key=KEY)
    await shop.update(id, actions(add("o-2")))
    again = await shop.update(id, actions(add()), idempotency_key=KEY)
    assert (again.content, again.headers["etag"]) == (first.content, first.headers["etag"])
    assert [item["quantity"] for item in await shop.items(id)] == [1, 1]


async def test_a_repeated_validation_runs_once(shop: ApiCaller) -> None:
    id = await shop.begin(wanted())
    first, again = [await shop.validate(id, idempotency_key=KEY) for _ in range(2)]
    assert (again.content, again.headers["etag"]) == (first.content, first.headers["etag"])
    assert again.headers["idempotent-replayed"] == "true"


async def test_spaces_and_order_do_not_change_a_body(shop: ApiCaller) -> None:
    first = await shop.initiate(b'{"order":{"orderItems":[],"country":"GB"}}', idempotency_key=KEY)
    again = await shop.initiate(b'{"order": {"country": "GB", "orderItems": []} }', idempotency_key=KEY)
    assert again.content == first.content


async def test_a_key_with_another_body_is_refused(shop: ApiCaller) -> None:
    await shop.initiate(order(), idempotency_key=KEY)
    answer = await shop.initiate(order(wanted()), idempotency_key=KEY)
    assert problem(answer) == (422, "idempotency_key_reused")


async def test_a_key_with_another_basket_is_refused(shop: ApiCaller) -> None:
    one, two = await shop.begin(), await shop.begin()
    await shop.update(one, actions(add()), idempotency_key=KEY)
    await shop.validate(one, idempotency_key=KEY)
    assert problem(await shop.update(two, actions(add()), idempotency_key=KEY))[0] == 422
    assert problem(await shop.validate(two, idempotency_key=KEY)) == (422, "idempotency_key_reused")


async def test_a_key_is_of_its_organisation_and_its_call(shop: ApiCaller, rival: ApiCaller) -> None:
    ours = await shop.initiate(order(), idempotency_key=KEY)
    theirs = await rival.initiate(order(), idempotency_key=KEY)
    assert theirs.json() != ours.json()
    assert (await shop.update(ours.json()["id"], actions(), idempotency_key=KEY)).status_code == 200


async def test_a_rejection_of_the_domain_is_replayed(service: Service, shop: ApiCaller) -> None:
    id = await shop.begin(wanted())
    first = await shop.update(id, actions(remove(item_id(9999))), idempotency_key=KEY)
    again = await shop.update(id, actions(remove(item_id(9999))), idempotency_key=KEY)
    assert problem(first) == (422, "invalid_request")
    assert (again.status_code, again.content) == (422, first.content)
    assert again.headers["idempotent-replayed"] == "true"
    assert again.headers["content-type"] == "application/problem+json"
    await service.checkout.handlers.complete(id, None, caller())
    finished = [await shop.update(id, actions(add()), idempotency_key="other") for _ in range(2)]
    assert problem(finished[1]) == (409, "basket_finished")
    assert finished[1].headers["idempotent-replayed"] == "true"


async def test_a_request_that_is_no_command_is_not_stored(shop: ApiCaller) -> None:
    id = await shop.begin()
    assert (await shop.update(id, actions(add()), idempotency_key=KEY, if_match="x")).status_code == 400
    assert (await shop.update(id, {}, idempotency_key=KEY)).status_code == 422
    assert (await shop.update(basket_id(77), actions(add()), idempotency_key=KEY)).status_code == 404
    answer = await shop.update(id, actions(add()), idempotency_key=KEY)
    assert answer.status_code == 200
    assert "idempotent-replayed" not in answer.headers


async def test_a_412_is_replayed_even_if_the_request_could_succeed_now(shop: ApiCaller) -> None:
    id = await shop.begin()
    first = await shop.update(id, actions(add()), idempotency_key=KEY, if_match='"2"')
    await shop.update(id, actions(add()))
    again = await shop.update(id, actions(add()), idempotency_key=KEY, if_match='"2"')
    assert problem(first) == problem(again) == (412, "version_mismatch")
    assert (again.content, again.headers["etag"]) == (first.content, first.headers["etag"])
    assert again.headers["idempotent-replayed"] == "true"
    assert (await shop.update(id, actions(add()), idempotency_key="new", if_match='"2"')).status_code == 200


async def test_a_taken_external_id_is_replayed(service: Service, shop: ApiCaller) -> None:
    holder = (await shop.initiate(order(external_id="E-1"))).json()["id"]
    other = await shop.begin()
    wish = order(external_id="E-1", checkoutId=other)
    first = await shop.initiate(wish, idempotency_key=KEY)
    await service.checkout.handlers.complete(holder, None, caller())
    again = await shop.initiate(wish, idempotency_key=KEY)
    assert problem(first) == (409, "external_id_in_use")
    assert (again.status_code, again.content) == (409, first.content)
    assert (await shop.initiate(wish, idempotency_key="new")).status_code == 200


async def test_a_failure_of_the_service_is_not_stored(held: tuple[Service, HeldStore]) -> None:
    service, store = held
    shop = service.caller()
    store.away = True
    store.go.set()
    answer = await shop.initiate(order(), idempotency_key=KEY)
    assert problem(answer) == (503, "store_unavailable")
    assert "10.1.2.3" not in answer.text
    store.away = False
    answer = await shop.initiate(order(), idempotency_key=KEY)
    assert answer.status_code == 200
    assert "idempotent-replayed" not in answer.headers


async def test_a_second_request_must_wait_while_the_first_runs(held: tuple[Service, HeldStore]) -> None:
    service, store = held
    shop = service.caller()
    first = asyncio.create_task(shop.initiate(order(), idempotency_key=KEY))
    await asyncio.wait_for(store.reached.wait(), 5)
    second = await service.caller().initiate(order(), idempotency_key=KEY)
    assert problem(second) == (409, "request_in_progress")
    assert int(second.headers["retry-after"]) >= 1
    store.go.set()
    answer = await asyncio.wait_for(first, 5)
    again = await shop.initiate(order(), idempotency_key=KEY)
    assert (answer.status_code, again.content) == (200, answer.content)


async def test_one_of_two_processes_runs_and_both_give_its_response(service: Service) -> None:
    callers = [
        Service(service.settings, service.checkout, handlers=service.checkout.process().handlers.real).caller()
        for _ in range(2)
    ]
    id = await callers[0].begin()
    answers = await asyncio.gather(*(each.update(id, actions(add()), idempotency_key=KEY) for each in callers))
    assert {answer.status_code for answer in answers} == {200}
    assert answers[0].content == answers[1].content
    assert [item["quantity"] for item in await callers[0].items(id)] == [1]


async def test_sixteen_at_once_with_one_key_make_one_basket(shop: ApiCaller, service: Service) -> None:
    answers = await asyncio.gather(*(shop.initiate(order(wanted()), idempotency_key=KEY) for _ in range(16)))
    made = {answer.json()["id"] for answer in answers if answer.status_code == 200}
    assert len(made) == 1
    assert {problem(answer) for answer in answers if answer.status_code != 200} <= {(409, "request_in_progress")}


async def test_a_response_after_a_conflict_is_the_stored_one(service: Service) -> None:
    other = Service(service.settings, service.checkout, handlers=service.checkout.process().handlers.real)
    one, two = service.caller(), other.caller()
    id = await one.begin(wanted())
    line = (await one.items(id))[0]["id"]
    await two.update(id, actions(change(line, 5)))
    first = await one.update(id, actions(change(line, 7)), idempotency_key=KEY)
    again = await one.update(id, actions(change(line, 7)), idempotency_key=KEY)
    assert first.json()["actionResults"][0]["before"] == 5
    assert again.content == first.content


async def test_keys_expire_after_a_day(service: Service, shop: ApiCaller) -> None:
    first = await shop.initiate(order(), idempotency_key=KEY)
    service.checkout.clock.advance(timedelta(hours=24))
    assert (await shop.initiate(order(), idempotency_key=KEY)).json() != first.json()


SAME = [
    ("k", '"k"'),
    ('"k"', "k"),
    ('"k"', '"k";a=1'),
    ("k", '"k" ; a;b=?1;  c="x;y";d=1.5;e=:aGk=:;f=tok/en'),
    ('a"b', '"a\\"b"'),
    ("a\\b", '"a\\\\b"'),
    ("k;a=1", '"k;a=1"'),
    ('"a b"', '"a b"'),
]


@pytest.mark.parametrize(("first", "second"), SAME)
async def test_a_quoted_and_a_bare_key_are_one_key(shop: ApiCaller, first: str, second: str) -> None:
    one = await shop.initiate(order(), idempotency_key=first)
    two = await shop.initiate(order(), idempotency_key=second)
    assert (one.status_code, two.content) == (200, one.content)
    assert two.headers["idempotent-replayed"] == "true"


async def test_keys_that_are_not_the_same_stay_apart(shop: ApiCaller) -> None:
    keys = ["k", "K", '"k "', '"k;a=1"', '"k\\"";a=1', "'k'"]
    ids = {(await shop.initiate(order(), idempotency_key=key)).json()["id"] for key in keys}
    assert len(ids) == len(keys)


async def test_a_response_that_an_older_release_stored_by_the_quoted_key_is_found(
    service: Service, shop: ApiCaller
) -> None:
    first = await shop.initiate(order(), idempotency_key="k")
    stored = await service.checkout.store.find_response("shop/initiate", "k")
    assert stored is not None
    before = IdempotencyKey("shop/initiate", '"old"', stored.fingerprint)
    assert await service.checkout.store.store_response(before, stored.response)
    again = await shop.initiate(order(), idempotency_key='"old"')
    assert (again.content, again.headers["idempotent-replayed"]) == (first.content, "true")


NO_KEYS = [
    "",
    "a b",
    "a" * 256,
    "käse",
    '"',
    '""',
    '"a',
    'a b"',
    '"a"b',
    '"a" "b"',
    '"a", "a"',
    '"a\\x"',
    '"é"',
]


@pytest.mark.parametrize("key", [*NO_KEYS, '"a";', '"a";A=1', '"a";b=', '"' + "a" * 256 + '"', '"";a=1', '"a"x'])
async def test_an_invalid_key_is_rejected(shop: ApiCaller, key: str) -> None:
    id = await shop.begin()
    for method, path, body in (
        ("POST", "/partner/checkout/initiate", order()),
        ("PUT", "/partner/checkout/update", actions()),
        ("POST", f"/partner/checkout/validate/{id}", None),
    ):
        headers = {"idempotency-key": key.encode("latin-1").decode("latin-1"), **cookie_header(id)}
        answer = await shop.http.request(
            method, path, json=body, headers=[(n.encode(), v.encode("latin-1")) for n, v in headers.items()]
        )
        assert problem(answer) == (400, "invalid_header")


async def test_the_longest_key_is_accepted(shop: ApiCaller) -> None:
    assert (await shop.initiate(order(), idempotency_key="!" + "~" * 254)).status_code == 200


async def test_another_organisations_key_says_nothing_about_ours(service: Service, shop: ApiCaller) -> None:
    id = await service.caller(RIVAL).begin()
    await service.caller(RIVAL).update(id, actions(add()), idempotency_key=KEY)
    assert (await shop.update(id, actions(add()), idempotency_key=KEY)).status_code == 404
