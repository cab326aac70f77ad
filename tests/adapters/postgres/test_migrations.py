from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest

from adapters.postgres import migrations
from adapters.postgres.migrate import migrate
from domain.errors import StoreUnavailable
from tests.parts.postgres import Databases
from tests.parts.processes import Program

VERSIONS = sorted(path.stem for path in (Path(migrations.__file__).parent / "versions").glob("*.sql"))

# Migrates what the first argument names, and says how many migrations that took.
MIGRATE = """
import asyncio, sys
from adapters.postgres.migrate import migrate
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
