"""The event store on PostgreSQL."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from types import TracebackType
from typing import Self

from adapters.postgres.event_store.append import NO_STREAM, EventAppender
from adapters.postgres.event_store.read import EventReader
from adapters.postgres.pool import DatabasePool
from domain.ports.event_store import (
    Append,
    Appended,
    AppendOutcome,
    IdempotencyKey,
    RenderedResponse,
    StoredEvent,
    StoredResponse,
    StoredStream,
)

# Deletes some of the answers that are older than $1, oldest first, and counts them. Those that a writer is
# about to replace are left alone, so that nobody waits; the rows found are locked, so that they stay put.
PURGE_ANSWERS = """
WITH deleted AS (
    DELETE FROM answers WHERE ctid = ANY (ARRAY(
        SELECT ctid FROM answers WHERE answered_at <= now() - $1::interval
         ORDER BY answered_at LIMIT $2
           FOR UPDATE SKIP LOCKED))
    RETURNING 1)
SELECT count(*) FROM deleted
"""


class PostgresEventStore:
    """EventStore. One object serves all callers of a process and needs no server to be made."""

    def __init__(self, database: DatabasePool, *, timeout: float, answers_kept: timedelta) -> None:
        """A call waits at most `timeout` seconds; answers are found for as long as `answers_kept`."""
        self._database = database
        self._answers_kept = answers_kept
        self._appending = EventAppender(database, timeout=timeout, answers_kept=answers_kept)
        self._reading = EventReader(database, timeout=timeout, answers_kept=answers_kept)

    async def append(self, append: Append) -> AppendOutcome:
        return await self._appending.append(append)

    async def read_stream(self, stream_id: str, after_version: int = 0) -> StoredStream:
        return await self._reading.read_stream(stream_id, after_version)

    async def read_streams(self, stream_ids: Sequence[str]) -> Sequence[StoredStream]:
        return await self._reading.read_streams(stream_ids)

    async def read_events(self, stream_id: str, after_version: int = 0) -> Sequence[StoredEvent]:
        return await self._reading.read_events(stream_id, after_version)

    async def find_claim(self, name: str) -> str | None:
        return await self._reading.find_claim(name)

    async def find_response(self, scope: str, key: str) -> StoredResponse | None:
        return await self._reading.find_response(scope, key)

    async def store_response(self, key: IdempotencyKey, answer: RenderedResponse) -> bool:
        outcome = await self._appending.append(Append(NO_STREAM, 0, (), response=(key, answer)))
        return isinstance(outcome, Appended)

    async def purge_answers(self, limit: int) -> int:
        """Deletes at most `limit` answers that are older than answers are kept; returns how many. Raises
        StoreUnavailable."""
        async with self._database.connection() as connection:
            count: int = await connection.fetchval(PURGE_ANSWERS, self._answers_kept, limit)
            return count

    async def close(self) -> None:
        """Finishes what waits, refuses what comes, and gives up the connections."""
        try:
            await self._appending.close()
        finally:
            await self._reading.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()
