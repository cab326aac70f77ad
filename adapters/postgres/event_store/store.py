"""The event store on PostgreSQL: the appender and the reader in one, and the end of old responses."""

from __future__ import annotations

from datetime import timedelta
from types import TracebackType
from typing import Self

from adapters.postgres.event_store.append import EventAppender
from adapters.postgres.event_store.read import EventReader
from adapters.postgres.pool import DatabasePool

# Deletes some of the responses that are older than $1, oldest first, and counts them. Skips those that a writer is
# about to replace, so that nobody waits; the rows found are locked, so that they stay.
PURGE_RESPONSES = """
WITH deleted AS (
    DELETE FROM answers WHERE ctid = ANY (ARRAY(
        SELECT ctid FROM answers WHERE answered_at <= now() - $1::interval
         ORDER BY answered_at LIMIT $2
           FOR UPDATE SKIP LOCKED))
    RETURNING 1)
SELECT count(*) FROM deleted
"""


class PostgresEventStore(EventAppender, EventReader):
    """EventStore. One object serves all callers of a process. It connects when it is first used."""

    def __init__(self, database: DatabasePool, *, timeout: float, answers_kept: timedelta) -> None:
        """A call waits at most `timeout` seconds. Responses are found for as long as `answers_kept`."""
        EventAppender.__init__(self, database, timeout=timeout, answers_kept=answers_kept)
        EventReader.__init__(self, database, timeout=timeout, answers_kept=answers_kept)

    async def purge_responses(self, limit: int) -> int:
        """Deletes at most `limit` responses whose time is over; returns how many. Raises StoreUnavailable."""
        async with self._database.connection() as connection:
            count: int = await connection.fetchval(PURGE_RESPONSES, self._answers_kept, limit)
            return count

    async def close(self) -> None:
        """Finishes the calls that wait, refuses new ones, and closes the connections."""
        try:
            await self.close_appender()
        finally:
            await self.close_reader()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()
