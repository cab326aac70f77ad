"""A PostgreSQL that does not answer for a while: a locked table, or a database that refuses connections."""

from __future__ import annotations

import asyncio
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from urllib.parse import urlsplit

import asyncpg

from tests.servers.checkout_command import CommandResult, finish, start_checkout
from tests.servers.waiting import eventually

LONG = 90.0
"""Seconds that a busy machine may take for a step."""

WAITING = "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = $1::regclass"
WAITED = """
SELECT coalesce(max(extract(epoch FROM clock_timestamp() - activity.query_start)), 0)
  FROM pg_locks held JOIN pg_stat_activity activity USING (pid)
 WHERE NOT held.granted AND held.relation = $1::regclass
"""
OTHERS = """
SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
 WHERE datname = $1 AND application_name LIKE 'checkout%'
"""


class Locked:
    """A table that nobody else can read or write."""

    def __init__(self, connection: asyncpg.Connection, table: str) -> None:
        self._connection = connection
        self._table = table

    async def is_waited_for(self, seconds: float = 0.0) -> None:
        """Returns once a statement has waited for the table for so many seconds."""

        async def waits() -> bool:
            if seconds:
                return bool(await self._connection.fetchval(WAITED, self._table) > seconds)
            return bool(await self._connection.fetchval(WAITING, self._table))

        await eventually(waits, limit=LONG, every=0.05)


@asynccontextmanager
async def locked(url: str, table: str) -> AsyncIterator[Locked]:
    connection = await asyncpg.connect(url)
    # A transaction sees the activity of others as of its first look, so another connection watches.
    watching = await asyncpg.connect(url)
    try:
        async with connection.transaction():
            await connection.execute(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")
            yield Locked(watching, table)
    finally:
        await connection.close()
        await watching.close()


@asynccontextmanager
async def closed(url: str) -> AsyncIterator[None]:
    """Refuses connections to the database and cuts those of the service. `url` is the administrator's."""
    name = urlsplit(url).path[1:]
    connection = await asyncpg.connect(url, database="postgres")
    try:
        await connection.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false')
        await connection.execute(OTHERS, name)
        yield
    finally:
        await connection.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true')
        await connection.close()


class Running:
    """A command whose messages a test can wait for."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self.said = ""

    async def says(self, words: str) -> None:
        assert self._process.stderr is not None
        async with asyncio.timeout(LONG):
            while words not in self.said:
                line = await self._process.stderr.readline()
                assert line, f"it ended without a word of {words!r}: {self.said}"
                self.said += line.decode()

    async def end(self) -> CommandResult:
        ended = await finish(self._process)
        return replace(ended, err=self.said + ended.err)


async def begin(url: str, *arguments: object, settings: Mapping[str, str]) -> Running:
    environment = {"CHECKOUT_DATABASE_URL": url, **settings}
    return Running(await start_checkout(*arguments, environment=environment))
