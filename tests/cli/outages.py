"""A PostgreSQL that answers nobody for a while: a table that somebody has locked, a database that nobody may enter."""

from __future__ import annotations

import asyncio
import os
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import asyncpg

from tests.cli.validate.shop import Ended
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
    """A table of which nobody else reads or writes a row for the block."""

    def __init__(self, connection: asyncpg.Connection, table: str) -> None:
        self._connection = connection
        self._table = table

    async def is_waited_for(self, seconds: float = 0.0) -> None:
        """Returns once a statement waits for the table, and has for so long."""

        async def waits() -> bool:
            if seconds:
                return bool(await self._connection.fetchval(WAITED, self._table) > seconds)
            return bool(await self._connection.fetchval(WAITING, self._table))

        await eventually(waits, limit=LONG, every=0.05)


@asynccontextmanager
async def locked(url: str, table: str) -> AsyncIterator[Locked]:
    connection = await asyncpg.connect(url)
    # A transaction sees the activity of others as it was when it asked first.
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
    """For the block nobody may connect to the database, and the service's connections are cut. `url` signs in the
    database's administrator."""
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
    """A command in a process of its own, whose words can be waited for."""

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

    async def end(self) -> Ended:
        out, err = await asyncio.wait_for(self._process.communicate(), LONG)
        return Ended(self._process.returncode, out.decode(), self.said + err.decode())


async def begin(url: str, *arguments: object, settings: Mapping[str, str]) -> Running:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "cli", *map(str, arguments)),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=PIPE,
        stderr=PIPE,
        env={**os.environ, "CHECKOUT_DATABASE_URL": url, **settings},
    )
    return Running(process)
