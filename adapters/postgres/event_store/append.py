"""The one writer of a process: appends that wait go to PostgreSQL in one call of `append_events`."""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import Hashable, Sequence
from datetime import timedelta
from time import perf_counter
from typing import Any

import asyncpg

from adapters.metrics.process_metrics import APPEND_BATCH_SIZE, APPEND_SECONDS, EVENTS_APPENDED
from adapters.postgres.batcher import Batcher, PendingCall
from adapters.postgres.pool import DatabasePool, StatementFailed, is_unavailable, store_unavailable
from domain.ports.event_store import (
    AlreadyAnswered,
    Append,
    Appended,
    AppendOutcome,
    ClaimTaken,
    Conflict,
    IdempotencyKey,
    RenderedResponse,
)

NO_STREAM = ""
"""The stream of a response that belongs to no basket. It never gets an event."""

MAX_APPENDS = 512
MAX_BYTES = 4 * 1024 * 1024
"""A batch ends with the append that reaches one of these."""

_WRITER_SETTINGS = {
    # Plans made while the tables are empty must do for full ones.
    "enable_seqscan": "off",
    "enable_nestloop": "off",
    "enable_mergejoin": "off",
    # Such a scan allocates pages of memory for each partition.
    "enable_indexonlyscan": "off",
    "plan_cache_mode": "force_generic_plan",
    "jit": "off",
}

# Appends a batch; one row for each append, in order.
APPEND_BATCH = """
SELECT outcome, last_position
  FROM append_events($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19)
"""

_REFUSALS: dict[str, AppendOutcome] = {
    "conflict": Conflict(),
    "claim_taken": ClaimTaken(),
    "already_answered": AlreadyAnswered(),
}


class EventAppender:
    """The writes of EventStore, in batches, on a connection of its own."""

    def __init__(self, database: DatabasePool, *, timeout: float, answers_kept: timedelta) -> None:
        self._database = database
        self._timeout = timeout
        self._answers_kept = answers_kept
        self._connection: asyncpg.Connection | None = None
        self._appends: Batcher[Append, AppendOutcome] = Batcher(self._write, take_batch, timeout=timeout)

    async def append(self, append: Append) -> AppendOutcome:
        """Raises StatementFailed too, if PostgreSQL cannot take the append."""
        return await self._appends.call(append)

    async def store_response(self, key: IdempotencyKey, response: RenderedResponse) -> bool:
        outcome = await self.append(Append(NO_STREAM, 0, (), response=(key, response)))
        return isinstance(outcome, Appended)

    async def close_appender(self) -> None:
        try:
            await self._appends.close()
        finally:
            connection, self._connection = self._connection, None
            if connection is not None:
                try:
                    await connection.close(timeout=self._timeout)
                except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
                    connection.terminate()

    async def _write(self, appends: Sequence[Append], repeated: bool) -> Sequence[AppendOutcome]:
        connection = await self._connected()
        began = perf_counter()
        try:
            rows = await connection.fetch(
                APPEND_BATCH,
                *columns(appends),
                self._answers_kept,
                repeated,
                timeout=self._timeout + 0.5,  # the server ends it before, unless it cannot be reached
            )
        except Exception as error:
            if is_unavailable(error, closed=connection.is_closed()):
                self._abandon(connection)
                raise store_unavailable(error) from error
            raise StatementFailed(str(error)) from error
        except asyncio.CancelledError:
            self._abandon(connection)
            raise
        outcomes = [_REFUSALS.get(outcome) or Appended(last_position) for outcome, last_position in rows]
        APPEND_BATCH_SIZE.observe(len(appends))
        APPEND_SECONDS.observe(perf_counter() - began)
        EVENTS_APPENDED.inc(
            sum(
                len(append.events)
                for append, outcome in zip(appends, outcomes, strict=True)
                if isinstance(outcome, Appended)
            )
        )
        return outcomes

    async def _connected(self) -> asyncpg.Connection:
        if self._connection is None or self._connection.is_closed():
            # Once nobody waits for the statement, it must not wait for the lock on the server.
            limit = {"statement_timeout": str(round(self._timeout * 1000))}
            self._connection = await self._database.connect("checkout writer", _WRITER_SETTINGS | limit)
        return self._connection

    def _abandon(self, connection: asyncpg.Connection) -> None:
        self._connection = None
        connection.terminate()


def take_batch(
    waiting: deque[PendingCall[Append, AppendOutcome]],
) -> list[PendingCall[Append, AppendOutcome]]:
    """The next batch: at most one append for each stream, claim and key. A second one keeps its place for the next
    batch, and so does every append that would overtake it."""
    batch: list[PendingCall[Append, AppendOutcome]] = []
    later: list[PendingCall[Append, AppendOutcome]] = []
    named: set[Hashable] = set()
    size = 0
    while waiting and size < MAX_BYTES and len(batch) + len(later) < MAX_APPENDS:
        call = waiting.popleft()
        if call.result.done():
            continue
        append = call.request
        names = _names(append)
        if named.isdisjoint(names):
            batch.append(call)
            for event in append.events:
                size += len(event.data) + len(event.metadata)
        else:
            later.append(call)
        named.update(names)
    waiting.extendleft(reversed(later))
    return batch


def _names(append: Append) -> list[Hashable]:
    names: list[Hashable] = [*append.claims, *append.releases]
    if append.events:
        names.append(append.stream_id)
    if append.response is not None:
        names.append((append.response[0].scope, append.response[0].key))
    return names


def columns(appends: Sequence[Append]) -> tuple[Any, ...]:
    """The arrays that `append_events` takes, in its order."""
    events = [event for append in appends for event in append.events]
    claims: list[tuple[int, str]] = []
    releases: list[tuple[int, str]] = []
    responses: list[tuple[int, str, str, bytes, int, str, bytes]] = []
    for number, append in enumerate(appends, 1):
        # A name that an append claims twice is claimed; one that it releases as well stays claimed.
        claims.extend((number, name) for name in dict.fromkeys(append.claims))
        releases.extend((number, name) for name in append.releases)
        if append.response is not None:
            key, response = append.response
            headers = json.dumps(dict(response.headers))
            responses.append((number, key.scope, key.key, key.fingerprint, response.status, headers, response.body))
    return (
        [append.stream_id for append in appends],
        [append.expected_version for append in appends],
        [len(append.events) for append in appends],
        [event.type for event in events],
        [event.data for event in events],
        [event.metadata for event in events],
        *_transposed(claims, 2),
        *_transposed(releases, 2),
        *_transposed(responses, 7),
    )


def _transposed(rows: Sequence[tuple[Any, ...]], width: int) -> Sequence[Sequence[Any] | None]:
    # NULL for no rows: encoding so many empty arrays would take as long as all else.
    return list(zip(*rows, strict=True)) if rows else [None] * width
