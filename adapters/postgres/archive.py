"""The index of the archive in PostgreSQL, and the ways of baskets out of the store and back."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

import asyncpg

from adapters.postgres.pool import DatabasePool
from domain.ports.archive import (
    WAY_OUT,
    ArchiveCandidate,
    ArchiveDamaged,
    ArchivedBasket,
    ArchiveLimits,
    ArchiveSelection,
)
from domain.ports.event_store import StoredEvent

MAX_POSITION = 2**63 - 1

MAX_STATEMENT_SECONDS = 60.0
"""A page of baskets has many events."""

# The next baskets that are over and were not changed since $1, by the time and id ($5, $6) of the last one seen, each
# with what stands in the way: $2 is the last published position, $3 the last retired one, $4 the time until which a
# basket that was brought back stays. A generation of views that is built, or waits to be resumed, holds all of them, so
# that no files are written for nothing.
CANDIDATES = """
SELECT view.basket_id, view.partner, view.modified, view.version,
       CASE WHEN last.version IS DISTINCT FROM view.version OR EXISTS (
                SELECT FROM pg_class
                 WHERE relname = 'basket_views'
                   AND relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = 'checkout_rebuilt'))
                THEN 'view_behind'
            WHEN last.position >= $2 OR last.position > $3 OR last.recorded_at > $1 THEN 'unpublished'
            WHEN EXISTS (SELECT FROM dead_letters WHERE about = view.basket_id AND settled_at IS NULL)
                THEN 'dead_letter'
            WHEN EXISTS (SELECT FROM archived_baskets held
                          WHERE held.basket_id = view.basket_id AND held.restored_at > $4) THEN 'restored'
            WHEN EXISTS (SELECT FROM republications run
                          WHERE run.ended_at IS NULL AND coalesce(run.partner, view.partner) = view.partner
                            AND coalesce(run.basket_id, view.basket_id) = view.basket_id
                            AND run.from_position <= last.position
                            AND run.to_position >= (SELECT position FROM events
                                                     WHERE stream_id = view.basket_id AND version = 1))
                THEN 'republishing'
       END AS obstacle
  FROM (SELECT basket_id, partner, modified, version FROM basket_views
         WHERE modified <= $1 AND (modified, basket_id) > ($5, $6) AND status <> 'open'
         ORDER BY modified, basket_id LIMIT $7) AS view
  LEFT JOIN LATERAL (SELECT position, version, recorded_at FROM events
                      WHERE stream_id = view.basket_id ORDER BY version DESC LIMIT 1) AS last ON true
 ORDER BY view.modified, view.basket_id
"""

# All events of some baskets.
EVENTS_OF_BASKETS = """
SELECT position, stream_id, version, type, data, metadata, recorded_at
  FROM events WHERE stream_id = ANY($1::text[]) ORDER BY stream_id, version
"""

ARCHIVE_BASKETS = "SELECT * FROM archive_baskets($1, $2, $3)"

RESTORE_BASKETS = "SELECT * FROM restore_baskets($1, $2, $3, $4, $5, $6, $7)"

# The rows of some baskets.
FIND = "SELECT * FROM archived_baskets WHERE basket_id = ANY($1::text[])"

# The next baskets of a selection in the archive.
LIST = """
SELECT * FROM archived_baskets
 WHERE restored_at IS NULL AND ($1::text IS NULL OR partner = $1) AND last_position >= $2 AND first_position <= $3
   AND basket_id > $4
 ORDER BY basket_id LIMIT $5
"""

# How many there are.
COUNT = """
SELECT count(*) FROM archived_baskets
 WHERE restored_at IS NULL AND ($1::text IS NULL OR partner = $1) AND last_position >= $2 AND first_position <= $3
"""

# The rows of one file.
OF_FILE = "SELECT * FROM archived_baskets WHERE file = $1 ORDER BY basket_id"

# The files that the index names.
FILES = "SELECT DISTINCT file FROM archived_baskets WHERE restored_at IS NULL"

# Those of some baskets that have events.
IN_STORE = """
SELECT id FROM unnest($1::text[]) AS asked (id)
 WHERE EXISTS (SELECT FROM events WHERE stream_id = asked.id AND version = 1)
