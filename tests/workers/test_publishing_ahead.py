"""How the publisher uses the time in which the broker commits a batch. In memory."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from adapters.kafka.topics import BASKET_EVENTS
from domain.ports.event_store import StoredEvent
from tests.builders import InMemoryCheckout, caller, initiate, item
from tests.fakes.event_store import InMemoryEventStore
from tests.servers.waiting import eventually
from tests.workers.published_baskets import InMemoryPublishing, end
from workers.heartbeat import Heartbeat


class WatchedFeed:
    """An EventFeed that notes after which positions it was read."""

    def __init__(self, store: InMemoryEventStore) -> None:
        self.read_after: list[int] = []
        self._store = store

    async def read(self, after_position: int, limit: int) -> Sequence[StoredEvent]:
        self.read_after.append(after_position)
        return await self._store.read(after_position, limit)

    async def last_position(self) -> int:
        return await self._store.last_position()

    async def wait(self, after_position: int, timeout: float) -> None:
        await self._store.wait(after_position, timeout)


async def a_basket_of_three_events(checkout: InMemoryCheckout) -> None:
    await checkout.handlers.initiate(initiate(item("o-1"), item("o-2")), caller())


async def test_of_many_events_the_next_batch_is_made_before_the_last_one_is_committed() -> None:
    checkout = InMemoryCheckout()
    for _ in range(3):
        await a_basket_of_three_events(checkout)
    feed = WatchedFeed(checkout.store)
    service = InMemoryPublishing(checkout, feed=feed, page=3)

    async def the_next_is_read() -> None:
        await eventually(lambda: 3 in feed.read_after, every=0)

    service.broker.before_send = the_next_is_read
    await service.publish()
    assert service.broker.sizes == [3, 3, 3]


async def test_a_batch_of_all_that_was_there_is_committed_before_what_arrives_meanwhile_is_read() -> None:
    checkout = InMemoryCheckout()
    await a_basket_of_three_events(checkout)
    feed = WatchedFeed(checkout.store)
    service = InMemoryPublishing(checkout, feed=feed, page=100)
    read_by_then: list[int] = []

    async def two_more_arrive() -> None:
        for _ in range(2):
            await a_basket_of_three_events(checkout)
            await asyncio.sleep(0)
        read_by_then.extend(feed.read_after)

    service.broker.before_send = two_more_arrive
    await service.publish()
    assert read_by_then == [0]
    assert service.broker.sizes == [3, 6]


async def test_a_publisher_that_is_killed_with_the_next_batch_made_leaves_both_to_its_successor() -> None:
    checkout = InMemoryCheckout()
    for _ in range(4):
        await a_basket_of_three_events(checkout)
    feed = WatchedFeed(checkout.store)
    service = InMemoryPublishing(checkout, feed=feed, page=3)
    killed = asyncio.Event()

    async def never_sent() -> None:
        await eventually(lambda: 3 in feed.read_after, every=0)
        killed.set()
        await asyncio.Event().wait()

    service.broker.before_send = never_sent
    running = asyncio.create_task(service.worker().run(Heartbeat("publisher")))
    await asyncio.wait_for(killed.wait(), 30)
    await end(running)
    assert not service.broker.committed

    await service.publish()
    names = [message.header("ce_id") for message in service.broker.read(BASKET_EVENTS)]
    stored = await checkout.store.read(0, 100)
    assert names == [f"{event.stream_id}/{event.version}" for event in stored]
