"""Builds ranges of the new tables: what each process of a rebuild does."""

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
from adapters.postgres.rebuild.blue_green import CLEAR_STAGE, STAGE, execute_generated, search_path
from adapters.postgres.rebuild.target_tables import FoldedPage, SourcePage, TargetTables
from domain.operators.rate_limiter import RateLimiter
from domain.operators.rebuild import RebuildComparison

PAGE_EVENTS = 5_000
"""A page is read, folded and written in a few hundredths of a second: callers never wait for longer."""

FIRST_PAGE = 200
MAX_SLEEP = 0.1
PAGES_PER_SECOND = 50
"""With a rate limit: a call that meets a page waits for hardly anything."""

MAX_PAGE_KEYS = 2_000

WRITER_SETTINGS = {
    # A crash of the server loses rows together with the range's progress, so that they are built again.
    "synchronous_commit": "off",
    "lock_timeout": "30s",
}


@dataclass(frozen=True, slots=True)
class RangeTask:
    """A range to build. `rate`: at most so many events a second, None: no limit. `staged`: the rows are compared with
    the live ones and dropped; only the progress is written."""

    rebuild_id: str
    number: int
    reached: str
    upto: str
    rate: float | None
    staged: bool


class RangeBuilder:
    """Uses two connections: it reads the next page while it folds and writes the last one."""

    def __init__(self, database: DatabasePool, target: TargetTables, stopped: Callable[[], bool]) -> None:
        self._database = database
        self._target = target
        self._stopped = stopped

    async def build(self, task: RangeTask) -> RebuildComparison | None:
        """Builds what is left of a range, or until it is told to stop; returns the comparison of a staged range.

        A process of a killed rebuild may be at the same range: each page is written by one of them, and the slower
        one stops. Raises StoreUnavailable.
        """
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
        target, alone = self._target, self._target.pages_stand_alone
        if task.staged:
            await execute_generated(writer, STAGE, target.tables, not alone)
        limiter = RateLimiter(task.rate, sleep=self._sleep)
        # With a rate limit pages are small, so that the load is even.
        limited = PAGE_EVENTS if task.rate is None else int(task.rate / PAGES_PER_SECOND)
        page_events = max(1, min(PAGE_EVENTS, limited))
        after, most = task.reached, min(FIRST_PAGE, page_events)
        ahead = asyncio.ensure_future(target.read(reader, after, task.upto, most))
        try:
            while True:
                page = await ahead
                # As many keys as give about the right number of events.
                most = max(1, min(MAX_PAGE_KEYS, most * page_events // max(page.events, 1)))
                if not page.last:
                    ahead = asyncio.ensure_future(target.read(reader, page.reached, task.upto, most))
                    # Sends the query before this process is busy with folding.
                    await asyncio.sleep(0)
                folded = await target.fold(writer, page)
                async with writer.transaction():
                    # First of all: whoever abandons or resumes the rebuild waits for this row or goes before us, and
                    # nobody who comes too late writes anything.
                    if not await _advance(writer, task, after, page, folded):
                        return None
                    if task.staged and alone:
                        await execute_generated(writer, CLEAR_STAGE, target.tables)
                    await target.put(writer, folded)
                    if task.staged and (alone or page.last):
                        comparisons.append(await target.compare(writer, after, page.reached))
                if page.last or self._stopped():
                    break
                after = page.reached
                await limiter.wait(page.events)
        finally:
            ahead.cancel()
            await asyncio.gather(ahead, return_exceptions=True)
        return RebuildComparison.merged(comparisons) if task.staged else None

    async def _sleep(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        # The parent process sets `stopped`: this loop has no event to wait for.
        while (left := until - time.monotonic()) > 0 and not self._stopped():  # noqa: ASYNC110
            await asyncio.sleep(min(left, MAX_SLEEP))

    @asynccontextmanager
    async def _connections(self, task: RangeTask) -> AsyncIterator[tuple[asyncpg.Connection, asyncpg.Connection]]:
        path = {} if task.staged else search_path("checkout_rebuilt")
        settings = self._target.reader_settings
        reader = await self._database.connect("checkout rebuild reader", settings)
        try:
            writer = await self._database.connect("checkout rebuild writer", {**settings, **WRITER_SETTINGS, **path})
            try:
                yield reader, writer
            finally:
                await close(writer)
        finally:
            await close(reader)


async def close(connection: asyncpg.Connection) -> None:
    """Ends a session, also one whose connection is lost."""
    with contextlib.suppress(OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError):
        await connection.close(timeout=1)


async def _advance(
    connection: asyncpg.Connection, task: RangeTask, after: str, page: SourcePage, folded: FoldedPage
) -> bool:
    """Whether this page is ours to write."""
    unfoldable = json.dumps([each.model_dump(mode="json", by_alias=True) for each in folded.unfoldable])
    key = (task.rebuild_id, task.number, after, page.reached, page.last)
    row = await connection.fetchrow(sql.ADVANCE_RANGE, *key, page.events, folded.rows, unfoldable)
    return row is not None
