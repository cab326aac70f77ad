"""Follows a basket's history as it grows."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator

from domain.operators.history.as_of import HistoryEntry, HistoryReader
from domain.ports.event_store import EventFeed, EventStore
from domain.shared.errors import BasketNotFound

MAX_WAIT_SECONDS = 10.0
"""After this long without a notification the store is read anyway."""

MIN_POLL_SECONDS = 0.1
"""Events of all baskets wake a tail. It reads the store no more often than this."""


class HistoryTail:
    """Follows baskets."""

    def __init__(self, store: EventStore, feed: EventFeed) -> None:
        self._store = store
        self._feed = feed

    async def follow(self, basket_id: str, after_version: int = 0) -> AsyncIterator[HistoryEntry]:
        """The entries after a version, then each new one as soon as it is stored, without end. Raises
        BasketNotFound. Raises StoreUnavailable; a caller can follow again after the last version it got."""
        reader = HistoryReader(self._store, basket_id)
        exists = False
        while True:
            read_at = time.monotonic()
            # Asked before reading, so that an event stored after the read ends the wait.
            position = await self._feed.last_position()
            entries = await reader.read_new()
            if not entries and not exists:
                raise BasketNotFound(basket_id)
            exists = True
            for entry in entries:
                if entry.version > after_version:
                    yield entry
            await self._feed.wait(position, MAX_WAIT_SECONDS)
            await asyncio.sleep(read_at + MIN_POLL_SECONDS - time.monotonic())
