"""The one writer of a process: appends that wait go to PostgreSQL in one call."""

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
from adapters.postgres.pool import (
    DatabasePool,
    StatementFailed,
    is_unavailable,
    store_unavailable,
)
from domain.ports.event_store import (
    AlreadyAnswered,
    Append,
    Appended,
    AppendOutcome,
    ClaimTaken,
    Conflict,
)

NO_STREAM = ""
"""For an append without events that is about no stream: nothing can ever be appended to this one."""

MAX_APPENDS = 512
MAX_BYTES = 4 * 1024 * 1024
"""A batch ends with the append that reaches one of these."""

_WRITER_SETTINGS = {
    # Plans made while the tables are empty must do for full ones.
    "enable_seqscan": "off",
    "enable_nestloop": "off",
    "enable_mergejoin": "off",
    "plan_cache_mode": "force_generic_plan",
    "jit": "off",
}

# Appends a batch; one row for each append, in order.
APPEND_BATCH = """
SELECT outcome, last_position
  FROM append_events($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19)
"""

_APPENDS_COUNTED = APPEND_BATCH_SIZE.observe
_SECONDS_COUNTED = APPEND_SECONDS.observe
_EVENTS_COUNTED = EVENTS_APPENDED.inc

_REFUSALS: dict[str, AppendOutcome] = {
    "conflict": Conflict(),
    "claim_taken": ClaimTaken(),
    "already_answered": AlreadyAnswered(),
}


class EventAppender:
    """Appends in batches, on a connection of its own."""

    def __init__(self, database: DatabasePool, *, timeout: float, answers_kept: timedelta) -> None:
        """A caller waits at most `timeout` seconds."""
        self._database = database
        self._timeout = timeout
        self._answers_kept = answers_kept
        self._connection: asyncpg.Connection | None = None
        self._batches: Batcher[Append, AppendOutcome] = Batcher(self._write, take_batch, timeout=timeout)

    async def append(self, append: Append) -> AppendOutcome:
        """The outcome once it is durable; raises StoreUnavailable, and StatementFailed where PostgreSQL
        cannot take it."""
        return await self._batches.call(append)

    async def close(self) -> None:
        """Finishes what waits, then ends the connection."""
        try:
            await self._batches.close()
        finally:
            connection, self._connection = self._connection, None
            if connection is not None:
                await _end(connection, self._timeout)

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
        _APPENDS_COUNTED(len(appends))
        _SECONDS_COUNTED(perf_counter() - began)
        outcomes = [_REFUSALS.get(outcome) or Appended(last_position) for outcome, last_position in rows]
        _EVENTS_COUNTED(
            sum(
                len(append.events)
                for append, outcome in zip(appends, outcomes, strict=True)
                if isinstance(outcome, Appended)
            )
        )
        return outcomes

    async def _connected(self) -> asyncpg.Connection:
        if self._connection is None or self._connection.is_closed():
            # What nobody waits for any more is not to wait for the lock on the server either.
            limit = {"statement_timeout": str(round(self._timeout * 1000))}
            self._connection = await self._database.connect("checkout writer", _WRITER_SETTINGS | limit)
        return self._connection

    def _abandon(self, connection: asyncpg.Connection) -> None:
        self._connection = None
        connection.terminate()


def take_batch(
    waiting: deque[PendingCall[Append, AppendOutcome]],
) -> list[PendingCall[Append, AppendOutcome]]:
    """The next batch: at most one append for each stream, claim and answer; a second one stays in its place
    for the next batch, and so does whatever would overtake it."""
    batch: list[PendingCall[Append, AppendOutcome]] = []
    later: list[PendingCall[Append, AppendOutcome]] = []
    named: set[Hashable] = set()
    size = 0
    while waiting and size < MAX_BYTES and len(batch) + len(later) < MAX_APPENDS:
        call = waiting.popleft()
        if call.answer.done():
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
    stream_ids: list[str] = []
    expected_versions: list[int] = []
    event_counts: list[int] = []
    types: list[str] = []
    data: list[bytes] = []
    metadata: list[bytes] = []
    claims: list[tuple[int, str]] = []
    releases: list[tuple[int, str]] = []
    answers: list[tuple[int, str, str, bytes, int, str, bytes]] = []
    for number, append in enumerate(appends, 1):
        stream_ids.append(append.stream_id)
        expected_versions.append(append.expected_version)
        event_counts.append(len(append.events))
        for event in append.events:
            types.append(event.type)
            data.append(event.data)
            metadata.append(event.metadata)
        # A name that is claimed twice in one append is claimed; one that is released as well stays claimed.
        claims.extend((number, name) for name in dict.fromkeys(append.claims))
        releases.extend((number, name) for name in append.releases)
        if append.response is not None:
            key, answer = append.response
            headers = json.dumps(dict(answer.headers))
            answers.append((number, key.scope, key.key, key.fingerprint, answer.status, headers, answer.body))
    return (
        stream_ids,
        expected_versions,
        event_counts,
        types,
        data,
        metadata,
        *_transposed(claims, 2),
        *_transposed(releases, 2),
        *_transposed(answers, 7),
    )


def _transposed(rows: Sequence[tuple[Any, ...]], width: int) -> list[Sequence[Any]]:
    return list(zip(*rows, strict=True)) if rows else [()] * width


async def _end(connection: asyncpg.Connection, timeout: float) -> None:
    try:
        await connection.close(timeout=timeout)
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
        connection.terminate()
