"""Building a part of a generation: what each process of a rebuild does."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

import asyncpg

from adapters.postgres.pool import DatabasePool, is_unavailable, store_unavailable
from adapters.postgres.rebuild import rebuild_record_sql as sql
from adapters.postgres.rebuild.blue_green import (
    CLEAR_STAGE,
    STAGE,
    execute_generated,
    search_path,
)
from adapters.postgres.rebuild.target import (
    FoldedPage,
    RebuildableTables,
    SourcePage,
    merge_comparisons,
)
from domain.operators.rebuild import RebuildComparison

PAGE_EVENTS = 5_000
"""A page is read, folded and written in a few hundredths of a second: callers never wait for longer."""

FIRST_PAGE = 200
MAX_SLEEP = 0.1
PAGES_PER_SECOND = 50
"""Of slow ones: a call that meets a page waits for hardly anything."""

MAX_PAGE_KEYS = 2_000

WRITER_SETTINGS = {
    # What a crash of the server takes away it takes away with the range's progress, so that it is done again.
    "synchronous_commit": "off",
    "lock_timeout": "30s",
}


@dataclass(frozen=True, slots=True)
class RangeTask:
    """A part to build. `rate` is the most events a second, None: as fast as it goes. `staged`: nothing is written
    but how far it is; the rows are compared with the live ones and dropped."""

    rebuild_id: str
    number: int
    reached: str
    upto: str
    rate: float | None
    staged: bool


class RangeBuilder:
    """Builds ranges, one after the other, on two connections: while one page is folded and written, the next one
    is read."""

    def __init__(
        self, database: DatabasePool, target: RebuildableTables, stopped: Callable[[], bool]
    ) -> None:
        self._database = database
        self._target = target
        self._stopped = stopped

    async def build(self, task: RangeTask) -> RebuildComparison | None:
        """Builds what is left of a range, or until it is told to stop; says how it compares, where it was
        staged. Another process may be at the same range (of a rebuild that was killed): each page is written
        by one of them, and who is overtaken stops. Raises StoreUnavailable."""
        async with self._connections(task) as (reader, writer):
            try:
                return await self._build(task, reader, writer)
            except Exception as error:
                if is_unavailable(error, closed=reader.is_closed() or writer.is_closed()):
                    raise store_unavailable(error) from error
                raise

    async def _build(
        self, task: RangeTask, reader: asyncpg.Connection, writer: asyncpg.Connection
    ) -> RebuildComparison | None:
        comparisons: list[RebuildComparison] = []
        if task.staged:
            await execute_generated(writer, STAGE, self._target.tables, not self._target.pages_stand_alone)
        pace = _Pace(task.rate, self._stopped)
        # Slow ones read little at a time, so that they go evenly.
        slow = PAGE_EVENTS if task.rate is None else int(task.rate / PAGES_PER_SECOND)
        events_a_page = max(1, min(PAGE_EVENTS, slow))
        after, most = task.reached, min(FIRST_PAGE, events_a_page)
        ahead = asyncio.ensure_future(self._target.read(reader, after, task.upto, most))
        try:
            while True:
                page = await ahead
                # As many keys as make a page of about the right number of events.
                most = max(1, min(MAX_PAGE_KEYS, most * events_a_page // max(page.events, 1)))
                if not page.last:
                    ahead = asyncio.ensure_future(self._target.read(reader, page.reached, task.upto, most))
                    # Its question goes out before this process is busy with folding.
                    await asyncio.sleep(0)
                folded = await self._target.fold(writer, page)
                async with writer.transaction():
                    # First of all: whoever gives a rebuild up, or goes on with it, waits for this row or we for
                    # them, and nothing is written by one who comes too late.
                    if not await _reach(writer, task, after, page, folded):
                        return None
                    if task.staged and self._target.pages_stand_alone:
                        await execute_generated(writer, CLEAR_STAGE, self._target.tables)
                    await self._target.put(writer, folded)
                    if task.staged and (self._target.pages_stand_alone or page.last):
                        comparisons.append(await self._target.compare(writer, after, page.reached))
                if page.last or self._stopped():
                    break
                after = page.reached
                await pace.keep(page.events)
        finally:
            ahead.cancel()
            await asyncio.gather(ahead, return_exceptions=True)
        return merge_comparisons(comparisons) if task.staged else None

    @asynccontextmanager
    async def _connections(
        self, task: RangeTask
    ) -> AsyncIterator[tuple[asyncpg.Connection, asyncpg.Connection]]:
        path = {} if task.staged else search_path("checkout_rebuilt")
        reader = await self._database.connect("checkout rebuild reader", self._target.reader_settings)
        try:
            settings = {**self._target.reader_settings, **WRITER_SETTINGS, **path}
            writer = await self._database.connect("checkout rebuild writer", settings)
            try:
                yield reader, writer
            finally:
                await close(writer)
        finally:
            await close(reader)


async def close(connection: asyncpg.Connection) -> None:
    """Ends a session, also one that is lost."""
    with contextlib.suppress(OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError):
        await connection.close(timeout=1)


async def _reach(
    connection: asyncpg.Connection, task: RangeTask, after: str, page: SourcePage, folded: FoldedPage
) -> bool:
    """Whether this page is ours to write."""
    unfoldable = json.dumps([each.model_dump(mode="json", by_alias=True) for each in folded.unfoldable])
    mine = (task.rebuild_id, task.number, after, page.reached, page.last)
    return await connection.fetchrow(sql.REACH, *mine, page.events, folded.rows, unfoldable) is not None


class _Pace:
    """Keeps to a number of events a second, over the last second."""

    def __init__(self, rate: float | None, stopped: Callable[[], bool]) -> None:
        self._rate = rate
        self._stopped = stopped
        self._due = time.monotonic()

    async def keep(self, events: int) -> None:
        if self._rate is not None:
            self._due = max(self._due, time.monotonic() - 1) + events / self._rate
            # Other processes say that it is to stop: there is no event of this loop to wait for.
            while (left := self._due - time.monotonic()) > 0 and not self._stopped():  # noqa: ASYNC110
                await asyncio.sleep(min(left, MAX_SLEEP))
