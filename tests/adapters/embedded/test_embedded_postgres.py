"""The embedded PostgreSQL keeps what it holds, comes back where it was, and leaves nothing behind."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest

from adapters.embedded.postgres import EmbeddedPostgres
from adapters.embedded.processes import ServerFailed
from tests.servers.postgres import postgres_folder
from tests.servers.processes import Program, descendants, has_ended
from tests.servers.waiting import eventually

PARENT = """
import asyncio, sys
from pathlib import Path
from adapters.embedded.postgres import EmbeddedPostgres

async def main():
    server = EmbeddedPostgres(Path(sys.argv[1]), ephemeral=True)
    await server.start()
    print(server.pid, flush=True)
    await asyncio.Event().wait()

asyncio.run(main())
"""


@pytest.fixture
def folder() -> Iterator[Path]:
    with postgres_folder() as path:
        yield path


async def ask(server: EmbeddedPostgres, statement: str) -> object:
    connection = await asyncpg.connect(server.url, timeout=10)
    try:
        return await connection.fetchval(statement)
    finally:
        await connection.close()


async def test_the_server_serves_its_own_database_and_stops_cleanly(folder: Path) -> None:
    async with EmbeddedPostgres(folder, ephemeral=True, database="checkout") as server:
        assert await ask(server, "SELECT current_database()") == "checkout"
        assert str(await ask(server, "SHOW server_version")).startswith("18")
        processes = descendants(server.pid)
    assert len(processes) > 1
    assert all(has_ended(pid) for pid in processes)
    assert not (folder / "postmaster.pid").exists()


async def test_committed_data_survives_a_stop_and_a_crash_on_the_same_port(folder: Path) -> None:
    async with EmbeddedPostgres(folder) as server:
        url = server.url
        await ask(server, "CREATE TABLE kept (number int)")
        await ask(server, "INSERT INTO kept VALUES (1)")
        await server.stop()
        await server.start()
        await ask(server, "INSERT INTO kept VALUES (2)")
        await server.kill()
        await server.start()
        assert await ask(server, "SELECT sum(number) FROM kept") == 3
        assert server.url == url


async def test_data_survives_a_crash_of_the_machine_unless_the_server_is_ephemeral(folder: Path) -> None:
    async with EmbeddedPostgres(folder) as server:
        assert await ask(server, "SHOW fsync") == "on"
    async with EmbeddedPostgres(folder, ephemeral=True) as server:
        assert await ask(server, "SHOW fsync") == "off"


async def test_the_server_only_listens_on_the_loopback_address(folder: Path) -> None:
    async with EmbeddedPostgres(folder, ephemeral=True) as server:
        assert await ask(server, "SHOW listen_addresses") == "127.0.0.1"


async def test_a_second_server_on_the_folder_is_refused_and_the_first_continues(folder: Path) -> None:
    async with EmbeddedPostgres(folder, ephemeral=True) as first:
        with pytest.raises(ServerFailed, match=f"process {first.pid}.* runs on .* already"):
            await EmbeddedPostgres(folder, ephemeral=True).start()
        assert await ask(first, "SELECT 1") == 1


async def test_a_stale_pid_file_does_not_prevent_a_start(folder: Path) -> None:
    server = EmbeddedPostgres(folder, ephemeral=True)
    await server.start()
    mark = (folder / "postmaster.pid").read_text()
    await server.stop()
    # The id belongs to another process by now: this one.
    (folder / "postmaster.pid").write_text(mark.replace(mark.split()[0], str(os.getpid()), 1))
    async with server:
        assert await ask(server, "SELECT 1") == 1


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child that its parent died")
async def test_it_ends_with_a_parent_that_is_killed(folder: Path) -> None:
    async with Program("-c", PARENT, folder) as parent:
        processes = descendants(int(await parent.line()))
        await parent.kill()
        await eventually(lambda: all(has_ended(pid) for pid in processes))
    async with EmbeddedPostgres(folder, ephemeral=True) as server:
        assert await ask(server, "SELECT 1") == 1
