"""Reads of streams, claims and responses: those that wait go to PostgreSQL in one statement."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from typing import Any, TypeVar

import asyncpg

from adapters.postgres.batcher import Batcher, take_up_to
from adapters.postgres.pool import DatabasePool, StatementFailed
from domain.ports.event_store import RenderedResponse, StoredEvent, StoredResponse, StoredStream
from domain.shared.errors import BasketArchived

Q = TypeVar("Q")
R = TypeVar("R")

CONCURRENCY = 2
"""Batches of one kind that run at the same time."""

MAX_CALLS = 256

READER_SETTINGS = {
    # Plans made while the tables are empty must do for full ones: look-ups by index, always.
    "enable_seqscan": "off",
    "enable_bitmapscan": "off",
    "plan_cache_mode": "force_generic_plan",
}

# For each stream and version asked for: the view's snapshot where it is newer, and the events after it. The
# statement sees one moment, so that nothing is missing between the two. ($3 and $4, the least and the greatest stream,
# keep it from opening partitions in which none of them lies.)
READ_STREAMS = """
SELECT view.snapshot,
       (SELECT string_agg(event.data, ',' ORDER BY event.version)
          FROM events event
         WHERE event.stream_id = asked.stream_id AND event.stream_id BETWEEN $3 AND $4
           AND event.version > coalesce(view.version, asked.after_version))
  FROM unnest($1::text[], $2::int[]) WITH ORDINALITY AS asked (stream_id, after_version, number)
  LEFT JOIN LATERAL (
       SELECT version, snapshot FROM basket_views
        WHERE basket_id = asked.stream_id AND version > asked.after_version
       OFFSET 0) view ON true
 ORDER BY asked.number
"""

# The events of one stream after a version.
READ_EVENTS = """
SELECT position, stream_id, version, type, data, metadata, recorded_at
  FROM events WHERE stream_id = $1 AND version > $2 ORDER BY version
"""

# Where a stream without events lies in the archive.
FIND_ARCHIVED = "SELECT file, archived_at FROM archived_baskets WHERE basket_id = $1 AND restored_at IS NULL"

# Who holds each of these names.
FIND_CLAIMS = """
SELECT (SELECT stream_id FROM claims WHERE claims.name = asked.name)
  FROM unnest($1::text[]) WITH ORDINALITY AS asked (name, number)
 ORDER BY asked.number
"""

# The response under each of these keys, unless it is older than $3.
FIND_RESPONSES = """
SELECT stored.fingerprint, stored.status, stored.headers, stored.body
  FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS asked (scope, key, number)
  LEFT JOIN LATERAL (
       SELECT fingerprint, status, headers, body FROM answers
        WHERE answers.scope = asked.scope AND answers.key = asked.key
          AND answered_at > clock_timestamp() - $3::interval
       OFFSET 0) stored ON true
 ORDER BY asked.number
"""


class EventReader:
    """The reads of EventStore, in batches, on a small pool of its own."""

    def __init__(self, database: DatabasePool, *, timeout: float, answers_kept: timedelta) -> None:
        self._read_pool = database.sibling("checkout reader", 2 * CONCURRENCY, READER_SETTINGS)
        self._responses_kept = answers_kept
        self._streams = _batcher(self._read_streams, timeout)
        self._claims = _batcher(self._find_claims, timeout)
        self._responses = _batcher(self._find_responses, timeout)

    async def read_stream(self, stream_id: str, after_version: int = 0) -> StoredStream:
        return await self._streams.call((stream_id, after_version))

    async def read_streams(self, stream_ids: Sequence[str]) -> Sequence[StoredStream]:
        return await self._read_streams([(stream_id, 0) for stream_id in stream_ids], False)

    async def read_events(self, stream_id: str, after_version: int = 0) -> Sequence[StoredEvent]:
        rows = await self._fetch(READ_EVENTS, stream_id, after_version)
        if not rows and after_version == 0:
            for file, archived_at in await self._fetch(FIND_ARCHIVED, stream_id):
                raise BasketArchived(stream_id, file, archived_at)
        return [StoredEvent(*row) for row in rows]

    async def find_claim(self, name: str) -> str | None:
        return await self._claims.call(name)

    async def find_response(self, scope: str, key: str) -> StoredResponse | None:
        return await self._responses.call((scope, key))

    async def close_reader(self) -> None:
        try:
            for batcher in (self._streams, self._claims, self._responses):
                await batcher.close()
        finally:
            await self._read_pool.close()

    async def _read_streams(self, asked: Sequence[tuple[str, int]], _: bool) -> Sequence[StoredStream]:
        streams, versions = map(list, zip(*asked, strict=True))
        rows = await self._fetch(READ_STREAMS, streams, versions, min(streams), max(streams))
        return [StoredStream(snapshot, b"[%b]" % (events or b"")) for snapshot, events in rows]

    async def _find_claims(self, names: Sequence[str], _: bool) -> Sequence[str | None]:
        return [holder for (holder,) in await self._fetch(FIND_CLAIMS, names)]

    async def _find_responses(self, keys: Sequence[tuple[str, str]], _: bool) -> Sequence[StoredResponse | None]:
        rows = await self._fetch(FIND_RESPONSES, *map(list, zip(*keys, strict=True)), self._responses_kept)
        return [
            None
            if fingerprint is None
            else StoredResponse(fingerprint, RenderedResponse(status, json.loads(headers), body))
            for fingerprint, status, headers, body in rows
        ]

    async def _fetch(self, statement: str, *values: Any) -> Sequence[asyncpg.Record]:
        try:
            async with self._read_pool.connection() as connection:
                return await connection.fetch(statement, *values)
        except (asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            raise StatementFailed(str(error)) from error


def _batcher(run: Callable[[Sequence[Q], bool], Awaitable[Sequence[R]]], timeout: float) -> Batcher[Q, R]:
    return Batcher(run, take_up_to(MAX_CALLS), timeout=timeout, concurrency=CONCURRENCY)
