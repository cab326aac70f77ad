from __future__ import annotations

import asyncio
import time

import asyncpg
import pytest

from adapters.postgres.pool import DatabasePool
from domain.shared.errors import StoreUnavailable
from tests.servers.waiting import eventually

# Ends the session whose process id is given.
KILL = "SELECT pg_terminate_backend($1)"

# Says which session this is.
WHO = "SELECT pg_backend_pid()"


async def test_a_connection_lost_inside_the_block_raises_unavailable_and_the_next_one_works(
    database: DatabasePool, connection: asyncpg.Connection
) -> None:
    async def lose_it() -> None:
        async with database.connection() as borrowed:
            await connection.execute(KILL, await borrowed.fetchval(WHO))
            await borrowed.fetchval(WHO)

    with pytest.raises(StoreUnavailable):
        await lose_it()
    async with database.connection() as borrowed:
        assert await borrowed.fetchval(WHO)


async def test_a_lost_connection_of_the_pool_is_replaced(
    database: DatabasePool, connection: asyncpg.Connection
) -> None:
    async with database.connection() as borrowed:
        lost = await borrowed.fetchval(WHO)
    await connection.execute(KILL, lost)

    async def replaced() -> bool:
        try:
            async with database.connection() as borrowed:
                return bool(await borrowed.fetchval(WHO) != lost)
        except StoreUnavailable:
            return False  # the loss is noticed now

    assert await eventually(replaced)


async def test_the_blocks_own_errors_pass_unchanged(database: DatabasePool) -> None:
    for error in (KeyError("ours"), StoreUnavailable("ours")):
        with pytest.raises(type(error), match="ours"):
            async with database.connection():
                raise error
    with pytest.raises(asyncpg.UndefinedTableError):
        async with database.connection() as borrowed:
            await borrowed.execute("SELECT * FROM nowhere")


async def test_a_slow_statement_raises_unavailable_in_time(database_url: str) -> None:
    database = DatabasePool(database_url, size=1, timeout=0.5)
    began = time.monotonic()
    with pytest.raises(StoreUnavailable):
        async with database.connection() as borrowed:
            await borrowed.execute("SELECT pg_sleep(30)")
    with pytest.raises(StoreUnavailable):
        async with database.connection(), database.connection():
            pass
    assert time.monotonic() - began < 5
    async with database.connection() as borrowed:
        assert await borrowed.fetchval(WHO)
    await database.close()


async def test_a_cancelled_block_returns_its_connection_soon(database_url: str) -> None:
    database = DatabasePool(database_url, size=1, timeout=20)
    begun = asyncio.Event()

    async def hold() -> None:
        async with database.connection() as borrowed:
            begun.set()
            await borrowed.execute("SELECT pg_sleep(30)")

    holding = asyncio.ensure_future(hold())
    await begun.wait()
    began = time.monotonic()
    holding.cancel()
    await asyncio.gather(holding, return_exceptions=True)
    assert time.monotonic() - began < 10
    async with database.connection() as borrowed:
        assert await borrowed.fetchval(WHO)
    await database.close()


async def test_a_transaction_left_open_does_not_reach_the_next_block(database_url: str) -> None:
    database = DatabasePool(database_url, size=1)

    async def leave_it_open() -> None:
        async with database.connection() as borrowed:
            await borrowed.execute("BEGIN; CREATE TABLE left_open ()")
            raise KeyError

    with pytest.raises(KeyError):
        await leave_it_open()
    async with database.connection() as borrowed:
        assert await borrowed.fetchval("SELECT to_regclass('left_open')") is None
    await database.close()


async def test_those_who_wait_for_a_connection_get_the_one_that_is_returned(database_url: str) -> None:
    database = DatabasePool(database_url, size=1, timeout=20)

    async def who() -> int:
        async with database.connection() as borrowed:
            pid: int = await borrowed.fetchval(WHO)
            return pid

    sessions = [*await asyncio.gather(*(who() for _ in range(20))), await who()]
    assert len(set(sessions)) == 1
    await database.close()


async def test_closing_waits_for_a_block_that_runs(database_url: str) -> None:
    database = DatabasePool(database_url, size=2, timeout=20)
    async with database.connection():
        pass
    async with database.connection() as borrowed:
        closing = asyncio.ensure_future(database.close())
        await asyncio.sleep(0)
        assert await borrowed.fetchval(WHO)
    began = time.monotonic()
    await closing
    assert time.monotonic() - began < 10


async def test_a_closed_pool_gives_no_connections(database_url: str) -> None:
    database = DatabasePool(database_url)
    await database.close()
    with pytest.raises(StoreUnavailable):
        async with database.connection():
            pass


async def test_a_dedicated_connection_has_the_requested_settings(database: DatabasePool) -> None:
    dedicated = await database.connect("a name", {"enable_seqscan": "off"})
    assert await dedicated.fetchval("SHOW application_name") == "a name"
    assert await dedicated.fetchval("SHOW enable_seqscan") == "off"
    await dedicated.close()


async def test_an_unreadable_url_raises_its_own_error() -> None:
    with pytest.raises(asyncpg.exceptions.ClientConfigurationError):
        await DatabasePool("nonsense://").connect("anyone")
