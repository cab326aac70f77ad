"""The batcher alone, with a server that the test controls."""

from __future__ import annotations

import asyncio
import gc
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import pytest

from adapters.postgres.batcher import Batcher, PendingCall, take_up_to
from adapters.postgres.event_store.append import MAX_APPENDS, MAX_BYTES, take_batch
from domain.ports.event_store import Append, AppendOutcome, NewEvent
from domain.shared.errors import StoreUnavailable
from tests.builders.appends import a_response, a_stream, an_append, an_idempotency_key
from tests.garbage import CallersData, living, no_search_for_circles
from tests.servers.waiting import eventually


class BatchServer:
    """Returns each request as its result, once the gate is open."""

    def __init__(self) -> None:
        self.batches: list[tuple[list[str], bool]] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.fails: Callable[[Sequence[str]], Exception | None] = lambda _: None

    async def run(self, requests: Sequence[str], repeated: bool) -> Sequence[str]:
        self.batches.append((list(requests), repeated))
        await self.gate.wait()
        error = self.fails(requests)
        try:
            if error is not None:
                raise error
        finally:
            del error  # it would stay in a circle with this frame
        return requests


@pytest.fixture
def server() -> BatchServer:
    return BatchServer()


def batching(server: BatchServer, *, timeout: float = 10, concurrency: int = 1, limit: int = 100) -> Batcher[str, str]:
    return Batcher(server.run, take_up_to(limit), timeout=timeout, concurrency=concurrency)


async def asking(calls: Sequence[Awaitable[str]]) -> list[asyncio.Future[str]]:
    """Calls that run."""
    futures: list[asyncio.Future[str]] = [asyncio.ensure_future(call) for call in calls]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    return futures


async def test_calls_gather_while_a_batch_runs(server: BatchServer) -> None:
    batches = batching(server)
    server.gate.clear()
    first = await asking([batches.call("a")])
    more = await asking([batches.call(name) for name in "bcd"])
    server.gate.set()
    assert await asyncio.gather(*first, *more) == list("abcd")
    assert server.batches == [(["a"], False), (["b", "c", "d"], False)]
    await batches.close()


async def test_calls_made_at_the_same_time_are_one_batch(server: BatchServer) -> None:
    batches = batching(server, concurrency=2)
    assert await asyncio.gather(*(batches.call(name) for name in "abc")) == list("abc")
    assert server.batches == [(["a", "b", "c"], False)]


async def test_no_more_batches_run_at_once_than_the_concurrency_allows(server: BatchServer) -> None:
    batches = batching(server, concurrency=2, limit=1)
    server.gate.clear()
    calls = [call for name in "abcd" for call in await asking([batches.call(name)])]
    assert len(server.batches) == 2
    server.gate.set()
    assert await asyncio.gather(*calls) == list("abcd")


async def test_one_call_after_the_other_is_answered(server: BatchServer) -> None:
    batches = batching(server)
    assert [await batches.call(name) for name in "abc"] == list("abc")


async def test_a_cancelled_caller_leaves_the_batch_that_has_not_begun(server: BatchServer) -> None:
    batches = batching(server)
    server.gate.clear()
    (running,) = await asking([batches.call("a")])
    left, stays = await asking([batches.call("b"), batches.call("c")])
    left.cancel()
    running.cancel()
    server.gate.set()
    assert await stays == "c"
    assert [requests for requests, _ in server.batches] == [["a"], ["c"]]


async def test_a_caller_who_leaves_before_an_error_harms_nobody(server: BatchServer) -> None:
    batches = batching(server)
    server.gate.clear()
    leaves, stays = await asking([batches.call("a"), batches.call("b")])

    def fails(requests: Sequence[str]) -> Exception | None:
        if requests == ["a"]:
            leaves.cancel()
        return ValueError() if "a" in requests else None

    server.fails = fails
    server.gate.set()
    assert await stays == "b"


async def test_an_error_reaches_its_own_caller_only(server: BatchServer) -> None:
    server.fails = lambda requests: ValueError() if {"c", "f"} & set(requests) else None
    results = await asyncio.gather(*map(batching(server).call, "abcdefg"), return_exceptions=True)
    assert [r if isinstance(r, str) else type(r) for r in results] == [
        "a", "b", ValueError, "d", "e", ValueError, "g",
    ]  # fmt: skip


async def test_a_failed_batch_runs_again_marked_as_repeated(server: BatchServer) -> None:
    server.fails = lambda _: StoreUnavailable("gone") if len(server.batches) < 3 else None
    batches = batching(server)
    assert await asyncio.gather(*map(batches.call, "ab")) == ["a", "b"]
    assert server.batches == [(["a", "b"], False), (["a", "b"], True), (["a", "b"], True)]


async def test_a_call_ends_at_its_time_limit_and_is_not_tried_again(server: BatchServer) -> None:
    server.fails = lambda _: StoreUnavailable("gone")
    batches = batching(server, timeout=0.1)
    with pytest.raises(StoreUnavailable):
        await batches.call("a")
    server.fails = lambda _: None
    assert await batches.call("b") == "b"
    assert [requests for requests, _ in server.batches if requests != ["a"]] == [["b"]]


