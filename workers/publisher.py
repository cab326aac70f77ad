"""Publishes the events of the store to Kafka, in the order of their positions, with what is made of them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Sequence
from datetime import timedelta
from typing import Literal, NoReturn

import structlog

from adapters.kafka.clients import MAX_VALUE_BYTES
from domain.basket.request_feed import RequestFeed, StoredRequest
from domain.operators.publisher_checkpoint import PublisherBeyondStore, ahead_of_store
from domain.ports.event_store import EndedBasketFeed, EventFeed, EventStore, StoredEvent
from domain.ports.leadership import Leadership, Lease
from domain.ports.messaging import DeadLetter, DeadLetters, Publication, Publisher, PublisherSession
from domain.shared.values import Clock, MessageSource
from domain.validation.request_assembler import AssembledRequest, Erasures, RequestAssembler
from domain.validation.stream_fold import UnfoldableBasket
from workers.dead_letters import event_context
from workers.heartbeat import Heartbeat
from workers.state_retirement import StateRetirement

BATCH_EVENTS = 1_000
BATCH_BYTES = 8 * 1024 * 1024
ASSEMBLED_EVENTS = 250
"""The baskets of so many events are loaded at a time."""
WAIT_SECONDS = 5.0

_log = structlog.get_logger("workers.publisher")


class PublisherWorker:
    """Exactly once where the broker has transactions, else at least once. No event is left out or overtakes another
    of its basket, whenever the process crashes.

    The events of one request, their verdicts, and the basket as of the last of them are in one transaction. One process
    publishes; others stand by. If the store lost the event that was published last, the worker publishes nothing and
    reports the fault: see docs/operations/verify.md.
    """

    name = "publisher"

    def __init__(
        self,
        feed: EventFeed,
        ended: EndedBasketFeed,
        store: EventStore,
        publisher: Publisher,
        leadership: Leadership,
        dead_letters: DeadLetters,
        clock: Clock,
        *,
        retention: timedelta,
        erasures: Erasures | None = None,
        check_topics: Callable[[], Awaitable[object]] | None = None,
        role: str = "publisher",
        batch_events: int = BATCH_EVENTS,
        batch_bytes: int = BATCH_BYTES,
        max_value_bytes: int = MAX_VALUE_BYTES,
    ) -> None:
        """`check_topics` is called before the worker publishes. A batch has at most `batch_events` events, or one request
        that has more, and not many more than `batch_bytes` bytes. A basket that has been over for the `retention` gets a
        tombstone. `erasures` is needed where `store` decrypts. A verdict or state of more than `max_value_bytes` becomes
        a dead letter."""
        self._feed = feed
        self._ended = ended
        self._store = store
        self._requests = RequestFeed(feed, store)
        self._assembler = RequestAssembler(store, erasures)
        self._publisher = publisher
        self._leadership = leadership
        self._dead_letters = dead_letters
        self._clock = clock
        self._retention = retention
        self._check_topics = check_topics
        self._role = role
        self._batch_events = batch_events
        self._batch_bytes = batch_bytes
        self._max_value_bytes = max_value_bytes

    async def run(self, heartbeat: Heartbeat) -> None:
        async with self._leadership.hold(self._role, lambda: heartbeat.stands_by(self._role)) as lease:
            heartbeat.holds(self._role)
            if self._check_topics is not None:
                await self._check_topics()
            async with self._publisher.session() as session:
                await _require_event_in_store(self._feed, session)
                retirement = StateRetirement(self._ended, self._store, self._clock, self._retention)
                await retirement.begin(session)
                _log.info("publishing", role=self._role, after_position=session.published.position)
                heartbeat.at(session.published.position)
                heartbeat.ready(True)
                await self._publish_all(session, retirement, lease, heartbeat)

    async def _publish_all(
        self, session: PublisherSession, retirement: StateRetirement, lease: Lease, heartbeat: Heartbeat
    ) -> NoReturn:
        """While the broker commits one of many batches, the next one is read and folded. A batch that holds all that was
        there is committed first: what arrives meanwhile is read after it, not a batch later."""
        batches = self._batches(session.published.position, retirement)
        ahead: asyncio.Task[Sequence[Publication]] | None = None
        try:
            while True:
                if ahead is None and retirement.due:
                    await retirement.step(session, lease, idle=False)
                publications = await (ahead or anext(batches))
                ahead = None
                if publications:
                    await lease.confirm()
                    # A step of the retirement changes what is made of the events after it.
                    if len(publications) >= self._batch_events // 2 and not retirement.due:
                        ahead = asyncio.create_task(anext(batches))
                    await session.publish(publications)
                    heartbeat.handled(len(publications))
                    heartbeat.at(session.published.position)
                elif not await retirement.step(session, lease, idle=True):
                    await self._feed.wait(session.published.position, WAIT_SECONDS)
                    await lease.confirm()
                    await _require_event_in_store(self._feed, session)
                heartbeat.beat()
        finally:
            if ahead is not None:
                ahead.cancel()
                await asyncio.gather(ahead, return_exceptions=True)
            await batches.aclose()

    async def _batches(self, after: int, retirement: StateRetirement) -> AsyncGenerator[Sequence[Publication], None]:
        """Whole requests after a position with what is made of them, in batches of about `batch_bytes`. One is empty
        where no event is left."""
        while True:
            batch: list[Publication] = []
            size = 0
            requests = await self._requests.read(after, self._batch_events)
            for part in _parts(requests):
                async for assembled in self._assembler.assemble(part):
                    publications = await self._publications(assembled, retirement)
                    batch += publications
                    size += sum([publication.size for publication in publications])
                    if size >= self._batch_bytes:
                        yield batch
                        batch, size = [], 0
                await asyncio.sleep(0)  # the broker's answers to the batch before are taken
            after = requests[-1].last.position if requests else after
            if batch or not requests:
                yield batch

    async def _publications(self, assembled: AssembledRequest, retirement: StateRetirement) -> Sequence[Publication]:
        request, state, ended = assembled.request, assembled.state, assembled.ended
        folded = not isinstance(state, UnfoldableBasket)
        retired = folded and ended is not None and ended.position <= retirement.position
        publications: list[Publication] = []
        for event in request.events:
            verdict = published = None
            if assembled.verdicts:
                verdict = await self._publishable(event, "verdict", assembled.verdicts.get(event.version))
            if (is_last := event is request.last) and not retired:
                published = await self._publishable(event, "state", state)
            publications.append(Publication(event, request.span, verdict, published, is_last and retired))
        return publications

    async def _publishable(
        self, event: StoredEvent, what: Literal["verdict", "state"], made: bytes | UnfoldableBasket | None
    ) -> bytes | None:
        """What was made of an event; None where there is nothing, or where a dead letter says why it is not published."""
        if isinstance(made, UnfoldableBasket):
            await self._send_to_dead_letters(event, f"{what}_lost", str(made))
            return None
        if made is not None and len(made) > self._max_value_bytes:
            why = f"the {what} of {event.stream_id} has {len(made)} bytes, and a message takes {self._max_value_bytes}"
            await self._send_to_dead_letters(event, f"{what}_too_large", why)
            return None
        return made

    async def _send_to_dead_letters(self, event: StoredEvent, code: str, error: str) -> None:
        # The event itself is published: one basket must not hold up all others.
        _log.error(
            "a basket cannot be published whole",
            code=code,
            position=event.position,
            error=error,
            **event_context(event),
        )
        letter = DeadLetter(
            source=MessageSource("event-store", 0, event.position),
            key=event.stream_id.encode(),
            value=event.data,
            headers=(),
            code=code,
            error=error,
        )
        await self._dead_letters.record([letter])


def _parts(requests: Sequence[StoredRequest]) -> Iterator[Sequence[StoredRequest]]:
    """The requests in parts of about ASSEMBLED_EVENTS events."""
    part: list[StoredRequest] = []
    size = 0
    for request in requests:
        part.append(request)
        size += len(request.events)
        if size >= ASSEMBLED_EVENTS:
            yield part
            part, size = [], 0
    if part:
        yield part


async def _require_event_in_store(feed: EventFeed, session: PublisherSession) -> None:
    """Raises PublisherBeyondStore. Without this the worker would wait in silence, and new events would take positions
    that count as published."""
    if (why := await ahead_of_store(feed, session.published)) is not None:
        raise PublisherBeyondStore(why)
