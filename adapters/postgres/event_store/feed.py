"""The feed of all events, from PostgreSQL."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence

from adapters.postgres.notification_listener import NotificationListener
from adapters.postgres.pool import DatabasePool
from domain.ports.event_store import StoredEvent
from domain.shared.errors import StoreUnavailable

CHANNEL = "checkout_events"
"""Notified once for each batch of events; the payload is the last position."""

FIRST_POLL_SECONDS = 0.1
LONGEST_POLL_SECONDS = 1.0
"""A net below the notifications: one that is lost with its connection delays nothing longer. Whoever waits looks
less often the longer nothing comes."""

_TAIL_SETTINGS = {
    # Plans made while the table is empty must do for a full one: along the primary key, always.
    "enable_seqscan": "off",
    "enable_bitmapscan": "off",
    "enable_sort": "off",
}

# The next events in their global order.
READ_NEXT = """
SELECT position, stream_id, version, type, data, metadata, recorded_at
  FROM events WHERE position > $1 ORDER BY position LIMIT $2
"""

# Where the events end.
LAST_POSITION = "SELECT position FROM events ORDER BY position DESC LIMIT 1"

# Whether there is anything after a position.
IS_THERE_MORE = "SELECT true FROM events WHERE position > $1 ORDER BY position LIMIT 1"


class PostgresEventFeed:
    """EventFeed. One object serves any number of tails."""

    def __init__(self, database: DatabasePool) -> None:
        self._pool = database.sibling("checkout feed", 2, _TAIL_SETTINGS)
        self._listener = NotificationListener(
            database, "checkout feed listener", CHANNEL, self._note, on_connected=self._wake
        )
        self._last_position = 0
        self._grown = asyncio.Event()

    async def read(self, after_position: int, limit: int) -> Sequence[StoredEvent]:
        """Raises StoreUnavailable."""
        async with self._pool.connection() as connection:
            return [StoredEvent(*row) for row in await connection.fetch(READ_NEXT, after_position, limit)]

    async def last_position(self) -> int:
        """Raises StoreUnavailable."""
        async with self._pool.connection() as connection:
            return await connection.fetchval(LAST_POSITION) or 0

    async def wait(self, after_position: int, timeout: float) -> None:
        """While PostgreSQL is away this just waits; the next read says so."""
        poll = FIRST_POLL_SECONDS
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout):
                while self._last_position <= after_position:
                    await self._listener.listen()
                    with contextlib.suppress(StoreUnavailable):
                        if await self._is_there_more(after_position):
                            return
                    with contextlib.suppress(TimeoutError):
                        await asyncio.wait_for(self._grown.wait(), poll)
                    poll = min(poll * 2, LONGEST_POLL_SECONDS)

    async def close(self) -> None:
        """Gives up the connections."""
        await self._listener.close()
        await self._pool.close()

    async def _is_there_more(self, after_position: int) -> bool:
        async with self._pool.connection() as connection:
            return bool(await connection.fetchval(IS_THERE_MORE, after_position))

    def _note(self, payload: str) -> None:
        self._last_position = max(self._last_position, int(payload))
        self._wake()

    def _wake(self) -> None:
        """Wakes all that wait now; a later caller looks at the position first."""
        self._grown.set()
        self._grown = asyncio.Event()
