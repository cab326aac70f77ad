from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import pytest

from adapters.postgres import migrations
from adapters.postgres.event_store.store import PostgresEventStore
from adapters.postgres.migrator import migrate
from adapters.postgres.pool import DatabasePool
from domain.ports.event_store import Append, Appended, NewEvent
from domain.shared.errors import StoreUnavailable
from tests.servers.postgres import Databases
from tests.servers.processes import Program

VERSIONS = sorted(path.stem for path in (Path(migrations.__file__).parent / "versions").glob("*.sql"))

# Migrates what the first argument names, and says how many migrations that took.
MIGRATE = """
import asyncio, sys
from adapters.postgres.migrator import migrate
print("begun", flush=True)
print(len(asyncio.run(migrate(sys.argv[1]))), flush=True)
"""


@pytest.fixture
async def empty_url(databases: Databases) -> AsyncIterator[str]:
    url = await databases.empty()
    yield url
    await databases.drop(url)


async def tables(url: str) -> set[str]:
    connection = await asyncpg.connect(url)
    try:
        rows = await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        return {row["tablename"] for row in rows}
    finally:
        await connection.close()


async def test_an_empty_database_gets_every_migration_in_order_and_then_none(empty_url: str) -> None:
    assert list(await migrate(empty_url)) == VERSIONS
    assert {"events", "claims", "answers", "basket_views"} <= await tables(empty_url)
    assert list(await migrate(empty_url)) == []


async def test_several_processes_may_migrate_at_once(empty_url: str) -> None:
    async with Program("-c", MIGRATE, empty_url) as one, Program("-c", MIGRATE, empty_url) as other:
        lines = [[await program.line(), await program.line()] for program in (one, other)]
    assert sorted(lines) == [["begun", "0"], ["begun", str(len(VERSIONS))]]


async def test_several_callers_of_one_process_may_migrate_at_once(databases: Databases) -> None:
    urls = [await databases.empty() for _ in range(2)]
    applied = await asyncio.gather(*(migrate(url) for url in [*urls, *urls]))
    assert sorted(len(names) for names in applied) == [0, 0, len(VERSIONS), len(VERSIONS)]
    for url in urls:
        assert "events" in await tables(url)
        await databases.drop(url)


async def test_a_migration_that_fails_leaves_nothing_behind(empty_url: str) -> None:
    connection = await asyncpg.connect(empty_url)
    await connection.execute("CREATE TABLE answers (in_the_way int)")
    with pytest.raises(asyncpg.DuplicateTableError):
        await migrate(empty_url)
    assert await tables(empty_url) == {"answers"}
    await connection.execute("DROP TABLE answers")
    await connection.close()
    assert list(await migrate(empty_url)) == VERSIONS


async def test_migrating_says_that_the_store_is_away() -> None:
    with pytest.raises(StoreUnavailable):
        await migrate("postgresql://postgres@127.0.0.1:1/none")


def test_every_migration_goes_forward_only_and_has_its_sql_beside_it() -> None:
    modules = sorted((Path(migrations.__file__).parent / "versions").glob("0*.py"))
    assert [module.stem for module in modules] == VERSIONS
    assert [module for module in modules if "def downgrade" in module.read_text()] == []


# Writes the statements to run: names cannot be parameters, so the server quotes them.
MAKE_OWNER = "SELECT format('CREATE ROLE %1$I LOGIN PASSWORD %1$L; ', $1::text)"
MAKE_DATABASE = "SELECT format('CREATE DATABASE %1$I OWNER %1$I', $1::text)"
DROP_OWNER = "SELECT format('DROP ROLE %1$I', $1::text)"


@pytest.fixture
async def owned_url(postgres_server: str, databases: Databases) -> AsyncIterator[str]:
    """A database of an ordinary role, as a hosted PostgreSQL gives one: no superuser."""
    name = f"owner_{uuid.uuid4().hex}"
    administrator = await asyncpg.connect(postgres_server)
    try:
        for statement in (MAKE_OWNER, MAKE_DATABASE):
            await administrator.execute(await administrator.fetchval(statement, name))
        server = urlsplit(postgres_server)
        url = server._replace(netloc=f"{name}:{name}@{server.hostname}:{server.port}", path=f"/{name}").geturl()
        yield url
        await databases.drop(url)
        await administrator.execute(await administrator.fetchval(DROP_OWNER, name))
    finally:
        await administrator.close()


async def test_an_ordinary_owner_migrates_and_appends_and_is_held_to_the_function(owned_url: str) -> None:
    assert list(await migrate(owned_url)) == VERSIONS
    database = DatabasePool(owned_url)
    async with PostgresEventStore(database, timeout=5.0, answers_kept=timedelta(hours=24)) as store:
        event = NewEvent("happened", b"{}", b"{}")
        assert isinstance(await store.append(Append("stream", 0, [event])), Appended)
        async with database.connection() as connection:
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute(DIRECT_INSERT)
    await database.close()


# What nobody may do: another event beside the function.
DIRECT_INSERT = "INSERT INTO events (stream_id, version, type, data, metadata) VALUES ('stream', 2, 'x', '', '')"
