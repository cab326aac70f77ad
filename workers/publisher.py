"""Publishes what happened: tails the event store by position and hands everything on to Kafka."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

import structlog

from domain.operators.publisher_checkpoint import PublisherAheadOfStore, ahead_of_store
from domain.ports.event_store import EventFeed, EventStore, StoredEvent
from domain.ports.leadership import Leadership
from domain.ports.messaging import (
    DeadLetter,
    DeadLetters,
    Publication,
    Publisher,
    PublisherSession,
)
from domain.shared.values import MessageSource
from domain.validation.verdict_assembler import VerdictAssembler, VerdictUnavailable
from workers.heartbeat import Heartbeat
from workers.log_context import event_context

BATCH_EVENTS = 2_000
BATCH_BYTES = 8 * 1024 * 1024
VERDICTS_AT_ONCE = 100
WAIT_SECONDS = 1.0

_log = structlog.get_logger("workers.publisher")


class PublisherWorker:
    """Publishes every event of the store in the order of positions, in order per basket, as often as its
    publisher promises: exactly once by transactions, at least once without. A crash anywhere leaves no hole.

    One process publishes at a time; the others stand by and take over when it is gone. Where the store does not
    hold the event that was published last, it publishes nothing and says so: see docs/operations/verify.md.
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
        role: str = "publisher",
        batch_events: int = BATCH_EVENTS,
        batch_bytes: int = BATCH_BYTES,
    ) -> None:
        """At most `batch_events` events, and not many more than `batch_bytes` bytes, are published at a
        time. `role` names what one process holds at a time."""
        self._feed = feed
        self._verdicts = VerdictAssembler(store)
        self._publisher = publisher
        self._leadership = leadership
        self._dead_letters = dead_letters
        self._role = role
        self._batch_events = batch_events
        self._batch_bytes = batch_bytes

    async def run(self, heartbeat: Heartbeat) -> None:
        # One that stands by does what it should.
        async with self._leadership.hold(self._role, lambda: heartbeat.stands_by(self._role)) as lease:
            heartbeat.holds(self._role)
            async with self._publisher.session() as session:
                await self._belongs_to_this_store(session)
                _log.info("publishing", role=self._role, after_position=session.position)
                heartbeat.at(session.position)
                heartbeat.ready(True)
                while True:
                    events = await self._feed.read(session.position, self._batch_events)
                    if not events:
                        await self._feed.wait(session.position, WAIT_SECONDS)
                        await lease.confirm()
                        await self._belongs_to_this_store(session)
                    async for publications in self._portions(events):
                        await lease.confirm()
                        await session.publish(publications)
                        heartbeat.handled(len(publications))
                        heartbeat.at(session.position)
                        heartbeat.beat()
                    heartbeat.beat()

    async def _belongs_to_this_store(self, session: PublisherSession) -> None:
        """Raises PublisherAheadOfStore. Waiting for events after a position that the store never had, or lost, would
        be silence, and what happens meanwhile would take positions that count as published."""
        if (why := await ahead_of_store(self._feed, session.published)) is not None:
            raise PublisherAheadOfStore(why)

    async def _portions(self, events: Sequence[StoredEvent]) -> AsyncIterator[Sequence[Publication]]:
        """The events with their verdicts, in portions of about `batch_bytes`."""
        portion: list[Publication] = []
        size = 0
        for start in range(0, len(events), VERDICTS_AT_ONCE):
            for publication in await self._with_verdicts(events[start : start + VERDICTS_AT_ONCE]):
                portion.append(publication)
                size += len(publication.event.data) + len(publication.verdict or b"")
                if size >= self._batch_bytes:
                    yield portion
                    portion, size = [], 0
        if portion:
            yield portion

    async def _with_verdicts(self, events: Sequence[StoredEvent]) -> Sequence[Publication]:
        verdicts = await self._verdicts.of(events)
        publications: list[Publication] = []
        for event in events:
            verdict = verdicts.get(event.position)
            if isinstance(verdict, VerdictUnavailable):
                await self._bury(event, verdict)
                verdict = None
            publications.append(Publication(event, verdict))
        return publications

    async def _bury(self, event: StoredEvent, lost: VerdictUnavailable) -> None:
        # The event itself goes out: one basket that cannot be folded must not hold up all others.
        _log.error(
            "a verdict is not published", position=event.position, error=str(lost), **event_context(event)
        )
        letter = DeadLetter(
            source=MessageSource("event-store", 0, event.position),
            key=event.stream_id.encode(),
            value=event.data,
            headers=(),
            code="verdict_lost",
            error=str(lost),
        )
        await self._dead_letters.record([letter])
