"""A call is sent again where that can help: the same request with the same key, within a budget."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from checkout_client import (
    NO_RETRIES,
    CheckoutClientError,
    NoAnswer,
    RateLimitedProblem,
    RequestInProgressProblem,
    UnavailableProblem,
)
from checkout_client.http.problems import retry_after
from tests.clients.scripted_service import BASKET, Reaction, ScriptedService, answer, problem

BODY = {"order": {"country": "GB"}}

REFUSED = httpx.ConnectError("refused")
RETRIED: list[Reaction] = [
    REFUSED,
    httpx.ReadError("reset"),
    httpx.ReadTimeout("late"),
    httpx.ConnectTimeout("late"),
    httpx.RemoteProtocolError("half an answer"),
    problem(409, "request_in_progress", Retry_After="1"),
    problem(429, "too_many_calls", Retry_After="2"),
    problem(503, "store_unavailable", Retry_After="3"),
    answer(503),
]
FINAL: list[Reaction] = [
    *(problem(status, "some_code") for status in (400, 401, 403, 404, 409, 412, 413, 422, 500, 502, 504)),
    httpx.Response(502, content=b"<html>"),
    httpx.Response(307, headers={"Location": "/elsewhere"}),
    httpx.UnsupportedProtocol("ftp"),
    httpx.DecodingError("no gzip"),
]


@pytest.mark.parametrize("trouble", RETRIED, ids=str)
async def test_trouble_that_passes_is_retried_with_the_same_request(trouble: Reaction) -> None:
    service = ScriptedService([trouble, trouble, answer()])
    assert (await service.client().initiate(BODY)).id == BASKET
    assert len(service.sent) == 3
    assert len({(request.headers["Idempotency-Key"], request.content) for request in service.sent}) == 1


@pytest.mark.parametrize("trouble", FINAL, ids=str)
async def test_anything_else_is_raised_at_once(trouble: Reaction) -> None:
    service = ScriptedService([trouble, answer()])
    with pytest.raises(CheckoutClientError):
        await service.client("t-1").initiate(BODY)
    assert len(service.sent) == 1


@pytest.mark.parametrize("trouble", RETRIED, ids=str)
async def test_reading_is_retried_without_a_key(trouble: Reaction) -> None:
    service = ScriptedService([trouble, answer()])
    await service.client().get(BASKET)
    assert service.keys == [None, None]


async def test_the_callers_own_key_is_sent_every_time() -> None:
    service = ScriptedService([REFUSED, REFUSED, answer()])
    got = await service.client().validate(BASKET, idempotency_key="k-1")
    assert service.keys == ["k-1"] * 3
    assert got.idempotency_key == "k-1"


async def test_trouble_that_stays_is_raised_as_it_is_with_the_key() -> None:
    for trouble, kind in (
        (RETRIED[0], NoAnswer),
        (RETRIED[5], RequestInProgressProblem),
        (RETRIED[6], RateLimitedProblem),
        (RETRIED[7], UnavailableProblem),
    ):
        service = ScriptedService([trouble])
        with pytest.raises(kind) as raised:
            await service.client().initiate(BODY)
        assert isinstance(raised.value, NoAnswer | UnavailableProblem | RateLimitedProblem | RequestInProgressProblem)
        assert raised.value.idempotency_key == service.keys[0]
        assert service.now <= service.policy.budget


async def test_a_service_that_asks_for_more_time_than_the_budget_is_not_waited_for() -> None:
    service = ScriptedService([problem(429, "too_many_calls", Retry_After="31")])
    with pytest.raises(RateLimitedProblem) as raised:
        await service.client().initiate(BODY)
    assert (len(service.sent), service.now, raised.value.retry_after) == (1, 0.0, 31.0)


async def test_retries_can_be_turned_off() -> None:
    service = ScriptedService([REFUSED, answer()])
    with pytest.raises(NoAnswer):
        await service.client(retries=NO_RETRIES).initiate(BODY)
    assert len(service.sent) == 1


async def test_a_pause_is_random_and_grows() -> None:
    limits = (0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0)
    longest = [0.0] * len(limits)
    for _ in range(200):
        service = ScriptedService([*[REFUSED] * len(limits), answer()])
        await service.client().get(BASKET)
        pauses = [after - before for before, after in zip(service.times, service.times[1:], strict=False)]
        assert all(pause <= limit for pause, limit in zip(pauses, limits, strict=True))
        longest = [max(pair) for pair in zip(longest, pauses, strict=True)]
    assert all(limit / 2 < seen for seen, limit in zip(longest, limits, strict=True))


def _passes(reaction: Reaction) -> bool:
    """Whether trouble of this kind passes."""
    return reaction in RETRIED or (isinstance(reaction, httpx.Response) and reaction.status_code == 503)


_WAITS = st.integers(0, 20).map(lambda seconds: problem(503, "unavailable", Retry_After=str(seconds)))
_REACTIONS = st.lists(st.sampled_from([*RETRIED, answer(), *FINAL]) | _WAITS, min_size=1, max_size=15)


def _check(service: ScriptedService) -> None:
    """One request with one key, sent again after trouble that passes only, never too early, within the budget."""
    assert len({(request.headers["Idempotency-Key"], request.content) for request in service.sent}) == 1
    assert len(service.sent) <= service.policy.attempts
    assert service.now <= service.policy.budget
    reactions = [*service.reactions, *[service.reactions[-1]] * service.policy.attempts]
    for trouble, before, after in zip(reactions, service.times, service.times[1:], strict=False):
        assert _passes(trouble)
        told = retry_after(trouble.headers) if isinstance(trouble, httpx.Response) else None
        assert after - before >= (told or 0.0)


@given(_REACTIONS)
async def test_a_call_keeps_its_key_its_budget_and_every_retry_after(reactions: list[Reaction]) -> None:
    service = ScriptedService(reactions)
    with suppress(CheckoutClientError):
        await service.client().initiate(BODY)
    _check(service)


@given(_REACTIONS)
def test_a_call_without_asyncio_keeps_them_too(reactions: list[Reaction]) -> None:
    service = ScriptedService(reactions)
    with suppress(CheckoutClientError):
        service.sync_client().initiate(BODY)
    _check(service)


NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "date", "seconds"),
    [
        ("0", None, 0.0),
        ("120", None, 120.0),
        (" 7 ", None, 7.0),
        ("-1", None, None),
        ("1.5", None, None),
        ("soon", None, None),
        ("", None, None),
        (format_datetime(NOON + timedelta(seconds=90), usegmt=True), None, 90.0),
        (format_datetime(NOON - timedelta(seconds=90), usegmt=True), None, 0.0),
        (format_datetime(NOON, usegmt=True), format_datetime(NOON - timedelta(seconds=5), usegmt=True), 5.0),
        ("Mon, 23 Nov 2026 12:00:30 -0000", None, 30.0),
        ("Monday, 23-Nov-26 12:00:30 GMT", None, 30.0),
    ],
)
def test_retry_after_is_read_in_both_forms(value: str, date: str | None, seconds: float | None) -> None:
    headers = httpx.Headers({"Retry-After": value, **({"Date": date} if date else {})})
    assert retry_after(headers, NOON) == seconds


def test_no_retry_after_says_nothing() -> None:
    assert retry_after(httpx.Headers(), NOON) is None
