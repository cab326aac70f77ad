"""A basket's history as it goes on."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator

from domain.operators.history.as_of import HistoryEntry, HistoryReader
from domain.ports.event_store import EventFeed, EventStore
from domain.shared.errors import BasketNotFound

MAX_WAIT_SECONDS = 10.0
"""Seconds until a follower looks by itself."""

MIN_POLL_SECONDS = 0.1
"""Seconds. It is woken by the events of all baskets, and asks the store no more often than this."""


class HistoryTail:
    """Follows baskets, and appends nothing."""

    def __init__(self, store: EventStore, feed: EventFeed) -> None:
        self._store = store
        self._feed = feed

    async def follow(self, basket_id: str, after_version: int = 0) -> AsyncIterator[HistoryEntry]:
        """The events after a version as `Histories.entries` tells them, then each new one as soon as it is
        stored, without end. Raises BasketNotFound, and StoreUnavailable: it can be taken up again after the
        last version that was given."""
        telling = HistoryReader(self._store, basket_id)
        known = False
        while True:
            looked = time.monotonic()
            # Before the look, so that what comes after it ends the wait.
            position = await self._feed.last_position()
            entries = await telling.more()
            if not entries and not known:
                raise BasketNotFound(basket_id)
            known = True
            for entry in entries:
                if entry.version > after_version:
                    yield entry
            await self._feed.wait(position, MAX_WAIT_SECONDS)
            await asyncio.sleep(looked + MIN_POLL_SECONDS - time.monotonic())