async def test_each_call_has_its_own_limit(server: BatchServer) -> None:
    batches = batching(server, timeout=0.8)
    server.gate.clear()
    (early,) = await asking([batches.call("a")])
    await eventually(lambda: early.done() or len(server.batches) == 1)
    loop = asyncio.get_running_loop()
    halfway = loop.time() + 0.4
    await eventually(lambda: loop.time() > halfway)
    (late,) = await asking([batches.call("b")])
    with pytest.raises(StoreUnavailable):
        await early
    assert not late.done()
    server.gate.set()
    assert await late == "b"


async def test_closing_finishes_waiting_calls_and_refuses_new_ones(server: BatchServer) -> None:
    batches = batching(server)
    server.gate.clear()
    calls = await asking([batches.call(name) for name in "ab"])
    closing = asyncio.ensure_future(batches.close())
    await asyncio.sleep(0)
    with pytest.raises(StoreUnavailable):
        await batches.call("c")
    server.gate.set()
    await closing
    assert await asyncio.gather(*calls) == ["a", "b"]


async def test_closing_does_not_wait_for_ever(server: BatchServer) -> None:
    batches = batching(server, timeout=0.1, limit=1)
    server.gate.clear()
    calls = await asking([batches.call(name) for name in "ab"])
    await asyncio.wait_for(batches.close(), 5)
    outcomes = await asyncio.gather(*calls, return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [StoreUnavailable] * 2


async def test_an_event_loop_may_end_during_a_batch() -> None:
    complaints: list[dict[str, Any]] = []

    async def abandon() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))
        server = BatchServer()
        server.gate.clear()
        batches = batching(server)
        await asking([batches.call("a"), batches.call("b")])

    await asyncio.to_thread(asyncio.run, abandon())
    gc.collect()
    assert complaints == []


@pytest.mark.parametrize("error", [ValueError("wrong"), StoreUnavailable("away")])
async def test_an_error_keeps_nothing_of_its_callers(server: BatchServer, error: Exception) -> None:
    server.fails = lambda _: type(error)(str(error))
    batches = batching(server, timeout=0.1)

    async def call(number: int) -> None:
        data = CallersData()
        await batches.call(str(number))
        del data

    with no_search_for_circles():
        ended = await asyncio.gather(*map(call, range(3)), return_exceptions=True)
        assert [type(each) for each in ended] == [type(error)] * 3
        del ended
        await eventually(lambda: living(CallersData) == 0)


def waiting(*appends: Append) -> deque[PendingCall[Append, AppendOutcome]]:
    loop = asyncio.get_event_loop()
    return deque(PendingCall(append, loop.create_future()) for append in appends)


async def test_a_second_append_to_a_stream_goes_into_the_next_batch() -> None:
    one, other = a_stream(), a_stream()
    appends = [an_append(one), an_append(one, 1), an_append(other), an_append(one, 2)]
    queue = waiting(*appends)
    taken = [[appends.index(call.request) for call in take_batch(queue)] for _ in range(3)]
    assert taken == [[0, 2], [1], [3]]
    assert not queue


async def test_a_second_append_for_a_claim_or_a_key_goes_into_the_next_batch() -> None:
    key = an_idempotency_key()
    appends = [
        an_append(a_stream(), claims=["name"]),
        an_append(a_stream(), releases=["name"]),
        an_append(a_stream(), response=(key, a_response())),
        an_append(a_stream(), response=(key, a_response())),
        an_append(a_stream(), claims=["another name"]),
    ]
    queue = waiting(*appends)
    taken = [[appends.index(call.request) for call in take_batch(queue)] for _ in range(2)]
    assert taken == [[0, 2, 4], [1, 3]]


async def test_nothing_overtakes_an_append_that_has_to_wait() -> None:
    stream = a_stream()
    first = an_append(a_stream(), claims=["name"])
    second = an_append(stream, claims=["name"])
    third = an_append(stream, 1)
    queue = waiting(first, second, third)
    assert [[call.request for call in take_batch(queue)] for _ in range(3)] == [[first], [second], [third]]


async def test_a_batch_is_bounded_by_count_and_by_bytes() -> None:
    queue = waiting(*(an_append(a_stream()) for _ in range(MAX_APPENDS + 1)))
    assert [len(take_batch(queue)) for _ in range(2)] == [MAX_APPENDS, 1]
    large = [NewEvent("large.v1", bytes(MAX_BYTES // 2), b"{}")]
    queue = waiting(*(Append(a_stream(), 0, large) for _ in range(5)))
    assert [len(take_batch(queue)) for _ in range(3)] == [2, 2, 1]


async def test_an_append_without_a_caller_is_left_out() -> None:
    queue = waiting(an_append(a_stream()), an_append(a_stream()))
    queue[0].result.cancel()
    assert len(take_batch(queue)) == 1
