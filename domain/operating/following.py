"""A basket's history as it goes on."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator

from domain.errors import BasketNotFound
from domain.operating.history import HistoryEntry, Telling
from domain.ports import EventFeed, EventStore

LONGEST_WAIT = 10.0
"""Seconds until a follower looks by itself."""

LEAST_BETWEEN_LOOKS = 0.1
"""Seconds. It is woken by the events of all baskets, and asks the store no more often than this."""


class Following:
    """Follows baskets, and appends nothing."""

    def __init__(self, store: EventStore, feed: EventFeed) -> None:
        self._store = store
        self._feed = feed

    async def follow(self, basket_id: str, after_version: int = 0) -> AsyncIterator[HistoryEntry]:
        """The events after a version as `Histories.entries` tells them, then each new one as soon as it is
        stored, without end. Raises BasketNotFound, and StoreUnavailable: it can be taken up again after the
        last version that was given."""
        telling = Telling(self._store, basket_id)
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
            await self._feed.wait(position, LONGEST_WAIT)
            await asyncio.sleep(looked + LEAST_BETWEEN_LOOKS - time.monotonic())
