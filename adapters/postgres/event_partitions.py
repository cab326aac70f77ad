"""The partitions of `events`: one for each month of the baskets' creation. PostgreSQL's own functions make and drop
them, so that workers need no right to."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta

import asyncpg
import structlog

from adapters.postgres.pool import DatabasePool
from adapters.postgres.roles import act_as_owner, prefix_in_use

MAKE = "SELECT make_event_partition()"

# Whether `events` is a table of its own yet that is worth proving: it holds events, and none from the id $1 on.
# (Written for a table that may be missing.)
IS_ONE_TABLE = "SELECT relkind = 'r' FROM pg_class WHERE oid = to_regclass('public.events')"
IS_PROVABLE = """
SELECT EXISTS (SELECT FROM events) AND NOT EXISTS (SELECT FROM events WHERE stream_id >= $1)
"""

# Writes the statement that promises that no event comes from the id $1 on.
PROMISE = """
SELECT format('ALTER TABLE events ADD CONSTRAINT events_are_before CHECK (stream_id < %L) NOT VALID', $1::text)
"""
PROVE = "ALTER TABLE events VALIDATE CONSTRAINT events_are_before"
TAKE_BACK = "ALTER TABLE events DROP CONSTRAINT IF EXISTS events_are_before"

# Only one process proves and migrates at a time. The number is arbitrary and the same for all.
MIGRATE_ALONE = "SELECT pg_advisory_lock(7208041004)"
LOCK_FOR_A_MOMENT = "SET LOCAL lock_timeout = '200ms'"
LONGEST_STEP = 3600.0
"""Seconds: one step reads all of `events_default`."""

TRIES = 300
PAUSE = 0.5

_log = structlog.get_logger("store")


class EventPartitions:
    """Keeps partitions ahead of the months in which events come."""

    def __init__(self, database: DatabasePool) -> None:
        self._database = database

    async def make_ahead(self) -> Sequence[str]:
        """Makes the partitions of this month and the next two where they are missing, and returns the steps taken.

        Writers wait for a moment at most. Whatever holds `events` for longer delays the rest until the next call: until
        then events of a month without a partition go to `events_default`. Raises StoreUnavailable.
        """
        steps: list[str] = []
        async with self._database.connection() as connection:
            try:
                while step := await connection.fetchval(MAKE, timeout=LONGEST_STEP):
                    steps.append(step)
                    _log.info("partitions of events", step=step)
            except (asyncpg.LockNotAvailableError, asyncpg.CheckViolationError) as error:
                _log.info("a partition of events is made later", why=str(error))
        return steps


@contextlib.asynccontextmanager
async def first_partition_proved(database: DatabasePool) -> AsyncIterator[None]:
    """Proves that the table of events holds the ids of a range only, before the block makes it the first partition of a
    partitioned one. PostgreSQL then need not read it all under a lock that nobody else passes.

    The proof is a constraint, which the migration replaces. It also holds for events that come meanwhile: the range
    ends in a month at the earliest.
    """
    connection = await database.connect("checkout migrate")
    try:
        await connection.execute(MIGRATE_ALONE)
        if proves := await connection.fetchval(IS_ONE_TABLE):
            await _prove(connection)
        try:
            yield
        finally:
            if proves and not connection.is_closed() and await connection.fetchval(IS_ONE_TABLE):
                await _execute(connection, TAKE_BACK)
    finally:
        await connection.close()


async def _prove(connection: asyncpg.Connection) -> None:
    now = datetime.now(UTC)
    month = datetime(now.year, now.month, 1, tzinfo=UTC)
    month_after_next = (month + timedelta(days=62)).replace(day=1)
    milliseconds = f"{int(month_after_next.timestamp() * 1000):012x}"
    end = f"basket-{milliseconds[:8]}-{milliseconds[8:]}"
    if await connection.fetchval(IS_PROVABLE, end):
        await _execute(connection, TAKE_BACK)  # from a migration that was killed
        await _execute(connection, await connection.fetchval(PROMISE, end))
        await _execute(connection, PROVE)


async def _execute(connection: asyncpg.Connection, statement: str) -> None:
    """In a transaction of its own, as the owner of the table. It tries again while others hold the table."""
    for tries_left in reversed(range(TRIES)):
        try:
            async with connection.transaction():
                if (prefix := await prefix_in_use(connection)) is not None:
                    await act_as_owner(connection, prefix)
                await connection.execute(LOCK_FOR_A_MOMENT)
                await connection.execute(statement)
            return
        except asyncpg.LockNotAvailableError:
            if not tries_left:
                raise
            await asyncio.sleep(PAUSE)
