"""Publishes the events of the store to Kafka, in the order of their positions."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

import structlog

from domain.basket.request_spans import RequestSpanReader
from domain.operators.publisher_checkpoint import PublisherBeyondStore, ahead_of_store
from domain.ports.event_store import EventFeed, EventStore, StoredEvent
from domain.ports.leadership import Leadership
from domain.ports.messaging import DeadLetter, DeadLetters, Publication, Publisher, PublisherSession
from domain.shared.values import MessageSource
from domain.validation.verdict_assembler import VerdictAssembler, VerdictUnavailable
from workers.dead_letters import event_context
from workers.heartbeat import Heartbeat

BATCH_EVENTS = 2_000
BATCH_BYTES = 8 * 1024 * 1024
BATCH_VERDICTS = 100
WAIT_SECONDS = 1.0

_log = structlog.get_logger("workers.publisher")


class PublisherWorker:
    """Exactly once where the broker has transactions, else at least once. No event is left out or overtakes another
    of its basket, whenever the process crashes.

    One process publishes; others stand by. If the store lost the event that was published last, the worker publishes
    nothing and reports the fault: see docs/operations/verify.md.
    """

    name = "publisher"

    def __init__(
        self,
        feed: EventFeed,
        store: EventStore,
        publisher: Publisher,
        leadership: Leadership,
        dead_letters: DeadLetters,
        *,
        check_topics: Callable[[], Awaitable[object]] | None = None,
        role: str = "publisher",
        batch_events: int = BATCH_EVENTS,
        batch_bytes: int = BATCH_BYTES,
    ) -> None:
        """`check_topics` is called before the worker publishes. A batch has at most `batch_events` events and not many more than `batch_bytes` bytes."""
        self._feed = feed
        self._requests = RequestSpanReader(store)
        self._verdicts = VerdictAssembler(store)
        self._publisher = publisher
        self._leadership = leadership
        self._dead_letters = dead_letters
        self._check_topics = check_topics
        self._role = role
        self._batch_events = batch_events
        self._batch_bytes = batch_bytes

    async def run(self, heartbeat: Heartbeat) -> None:
        async with self._leadership.hold(self._role, lambda: heartbeat.stands_by(self._role)) as lease:
            heartbeat.holds(self._role)
            if self._check_topics is not None:
                await self._check_topics()
            async with self._publisher.session() as session:
                await _require_event_in_store(self._feed, session)
                _log.info("publishing", role=self._role, after_position=session.published.position)
                heartbeat.at(session.published.position)
                heartbeat.ready(True)
                while True:
                    events = await self._feed.read(session.published.position, self._batch_events)
                    if not events:
                        await self._feed.wait(session.published.position, WAIT_SECONDS)
                        await lease.confirm()
                        await _require_event_in_store(self._feed, session)
                    async for publications in self._batches(events):
                        await lease.confirm()
                        await session.publish(publications)
                        heartbeat.handled(len(publications))
                        heartbeat.at(session.published.position)
                        heartbeat.beat()
                    heartbeat.beat()

    async def _batches(self, events: Sequence[StoredEvent]) -> AsyncIterator[Sequence[Publication]]:
        """The events with their verdicts, in batches of about `batch_bytes`."""
        batch: list[Publication] = []
        size = 0
        for start in range(0, len(events), BATCH_VERDICTS):
            for publication in await self._with_verdicts(events[start : start + BATCH_VERDICTS]):
                batch.append(publication)
                size += len(publication.event.data) + len(publication.verdict or b"")
                if size >= self._batch_bytes:
                    yield batch
                    batch, size = [], 0
        if batch:
            yield batch

    async def _with_verdicts(self, events: Sequence[StoredEvent]) -> Sequence[Publication]:
        requests = await self._requests.of(events)
        verdicts = await self._verdicts.of(events)
        publications: list[Publication] = []
        for event, request in zip(events, requests, strict=True):
            verdict = verdicts.get(event.position)
            if isinstance(verdict, VerdictUnavailable):
                await self._send_to_dead_letters(event, verdict)
                verdict = None
            publications.append(Publication(event, request, verdict))
        return publications

    async def _send_to_dead_letters(self, event: StoredEvent, error: VerdictUnavailable) -> None:
        # The event itself is published: a basket that cannot be folded must not hold up all others.
        _log.error("a verdict is not published", position=event.position, error=str(error), **event_context(event))
        letter = DeadLetter(
            source=MessageSource("event-store", 0, event.position),
            key=event.stream_id.encode(),
            value=event.data,
            headers=(),
            code="verdict_lost",
            error=str(error),
        )
        await self._dead_letters.record([letter])


async def _require_event_in_store(feed: EventFeed, session: PublisherSession) -> None:
    """Raises PublisherBeyondStore. Without this the worker would wait in silence, and new events would take positions
    that count as published."""
    if (why := await ahead_of_store(feed, session.published)) is not None:
        raise PublisherBeyondStore(why)
