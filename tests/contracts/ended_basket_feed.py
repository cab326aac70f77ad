"""The contract of every EndedBasketFeed. The suite of an adapter subclasses it and provides the fixtures `store` and
`feed`, on a store without other writers."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Protocol

from domain.ports.event_store import Append, EndedBasketFeed, EventFeed, EventStore, NewEvent
from tests.builders.appends import a_stream

COMPLETED = "checkout.basket-completed.v1"
REOPENED = "checkout.basket-reopened.v1"
CANCELLED = "checkout.basket-cancelled.v1"


class EventAndEndFeed(EventFeed, EndedBasketFeed, Protocol): ...


def _tomorrow() -> datetime:
    return datetime.now(UTC) + timedelta(days=1)


async def happens(store: EventStore, stream: str, *types: str) -> None:
    version = len(await store.read_events(stream))
    await store.append(Append(stream, version, [NewEvent(type, b"{}", b"{}") for type in types]))


class EndedBasketFeedContract:
    async def test_baskets_come_in_the_order_of_their_ends_each_by_its_last_event(
        self, store: EventStore, feed: EventAndEndFeed
    ) -> None:
        one, other, open_one = a_stream(), a_stream(), a_stream()
        await happens(store, one, "begun", CANCELLED)
        await happens(store, open_one, "begun")
        await happens(store, other, "begun", COMPLETED)
        await happens(store, one, "forgotten")
        last = await feed.last_position()

        ended = await feed.read_ended(0, last, _tomorrow(), 100)

        assert [(event.stream_id, event.version) for event in ended.last_events] == [(one, 3), (other, 2)]
        assert ended.last_events[0] == (await store.read_events(one))[-1]
        assert (ended.position, ended.more) == (last, False)

    async def test_a_basket_that_was_reopened_or_ended_again_is_not_over_by_its_first_end(
        self, store: EventStore, feed: EventAndEndFeed
    ) -> None:
        reopened, again = a_stream(), a_stream()
        await happens(store, reopened, "begun", COMPLETED)
        await happens(store, again, "begun", COMPLETED)
        before = await feed.last_position()
        await happens(store, reopened, REOPENED)
        await happens(store, again, REOPENED, COMPLETED)
        last = await feed.last_position()

        ended = await feed.read_ended(0, last, _tomorrow(), 100)
        as_before = await feed.read_ended(0, before, _tomorrow(), 100)

        assert [(event.stream_id, event.version) for event in ended.last_events] == [(again, 4)]
        assert [(event.stream_id, event.version) for event in as_before.last_events] == [(reopened, 2), (again, 2)]

    async def test_ends_are_read_in_pages(self, store: EventStore, feed: EventAndEndFeed) -> None:
        streams = [a_stream() for _ in range(5)]
        for stream in streams:
            await happens(store, stream, "begun", COMPLETED)
        last, position, more = await feed.last_position(), 0, True
        found: list[str] = []
        while more:
            ended = await feed.read_ended(position, last, _tomorrow(), 3)
            assert ended.position > position
            position, more = ended.position, ended.more
            found += [event.stream_id for event in ended.last_events]
        assert (found, position) == (streams, last)

    async def test_ends_that_are_too_young_wait(self, store: EventStore, feed: EventAndEndFeed) -> None:
        await happens(store, a_stream(), "begun", COMPLETED)
        last = await feed.last_position()
        ended = await feed.read_ended(0, last, datetime(2000, 1, 1, tzinfo=UTC), 100)
        assert (list(ended.last_events), ended.position, ended.more) == ([], 0, False)
