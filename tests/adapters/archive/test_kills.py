"""Processes that archive or bring back are killed at every step, and lose and double nothing."""

from __future__ import annotations

import asyncio
import itertools
import signal
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from adapters.container import Container
from domain.ports.event_store import StoredEvent
from tests.adapters.archive.archived_service import (
    a_finished_basket,
    archive,
    archiver,
    archiving_service,
    files_in,
    publish_all,
    rows_of,
)
from tests.adapters.archive.doomed_process import (
    FULL,
    archive_again_and_again,
    archive_all,
    archive_on_a_full_disk,
    begin,
    bring_back,
    ended,
    run,
)
from tests.servers.waiting import eventually

KILLED = -signal.SIGKILL

# The lock of appends, held until the end of the transaction.
HOLD_APPENDS = "SELECT pg_advisory_xact_lock(7208041002)"

# How many sessions wait for it.
WAITING = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"

Rows = Mapping[str, Sequence[Any]]


@pytest.fixture
async def container(database_url: str, tmp_path: Path) -> AsyncIterator[Container]:
    async with archiving_service(database_url, tmp_path) as container:
        yield container


@pytest.fixture
async def before(container: Container, connection: asyncpg.Connection) -> Rows:
    """The rows of some baskets that may be archived."""
    ids = [await a_finished_basket(container) for _ in range(3)]
    await publish_all(container)
    return {basket_id: await rows_of(connection, basket_id) for basket_id in ids}


async def archived_of(container: Container, connection: asyncpg.Connection, before: Rows) -> set[str]:
    """Those in the archive. Each basket is wholly there or wholly in the store, and is as it was."""
    rows = await container.archive_index.find(before)
    archived = {basket_id for basket_id, row in rows.items() if row.restored_at is None}
    for basket_id, stored in before.items():
        if basket_id not in archived:
            assert await rows_of(connection, basket_id) == stored
            continue
        assert await rows_of(connection, basket_id) == []
        manifest, events = await container.archive_files.read(rows[basket_id].file)
        assert [event for event in events if event.stream_id == basket_id] == [StoredEvent(*row) for row in stored]
        assert [each.events for each in manifest.baskets if each.basket_id == basket_id] == [len(stored)]
        assert not (await container.archive.verify(rows[basket_id].file)).problems
    return archived


async def nothing_is_left_over(container: Container) -> bool:
    """Each file in the folder holds a basket, and has its manifest."""
    files = await container.archive.files()
    expected = {f"{file}{suffix}" for file in files for suffix in (".jsonl.gz", ".manifest.json")}
    return {path.name for path in files_in(container)} == expected


async def test_an_archiver_that_is_killed_at_any_step_loses_and_doubles_nothing(
    container: Container, connection: asyncpg.Connection, before: Rows, database_url: str, tmp_path: Path
) -> None:
    seen: set[int] = set()
    for step in itertools.count(1):
        code = await run(archive_all, database_url, tmp_path, step=step)
        seen.add(len(await archived_of(container, connection, before)))
        if code == 0:
            break
        assert code == KILLED
        await archive(container)
        assert await archived_of(container, connection, before) == before.keys()
        assert await nothing_is_left_over(container)
        assert await container.archive.restore([*before]) == before.keys()
    assert step > 15  # so many steps there are, at least
    assert seen == {0, len(before)}


async def test_an_archiver_that_is_killed_while_the_database_moves_baskets_leaves_them_whole(
    container: Container, connection: asyncpg.Connection, before: Rows, database_url: str, tmp_path: Path
) -> None:
    """The statement is with the server, which carries on without its client."""

    async def one_waits() -> bool:
        return bool(await connection.fetchval(WAITING))

    async with connection.transaction():
        await connection.execute(HOLD_APPENDS)
        process = begin(archive_all, database_url, tmp_path)
        await eventually(one_waits)
        process.kill()
        assert await ended(process) == KILLED
    await archive(container)

    async def all_moved() -> bool:
        return await archived_of(container, connection, before) == before.keys()

    await eventually(all_moved)
    await archiver(container).delete_leftovers()
    assert await nothing_is_left_over(container)


async def test_an_archiver_that_is_killed_in_the_middle_of_a_file_archives_nothing(
    container: Container, connection: asyncpg.Connection, before: Rows, database_url: str, tmp_path: Path
) -> None:
    code = await run(archive_all, database_url, tmp_path, file_limit=100)
    assert code == -signal.SIGXFSZ
    (half,) = files_in(container)
    assert half.stat().st_size == 100
    assert await archived_of(container, connection, before) == set()
    assert await container.archive.files() == []
    await archive(container)
    assert await archived_of(container, connection, before) == before.keys()
    assert await nothing_is_left_over(container)


async def test_an_archiver_whose_disk_is_full_archives_nothing_and_says_what_to_do(
    container: Container, connection: asyncpg.Connection, before: Rows, database_url: str, tmp_path: Path
) -> None:
    assert await run(archive_on_a_full_disk, database_url, tmp_path, file_limit=100) == FULL
    assert await archived_of(container, connection, before) == set()
    assert files_in(container) == []
    await archive(container)
    assert await archived_of(container, connection, before) == before.keys()


async def test_a_restore_that_is_killed_at_any_step_goes_on_when_it_is_run_again(
    container: Container, connection: asyncpg.Connection, before: Rows, database_url: str, tmp_path: Path
) -> None:
    views = {basket_id: await view_of(connection, basket_id) for basket_id in before}
    await archive(container)
    seen: set[int] = set()
    for step in itertools.count(1):
        code = await run(bring_back(before), database_url, tmp_path, step=step)
        seen.add(len(await archived_of(container, connection, before)))
        if code == 0:
            break
        assert code == KILLED
        await run(bring_back(before), database_url, tmp_path)
        assert await archived_of(container, connection, before) == set()
        assert {basket_id: await view_of(connection, basket_id) for basket_id in before} == views
        await archive(container)
        assert await archived_of(container, connection, before) == before.keys()
    assert step > 10
    assert seen == {0, len(before)}


async def view_of(connection: asyncpg.Connection, basket_id: str) -> object:
    return await connection.fetchrow("SELECT * FROM basket_views WHERE basket_id = $1", basket_id)


async def test_two_archivers_at_once_lose_and_double_nothing(
    container: Container, connection: asyncpg.Connection, before: Rows, database_url: str, tmp_path: Path
) -> None:
    """Only a role that was lost lets two work; each of them deletes what it takes for the other's leftovers."""
    processes = [begin(archive_again_and_again, database_url, tmp_path) for _ in range(2)]
    for _ in range(8):

        async def all_moved() -> bool:
            return await archived_of(container, connection, before) == before.keys()

        await eventually(all_moved)
        assert await container.archive.restore([*before]) == before.keys()
    (tmp_path / "enough").touch()
    assert await asyncio.gather(*map(ended, processes)) == [0, 0]
    await archive(container)
    assert await archived_of(container, connection, before) == before.keys()
    assert await nothing_is_left_over(container)
