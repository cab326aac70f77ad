"""A call without success raises what callers treat differently, whatever the answer looks like."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from checkout_client import (
    NO_RETRIES,
    CheckoutClientError,
    CheckoutProblem,
    ConflictProblem,
    ForbiddenProblem,
    InvalidRequestProblem,
    NoAnswer,
    NotFoundProblem,
    PreconditionFailedProblem,
    RateLimitedProblem,
    RefusedMember,
    RequestInProgressProblem,
    UnauthorizedProblem,
    UnavailableProblem,
)
from tests.clients.scripted_service import BASKET, ScriptedService, problem


async def raised(response: httpx.Response) -> CheckoutProblem:
    with pytest.raises(CheckoutProblem) as caught:
        await ScriptedService([response]).client(retries=NO_RETRIES).validate(BASKET)
    return caught.value


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        *((status, "c", InvalidRequestProblem) for status in (400, 405, 413, 414, 415, 422, 431)),
        (401, "not_authenticated", UnauthorizedProblem),
        (403, "not_allowed", ForbiddenProblem),
        (404, "basket_not_found", NotFoundProblem),
        (409, "conflict", ConflictProblem),
        (409, "a_later_code", ConflictProblem),
        (409, "request_in_progress", RequestInProgressProblem),
        (412, "version_mismatch", PreconditionFailedProblem),
        (429, "too_many_calls", RateLimitedProblem),
        (500, "internal_error", CheckoutProblem),
        *((status, "away", UnavailableProblem) for status in (502, 503, 504)),
        (418, "a_later_code", CheckoutProblem),
        (599, "a_later_code", CheckoutProblem),
    ],
)
async def test_each_status_has_its_class(status: int, code: str, kind: type[CheckoutProblem]) -> None:
    error = await raised(problem(status, code))
    assert type(error) is kind
    assert isinstance(error, CheckoutClientError)
    assert (error.status, error.code, error.title, error.detail) == (status, code, "A title", "In words.")
    assert str(error) == f"{status} {code}: In words."
    assert error.idempotency_key


async def test_a_refused_body_says_what_is_wrong_and_where() -> None:
    errors = [{"pointer": f"/order/orderItems/{index}/quantity", "code": "c", "message": "m"} for index in range(5)]
    error = await raised(problem(422, "invalid_request", {"errors": errors}))
    assert error.errors[0] == RefusedMember("/order/orderItems/0/quantity", "c", "m")
    assert len(error.errors) == 5
    assert "/order/orderItems/2/quantity: m (c); 2 more" in str(error)


async def test_a_conflict_has_the_version_and_the_order() -> None:
    error = await raised(problem(409, "conflict", {"version": 4, "order": {"id": BASKET}}))
    assert isinstance(error, ConflictProblem)
    assert (error.version, error.order, error.basket_status) == (4, {"id": BASKET}, None)


async def test_a_finished_basket_says_how_it_ended() -> None:
    error = await raised(problem(409, "basket_finished", {"basketStatus": "expired"}))
    assert isinstance(error, ConflictProblem)
    assert (error.version, error.order, error.basket_status) == (None, None, "expired")


@pytest.mark.parametrize("version", [4, None])
async def test_a_failed_precondition_has_the_version(version: int | None) -> None:
    error = await raised(problem(412, "version_mismatch", {"version": version}))
    assert isinstance(error, PreconditionFailedProblem)
    assert error.version == version


async def test_a_rate_limit_says_when_to_come_back() -> None:
    error = await raised(problem(429, "too_many_calls", Retry_After="17", RateLimit='"org";r=0;t=17'))
    assert isinstance(error, RateLimitedProblem)
    assert error.retry_after == 17.0
    assert error.headers["RateLimit"] == '"org";r=0;t=17'


async def test_only_trouble_that_passes_is_retryable() -> None:
    statuses = {
        status: (await raised(problem(status, "c"))).retryable for status in (400, 409, 429, 500, 502, 503, 504)
    }
    assert [status for status, retryable in statuses.items() if retryable] == [429, 503]
    assert (await raised(problem(409, "request_in_progress"))).retryable


async def test_a_proxys_page_is_a_good_exception() -> None:
    page = "<html>\n <h1>502 Bad Gateway</h1>\n" + "x" * 1000
    error = await raised(httpx.Response(502, content=page, headers={"Content-Type": "text/html; charset=utf-8"}))
    assert isinstance(error, UnavailableProblem)
    assert (error.code, error.title, error.errors) == (None, "Bad Gateway", [])
    words = "502 Bad Gateway: the answer is no problem document (text/html): <html> <h1>502 Bad Gateway</h1> xxx"
    assert str(error).startswith(words)
    assert len(str(error)) < 300


@pytest.mark.parametrize(
    "content", [b"", b"\xff\xfe", b"[]", b"7", b"null", b'{"a":' * 500, b'{"code": 7, "errors": {}}']
)
async def test_any_body_gives_an_exception(content: bytes) -> None:
    for status in (302, 400, 409, 412, 503, 599):
        error = await raised(httpx.Response(status, content=content))
        assert (error.status, error.code, list(error.errors)) == (status, None, [])
        assert str(status) in str(error)


@pytest.mark.parametrize(
    "members",
    [{"errors": [7, {"pointer": 1}]}, {"errors": None}, {"version": "4", "order": []}, {"detail": 7, "title": []}],
)
async def test_members_of_wrong_types_are_passed_over(members: dict[str, Any]) -> None:
    error = await raised(problem(409, "conflict", members))
    assert isinstance(error, ConflictProblem)
    assert (error.version, error.order) == (None, None)
    assert all(isinstance(each, RefusedMember) for each in error.errors)


async def test_no_answer_says_so_and_keeps_the_key() -> None:
    with pytest.raises(NoAnswer, match="ConnectError: refused") as caught:
        await (
            ScriptedService([httpx.ConnectError("refused")])
            .client(retries=NO_RETRIES)
            .validate(BASKET, idempotency_key="k-1")
        )
    assert (caught.value.idempotency_key, caught.value.retryable) == ("k-1", True)
    assert isinstance(caught.value.__cause__, httpx.ConnectError)
