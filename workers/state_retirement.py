"""Retires baskets that are over: once their retention has passed, they get a tombstone on the topic of states."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from domain.basket.request_spans import RequestSpanReader
from domain.ports.event_store import EndedBasketFeed, EventStore
from domain.ports.leadership import Lease
from domain.ports.messaging import Publication, PublisherSession
from domain.shared.values import Clock

PAGE_EVENTS = 2_000
"""Events that a step walks. Only the ends of baskets among them are read."""

BUSY_PAUSE_SECONDS = 1.0
IDLE_PAUSE_SECONDS = 30.0


class StateRetirement:
    """Walks the ends of baskets, up to the retention's, in the steps of one publisher's session.

    Exactly once where the broker has transactions, else at least once: a step's tombstones and the position that it
    reached are one transaction. A basket that is published again after its tombstone stays retired, because the
    position of its end tells; a reopened one is no longer over.
    """

    def __init__(self, ended: EndedBasketFeed, store: EventStore, clock: Clock, retention: timedelta) -> None:
        self.position = 0
        """Baskets that ended up to here are retired."""
        self._ended = ended
        self._spans = RequestSpanReader(store)
        self._clock = clock
        self._retention = retention
        self._now = asyncio.get_running_loop().time
        self._more = True
        self._due = 0.0

    async def begin(self, session: PublisherSession) -> None:
        self.position = await session.retired()

    @property
    def due(self) -> bool:
        """Whether it is time for a step, whatever there is to publish."""
        return self._now() >= self._due

    async def step(self, session: PublisherSession, lease: Lease, *, idle: bool) -> bool:
        """Retires the next baskets, if it is time, and returns whether others may follow at once. While there are events
        to publish it takes a step a second; else it goes on to the end, and then looks twice a minute."""
        if not self.due and not (idle and self._more):
            return False
        before = self._clock() - self._retention
        ended = await self._ended.read_ended(self.position, session.published.position, before, PAGE_EVENTS)
        if ended.position > self.position:
            spans = await self._spans.of(ended.last_events)
            await lease.confirm()
            publications = [*map(Publication, ended.last_events, spans)]
            await session.retire(publications, ended.position)
            self.position = ended.position
        self._more = ended.more
        self._due = self._now() + (BUSY_PAUSE_SECONDS if ended.more else IDLE_PAUSE_SECONDS)
        return ended.more
