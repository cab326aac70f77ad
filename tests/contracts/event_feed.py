"""The contract of every EventFeed. The suite of an adapter subclasses it and provides the fixtures `store` and
`feed`, on a store without other writers."""

from __future__ import annotations

import asyncio
import time

from domain.ports.event_store import EventFeed, EventStore, StoredEvent
from tests.builders.appends import a_stream, an_append

LONG = 30.0
"""Seconds, longer than any wait of the suite."""


async def everything(feed: EventFeed, limit: int = 100) -> list[StoredEvent]:
    found: list[StoredEvent] = []
    while page := await feed.read(found[-1].position if found else 0, limit):
        found += page
    return found


class EventFeedContract:
    async def test_the_feed_of_an_empty_store_is_empty(self, feed: EventFeed) -> None:
        assert list(await feed.read(0, 10)) == []

    async def test_events_of_all_streams_have_one_order(self, store: EventStore, feed: EventFeed) -> None:
        one, other = a_stream(), a_stream()
        await store.append(an_append(one, 0, "a"))
        await store.append(an_append(other, 0, "b", "c"))
        await store.append(an_append(one, 1, "d"))

        found = await everything(feed)

        assert [(event.stream_id, event.version) for event in found] == [
            (one, 1),
            (other, 1),
            (other, 2),
            (one, 2),
        ]
        assert found[1:3] == list(await store.read_events(other))

    async def test_the_last_position_is_that_of_the_newest_event(self, store: EventStore, feed: EventFeed) -> None:
        assert await feed.last_position() == 0
        await store.append(an_append(a_stream(), 0, "a", "b"))
        assert await feed.last_position() == (await everything(feed))[-1].position

    async def test_a_tail_reads_in_pages_and_misses_nothing(self, store: EventStore, feed: EventFeed) -> None:
        await asyncio.gather(*(store.append(an_append(a_stream(), 0, "a", "b")) for _ in range(25)))
        assert len(await feed.read(0, 7)) == 7
        assert await everything(feed, limit=7) == await everything(feed, limit=1000)
        assert len(await everything(feed, limit=7)) == 50

    async def test_the_next_event_ends_a_wait(self, store: EventStore, feed: EventFeed) -> None:
        began = time.monotonic()
        for _ in range(3):
            last = max((event.position for event in await everything(feed)), default=0)
            waiting = asyncio.ensure_future(feed.wait(last, LONG))
            await asyncio.sleep(0)
            await store.append(an_append(a_stream()))
            await waiting
            assert await feed.read(last, 10)
        assert time.monotonic() - began < LONG / 2

    async def test_an_event_ends_all_waits(self, store: EventStore, feed: EventFeed) -> None:
        waiting = asyncio.gather(*(feed.wait(0, LONG) for _ in range(5)))
        await asyncio.sleep(0)
        await store.append(an_append(a_stream()))
        await asyncio.wait_for(waiting, LONG / 2)

    async def test_a_wait_for_an_existing_event_ends_at_once(self, store: EventStore, feed: EventFeed) -> None:
        await store.append(an_append(a_stream()))
        await asyncio.wait_for(feed.wait(0, LONG), LONG / 2)

    async def test_a_wait_ends_at_its_limit(self, feed: EventFeed) -> None:
        await asyncio.wait_for(feed.wait(0, 0.05), LONG / 2)
        assert list(await feed.read(0, 10)) == []
