"""Parameters of the query that a call does not know: gateways append their own."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest

from adapters.settings import Settings
from tests.api.service import INITIATE, LIST, UPDATE, ApiCaller, Service, actions, add, cookie_header, order, wanted
from tests.api.service import problem as problem_of

STRICT, LENIENT = {"prefer": "handling=strict"}, {"prefer": "handling=lenient"}


async def answers(shop: ApiCaller, query: str, headers: dict[str, str]) -> AsyncIterator[httpx.Response]:
    """The answers of the five calls on one basket."""
    id = await shop.begin(wanted())
    yield await shop.send("POST", f"{INITIATE}?{query}", order(wanted()), headers)
    yield await shop.send("PUT", f"{UPDATE}?{query}", actions(add()), {**cookie_header(id), **headers})
    yield await shop.send("GET", f"/partner/checkout/{id}?{query}", None, headers)
    yield await shop.send("POST", f"/partner/checkout/validate/{id}?{query}", None, headers)
    yield await shop.send("POST", f"/partner/checkout/cancel/{id}?{query}", {"reason": "left"}, headers)


@pytest.mark.parametrize("query", ["colour=red", "a=1&a=2", "utm=%ff", "gclid", "&", "Include=findings"])
async def test_lenient_handling_passes_unknown_parameters_over(shop: ApiCaller, query: str) -> None:
    seen = [(answer.status_code, "preference-applied" in answer.headers) async for answer in answers(shop, query, {})]
    assert seen == 5 * [(200, False)]


async def test_a_known_parameter_counts_beside_unknown_ones(shop: ApiCaller) -> None:
    query = "colour=red&include=findings"
    assert ["findings" in answer.json() async for answer in answers(shop, query, LENIENT)] == [True] * 3 + [False] * 2


@pytest.mark.parametrize(
    ("query", "pointer", "code"),
    [("colour=red", "/colour", "unknown_parameter"), ("utm=%ff", "", "wrong_format")],
)
async def test_strict_handling_refuses_them_by_name(shop: ApiCaller, query: str, pointer: str, code: str) -> None:
    async for answer in answers(shop, query, STRICT):
        assert problem_of(answer) == (422, "invalid_parameters")
        assert [(each["pointer"], each["code"]) for each in answer.json()["errors"]] == [(pointer, code)]
        assert answer.headers["preference-applied"] == "handling=strict"


async def test_a_service_that_is_strict_refuses_them_unless_it_is_asked_to_be_lenient(settings: Settings) -> None:
    shop = Service(settings.model_copy(update={"request_handling": "strict"})).caller()
    assert [answer.status_code async for answer in answers(shop, "colour=red", {})] == 5 * [422]
    lenient = [answer async for answer in answers(shop, "colour=red", LENIENT)]
    assert [answer.status_code for answer in lenient] == 5 * [200]
    assert {answer.headers["preference-applied"] for answer in lenient} == {"handling=lenient"}


async def test_a_key_gets_its_answer_with_another_handling_unless_something_is_unknown(shop: ApiCaller) -> None:
    body, key = order(wanted()), {"idempotency-key": "k-1"}
    first = await shop.send("POST", f"{INITIATE}?colour=red", body, {**key, **LENIENT})
    refused = await shop.send("POST", f"{INITIATE}?colour=red", body, {**key, **STRICT})
    again = await shop.send("POST", INITIATE, body, {**key, **STRICT})
    assert problem_of(refused) == (422, "invalid_parameters")
    assert (again.status_code, again.content) == (200, first.content)
    assert (again.headers["idempotent-replayed"], again.headers["preference-applied"]) == ("true", "handling=lenient")
    assert problem_of(await shop.send("POST", f"{INITIATE}?include=findings", body, key)) == (
        422,
        "idempotency_key_reused",
    )


async def test_an_answer_without_a_body_says_how_they_were_handled_too(shop: ApiCaller) -> None:
    id = await shop.begin(wanted())
    known = {"if-none-match": (await shop.order(id)).headers["etag"]}
    answer = await shop.send("GET", f"/partner/checkout/{id}?colour=red", None, {**known, **LENIENT})
    assert (answer.status_code, answer.headers["preference-applied"]) == (304, "handling=lenient")


async def test_the_list_refuses_them_in_any_case(shop: ApiCaller) -> None:
    answer = await shop.send("GET", f"{LIST}?colour=red", None, LENIENT)
    assert problem_of(answer) == (422, "invalid_parameters")
