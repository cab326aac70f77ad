"""Sends baskets as they are now, also while the publisher sends them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import timedelta

from domain.basket.request_spans import RequestSpanReader
from domain.operators.publisher_checkpoint import event_name
from domain.operators.republish.republish import ReplayedEvent, Republication
from domain.ports.event_store import EventStore, StoredEvent
from domain.ports.messaging import PublisherCheckpoint, PublisherSession
from domain.shared.values import Clock
from domain.validation.stream_fold import StreamFold, UnfoldableBasket

CONCURRENCY = 8
MARGIN = timedelta(hours=1)
"""How long before its tombstone a basket is left alone. It is more than a batch may take."""

ReadPublished = Callable[[], Awaitable[int]]
"""Reads the position up to which events are published."""


class StateSender:
    """Sends the state of baskets in a run, or the tombstone of those whose retention has passed.

    The last record of each basket is right in the end, also on the live topic while the publisher sends to it:

    1. Records of a basket lie in one partition, in the order in which they were sent.
    2. After the broker has a batch, the sender reads the streams again, and sends those baskets again that moved, in the
       same transaction, until none has moved. So when the transaction is committed, its last record of a basket is of a
       version v, and at a moment after that record was sent the stream ended with v.
    3. An event after v is therefore stored after that record was sent. The publisher sends its state later still, so it
       lies behind the record. If there is no later event, the record says what the publisher's last one says.
    4. A basket with an event that is not published yet is left to the publisher, whose state of that event is still to
       come. So nothing runs ahead of the events, but for what moves within a batch.
    5. Tombstones need time and no event. A basket is left alone from an hour before its retention passes, so no state
       can follow the publisher's tombstone; a tombstone is sent only after, and what ends that is an event again.

    A run that is cut off before a commit has sent nothing of the batch, and sends it again.
    """

    def __init__(
        self, run: Republication, store: EventStore, clock: Clock, retention: timedelta, published: ReadPublished | None
    ) -> None:
        """`published` is given where the publisher sends to the topic of the run."""
        self._lost = 0
        self._run = run
        self._store = store
        self._spans = RequestSpanReader(store)
        self._clock = clock
        self._retention = retention
        self._margin = min(MARGIN, retention / 2)
        self._read_published = published
        self._published = 0
        self._semaphore = asyncio.Semaphore(CONCURRENCY)

    async def send(self, session: PublisherSession, begins: Sequence[StoredEvent]) -> tuple[int, int]:
        """Sends the baskets that began with these events, and records that the run has come to the last of them. Returns
        how many messages were sent, and how many baskets cannot be folded. Raises Unavailable."""
        self._lost = 0
        streams = await self._read({event.stream_id: 0 for event in begins})
        batch = await self._publications(await self._without_unpublished(streams), leave_alone=True)
        if not batch:
            return 0, self._lost
        sent = len(batch)
        versions = {each.event.stream_id: each.event.version for each in batch}

        async def more() -> Sequence[ReplayedEvent]:
            nonlocal sent
            moved = [events[-1].stream_id for events in await self._read(versions)]
            streams = await self._read(dict.fromkeys(moved, 0))
            versions.update((events[-1].stream_id, events[-1].version) for events in streams)
            again = await self._publications(streams, leave_alone=False)
            sent += len(again)
            return again

        reached = PublisherCheckpoint(begins[-1].position, event_name(begins[-1]))
        await session.publish_until_settled(batch, reached, more)
        return sent, self._lost

    async def _read(self, after_versions: Mapping[str, int]) -> Sequence[Sequence[StoredEvent]]:
        """The events after a version of each stream, without streams that have none."""

        async def read(stream_id: str, version: int) -> Sequence[StoredEvent]:
            async with self._semaphore:
                return await self._store.read_events(stream_id, version)

        streams = await asyncio.gather(*map(read, after_versions, after_versions.values()))
        return [events for events in streams if events]

    async def _without_unpublished(self, streams: Sequence[Sequence[StoredEvent]]) -> Sequence[Sequence[StoredEvent]]:
        if self._read_published is None:
            return streams
        if any(events[-1].position > self._published for events in streams):
            self._published = await self._read_published()
        return [events for events in streams if events[-1].position <= self._published]

    async def _publications(
        self, streams: Sequence[Sequence[StoredEvent]], *, leave_alone: bool
    ) -> Sequence[ReplayedEvent]:
        """`leave_alone`: without the baskets whose retention is about to pass."""
        spans = await self._spans.of([events[-1] for events in streams])
        found = []
        for events, span in zip(streams, spans, strict=True):
            folded = StreamFold(events[-1].stream_id)
            folded.advance(events)
            over_for = self._clock() - folded.ended.recorded_at if folded.ended else timedelta(0)
            if over_for > self._retention:
                found.append(ReplayedEvent(events[-1], span, retired=True, run=self._run))
            elif over_for < self._retention - self._margin or not leave_alone:
                state = folded.state()
                if isinstance(state, UnfoldableBasket):
                    self._lost += 1
                else:
                    found.append(ReplayedEvent(events[-1], span, state=state, run=self._run))
        return found
