"""The feed of all events, from PostgreSQL."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from datetime import datetime

from adapters.postgres.notification_listener import NotificationListener
from adapters.postgres.pool import DatabasePool
from domain.basket.events import ENDING_TYPES, BasketReopened
from domain.ports.event_store import EndedBaskets, StoredEvent
from domain.shared.errors import StoreUnavailable

CHANNEL = "checkout_events"
"""Notified once for each batch of events; the payload is the last position."""

FIRST_POLL_SECONDS = 0.1
LONGEST_POLL_SECONDS = 1.0
"""A net below the notifications: one that is lost with its connection delays nothing longer. Whoever waits looks
less often the longer nothing comes."""

_TAIL_SETTINGS = {
    # Plans made while the partitions are empty must do for full ones: a merge along their primary keys, always.
    "enable_seqscan": "off",
    "enable_bitmapscan": "off",
    "enable_sort": "off",
    # Such a scan allocates pages of memory for each partition.
    "enable_indexonlyscan": "off",
    # Planning over all partitions takes longer than the read itself.
    "plan_cache_mode": "force_generic_plan",
}

PAGE_BYTES = 16 * 1024 * 1024
"""A page of the feed ends with the event that reaches this: an event can have more than a megabyte."""

# The next events in their global order, at most $2, and none after $3 bytes.
READ_NEXT = """
SELECT position, stream_id, version, type, data, metadata, recorded_at
  FROM (SELECT *, sum(octet_length(data)) OVER (ORDER BY position ROWS UNBOUNDED PRECEDING)
                  - octet_length(data) AS bytes_before
          FROM (SELECT position, stream_id, version, type, data, metadata, recorded_at
                  FROM events WHERE position > $1 ORDER BY position LIMIT $2) next_events) page
 WHERE bytes_before < $3
 ORDER BY position
"""

# Where the events end.
LAST_POSITION = "SELECT position FROM events ORDER BY position DESC LIMIT 1"

# Whether there is anything after a position.
IS_THERE_MORE = "SELECT true FROM events WHERE position > $1 ORDER BY position LIMIT 1"

# Walks the next $4 events after position $1, up to $2 and to the first one that was recorded at $3 or later. Returns the
# position that it reached, and the last event (up to $2) of each basket that ended there ($5: by these types) and did
# not change its end later ($6: by these).
READ_ENDED = """
WITH walked AS MATERIALIZED (
    SELECT position, stream_id, version, type, recorded_at
      FROM events WHERE position > $1 AND position <= $2 ORDER BY position LIMIT $4),
reached AS MATERIALIZED (
    SELECT max(position) AS position FROM walked
     WHERE position < coalesce((SELECT min(position) FROM walked WHERE recorded_at >= $3), $2 + 1))
SELECT reached.position AS reached,
       (SELECT count(*) = $4 AND max(position) = reached.position FROM walked) AS more,
       ended.*
  FROM reached LEFT JOIN LATERAL (
       SELECT last.position, last.stream_id, last.version, last.type, last.data, last.metadata, last.recorded_at
         FROM walked CROSS JOIN LATERAL (
              SELECT * FROM events event
               WHERE event.stream_id = walked.stream_id AND event.version >= walked.version AND event.position <= $2
               ORDER BY event.version DESC LIMIT 1) last
        WHERE walked.position <= reached.position AND walked.type = ANY($5)
          AND NOT EXISTS (
              SELECT FROM events later
               WHERE later.stream_id = walked.stream_id AND later.version > walked.version
                 AND later.position <= $2 AND later.type = ANY($6))
        ORDER BY walked.position) ended ON true
"""


class PostgresEventFeed:
    """EventFeed and EndedBasketFeed. One object serves any number of tails."""

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
            rows = await connection.fetch(READ_NEXT, after_position, limit, PAGE_BYTES)
        return [StoredEvent(*row) for row in rows]

    async def last_position(self) -> int:
        """Raises StoreUnavailable."""
        async with self._pool.connection() as connection:
            return await connection.fetchval(LAST_POSITION) or 0

    async def read_ended(self, after_position: int, up_to: int, before: datetime, limit: int) -> EndedBaskets:
        """Raises StoreUnavailable."""
        ending = [*ENDING_TYPES]
        async with self._pool.connection() as connection:
            rows = await connection.fetch(
                READ_ENDED, after_position, up_to, before, limit, ending, [*ending, BasketReopened.TOPIC]
            )
        reached, more, *_ = rows[0]
        events = [StoredEvent(*row) for _, _, *row in rows if row[0] is not None]
        return EndedBaskets(after_position if reached is None else reached, events, bool(more))

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
