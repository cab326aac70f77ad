"""Requests come whole, however the feed's pages cut them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic_core import to_json

from domain.basket.request_feed import RequestFeed, StoredRequest
from domain.ports.event_store import Append, NewEvent
from domain.shared.request_span import RequestSpan
from tests.builders import NOW
from tests.fakes.event_store import InMemoryEventStore


async def append(
    store: InMemoryEventStore, stream: str, count: int, command: str, *, spans: bool = True, promised: int | None = None
) -> None:
    """One request of `count` events. Earlier releases stored no spans. `promised` is a last version that is wrong."""
    version = len(await store.read_events(stream))
    metadata: dict[str, object] = {"causationId": command}
    if spans:
        metadata |= RequestSpan(version + 1, promised or version + count).to_metadata()
    await store.append(Append(stream, version, [NewEvent("happened", b"{}", to_json(metadata))] * count))


async def everything(store: InMemoryEventStore, limit: int) -> Sequence[StoredRequest]:
    feed, found = RequestFeed(store, store), list[StoredRequest]()
    while page := await feed.read(found[-1].last.position if found else 0, limit):
        assert len(page) == 1 or sum(len(request.events) for request in page) <= limit
        found += page
    return found


@given(
    requests=st.lists(st.tuples(st.sampled_from("ab"), st.integers(1, 7), st.booleans()), max_size=12),
    limit=st.integers(1, 9),
)
def test_no_page_cuts_a_request(requests: list[tuple[str, int, bool]], limit: int) -> None:
    async def play() -> None:
        store = InMemoryEventStore(lambda: NOW)
        for number, (stream, count, spans) in enumerate(requests):
            await append(store, stream, count, f"command-{number}", spans=spans)

        found = await everything(store, limit)

        assert [(request.last.stream_id, len(request.events)) for request in found] == [
            (stream, count) for stream, count, _ in requests
        ]
        assert all(request.complete for request in found)
        assert [event for request in found for event in request.events] == list(await store.read(0, 1_000))

    asyncio.run(play())


async def test_a_request_may_have_more_events_than_a_page() -> None:
    store = InMemoryEventStore(lambda: NOW)
    await append(store, "a", 1_500, "command-1")
    await append(store, "b", 1, "command-2")
    (request, other) = await everything(store, 1_000)
    assert (len(request.events), request.span) == (1_500, RequestSpan(1, 1_500))
    assert other.last.stream_id == "b"


@pytest.mark.parametrize("limit", [1, 2, 3, 100])
async def test_metadata_that_promise_more_events_than_there_are_hold_up_nobody(limit: int) -> None:
    store = InMemoryEventStore(lambda: NOW)
    await append(store, "a", 2, "command-1", promised=9)
    await append(store, "b", 2, "command-2")
    await append(store, "c", 2, "command-3", promised=9)
    found = await everything(store, limit)
    assert [(request.last.stream_id, len(request.events)) for request in found] == [("a", 2), ("b", 2), ("c", 2)]


async def test_a_feed_that_is_entered_within_a_request_gives_its_rest() -> None:
    store = InMemoryEventStore(lambda: NOW)
    await append(store, "a", 3, "command-1")
    (request,) = await RequestFeed(store, store).read(2, 100)
    assert ([event.version for event in request.events], request.span) == ([3], RequestSpan(1, 3))
    assert request.complete
