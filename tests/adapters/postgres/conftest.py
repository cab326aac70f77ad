"""Stores and feeds on a fresh database."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import asyncpg
import pytest

from adapters.postgres.event_store.feed import PostgresEventFeed
from adapters.postgres.event_store.store import PostgresEventStore
from adapters.postgres.pool import DatabasePool

DAY = timedelta(days=1)

# How many sessions wait for the lock on appending. (pg_stat_activity stands still within a transaction.)
WAITING_WRITERS = """
SELECT count(*) FROM pg_locks JOIN pg_database ON pg_database.oid = pg_locks.database
 WHERE locktype = 'advisory' AND NOT granted AND datname = current_database()
"""


async def writers_wait(connection: asyncpg.Connection, count: int) -> bool:
    """Whether so many writers wait for another one's transaction."""
    return bool(await connection.fetchval(WAITING_WRITERS) == count)


@pytest.fixture
async def store(database: DatabasePool) -> AsyncIterator[PostgresEventStore]:
    async with PostgresEventStore(database, timeout=10, answers_kept=DAY) as store:
        yield store


@pytest.fixture
async def feed(database: DatabasePool) -> AsyncIterator[PostgresEventFeed]:
    feed = PostgresEventFeed(database)
    yield feed
    await feed.close()