"""

ABANDON = "SELECT abandon_archive_file($1)"

DROP_EMPTY_PARTITION = "SELECT drop_empty_event_partition()"

_BEGIN = (datetime.fromisoformat("0001-01-01T00:00:00+00:00"), "")


class PostgresArchiveIndex:
    """ArchiveIndex."""

    def __init__(self, database: DatabasePool) -> None:
        self._database = database

    async def candidates(
        self, limits: ArchiveLimits, after: tuple[datetime, str] | None, limit: int
    ) -> Sequence[ArchiveCandidate]:
        rows = await self._fetch(
            CANDIDATES,
            limits.before,
            limits.published,
            limits.retired,
            limits.restored_before,
            *(after or _BEGIN),
            limit,
        )
        return [ArchiveCandidate(*row) for row in rows]

    async def read(self, basket_ids: Collection[str]) -> Sequence[StoredEvent]:
        return [StoredEvent(*row) for row in await self._fetch(EVENTS_OF_BASKETS, [*basket_ids])]

    async def move(self, file: str, versions: Mapping[str, int]) -> Collection[str]:
        moved = await self._fetch(ARCHIVE_BASKETS, file, [*versions], [*versions.values()])
        return {basket_id for (basket_id,) in moved}

    async def restore(self, events: Sequence[StoredEvent]) -> Collection[str]:
        columns = (
            [event.position for event in events],
            [event.stream_id for event in events],
            [event.version for event in events],
            [event.type for event in events],
            [event.data for event in events],
            [event.metadata for event in events],
            [event.recorded_at for event in events],
        )
        try:
            return {basket_id for (basket_id,) in await self._fetch(RESTORE_BASKETS, *columns)}
        except asyncpg.DataCorruptedError as error:
            raise ArchiveDamaged(f"{error}; {WAY_OUT}") from error

    async def find(self, basket_ids: Collection[str]) -> Mapping[str, ArchivedBasket]:
        rows = await self._fetch(FIND, [*basket_ids])
        return {row["basket_id"]: ArchivedBasket(*row) for row in rows}

    async def page(self, selection: ArchiveSelection, after: str, limit: int) -> Sequence[ArchivedBasket]:
        return [ArchivedBasket(*row) for row in await self._fetch(LIST, *_bounds(selection), after, limit)]

    async def count(self, selection: ArchiveSelection) -> int:
        ((count,),) = await self._fetch(COUNT, *_bounds(selection))
        return int(count)

    async def of_file(self, file: str) -> Sequence[ArchivedBasket]:
        return [ArchivedBasket(*row) for row in await self._fetch(OF_FILE, file)]

    async def files(self) -> Collection[str]:
        return {name for (name,) in await self._fetch(FILES)}

    async def abandon(self, file: str) -> bool:
        ((abandoned,),) = await self._fetch(ABANDON, file)
        return bool(abandoned)

    async def in_store(self, basket_ids: Collection[str]) -> Collection[str]:
        return {basket_id for (basket_id,) in await self._fetch(IN_STORE, [*basket_ids])}

    async def drop_empty_partition(self) -> str | None:
        try:
            ((name,),) = await self._fetch(DROP_EMPTY_PARTITION)
        except asyncpg.LockNotAvailableError:
            return None  # others use the table for long; the next round tries again
        return name if isinstance(name, str) else None

    async def _fetch(self, statement: str, *values: object) -> Sequence[asyncpg.Record]:
        async with self._database.connection() as connection:
            return await connection.fetch(statement, *values, timeout=MAX_STATEMENT_SECONDS)


def _bounds(selection: ArchiveSelection) -> tuple[str | None, int, int]:
    last = selection.to_position if selection.to_position is not None else MAX_POSITION
    return selection.partner, selection.from_position or 0, last
