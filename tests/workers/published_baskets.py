"""A publisher on a store and a broker in memory, and what a reader of its topics sees."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from functools import partial

from adapters.kafka.clients import MAX_VALUE_BYTES
from adapters.kafka.messages import Message
from adapters.kafka.topics import BASKET_EVENTS, BASKETS
from domain.basket.codec import decode_all
from domain.basket.serialization import state_json
from domain.ports.event_store import EventFeed
from domain.ports.messaging import DeadLetter
from domain.shared.errors import Unavailable
from domain.shared.eventsourcing import DomainEvent
from tests.builders import InMemoryCheckout
from tests.builders.stored_events import fold_basket
from tests.fakes.publisher import InMemoryBroker
from tests.servers.waiting import eventually
from workers.heartbeat import Heartbeat
from workers.publisher import PublisherWorker

RETENTION = timedelta(days=30)


async def end(task: asyncio.Task[None]) -> None:
    """Cancels a task until it ends: in Python 3.11 `asyncio.wait_for` may swallow a cancellation."""
    while not task.done():
        task.cancel()
        await asyncio.wait([task], timeout=0.01)


class SoleLeadership:
    """Leadership of the only process. A Lease too."""

    @asynccontextmanager
    async def hold(self, role: str, waiting: Callable[[], None] = lambda: None) -> AsyncIterator[SoleLeadership]:
        yield self

    async def confirm(self) -> None:
        await asyncio.sleep(0)


class CollectedLetters:
    """DeadLetters."""

    def __init__(self) -> None:
        self.letters: list[DeadLetter] = []

    async def record(self, letters: Sequence[DeadLetter]) -> None:
        self.letters += letters


class InMemoryPublishing:
    """Publishes what happens in a checkout."""

    def __init__(
        self,
        checkout: InMemoryCheckout,
        broker: InMemoryBroker | None = None,
        *,
        page: int = 2_000,
        feed: EventFeed | None = None,
        max_value_bytes: int = MAX_VALUE_BYTES,
    ) -> None:
        self.checkout = checkout
        self.broker = broker or InMemoryBroker()
        self.letters = CollectedLetters()
        self._page = page
        self._feed = feed or checkout.store
        self._max_value_bytes = max_value_bytes

    def worker(self) -> PublisherWorker:
        store = self.checkout.store
        return PublisherWorker(
            self._feed,
            store,
            store,
            self.broker.publisher(),
            SoleLeadership(),
            self.letters,
            self.checkout.clock,
            retention=RETENTION,
            batch_events=self._page,
            max_value_bytes=self._max_value_bytes,
        )

    async def publish(self) -> None:
        """Publishes everything, by a new process after each failure, and retires what is due."""
        while True:
            running = asyncio.create_task(self.worker().run(Heartbeat("publisher")))
            try:
                await eventually(partial(self._caught_up, running), every=0)
                if not running.done():
                    return
                await running
            except Unavailable:
                continue
            finally:
                await end(running)

    async def keep_publishing(self) -> None:
        """Publishes until it is cancelled, by a new process after each failure."""
        while True:
            with suppress(Unavailable):
                await self.worker().run(Heartbeat("publisher"))

    async def _caught_up(self, running: asyncio.Task[None]) -> bool:
        """Whether it failed, or has nothing left to do."""
        store, broker = self.checkout.store, self.broker
        last, retired = await store.last_position(), broker.retired()
        ended = await store.read_ended(retired, last, self.checkout.clock() - RETENTION, 1)
        return running.done() or (broker.checkpoint().position == last and ended.position == retired)

    def states(self) -> dict[str, list[tuple[int, str]]]:
        """The version of each record on the topic of baskets, and whether it is a state or a tombstone."""
        found: dict[str, list[tuple[int, str]]] = {}
        for message in self.broker.read(BASKETS):
            basket_id, version, what = (message.header("ce_id") or "").split("/")
            assert message.key == basket_id.encode()
            assert (message.value is None) == (what == "tombstone")
            found.setdefault(basket_id, []).append((int(version), what))
        return found


def require_states_of_events(broker: InMemoryBroker, transactions: Collection[int]) -> None:
    """A reader who was given these transactions holds each basket as its events say, or none if it was retired."""
    require_folded_states(broker.read(BASKET_EVENTS, transactions), broker.read(BASKETS, transactions))


def require_folded_states(events: Iterable[Message], states: Iterable[Message]) -> None:
    """Each basket's last state is the fold of its events."""
    happened: dict[bytes | None, list[bytes]] = {}
    for message in events:
        happened.setdefault(message.key, []).append(message.value or b"")
    last = {message.key: message for message in states}
    assert last.keys() == happened.keys()
    for basket_id, state in last.items():
        require_state(state, decode_all(b"[" + b",".join(happened[basket_id]) + b"]"))


def require_state(message: Message, happened: Sequence[DomainEvent]) -> None:
    basket = fold_basket(happened)
    if message.value is None:
        assert basket.status != "open"
    else:
        assert message.value == state_json(basket)
        assert json.loads(message.value)["order"]["version"] == len(happened)
