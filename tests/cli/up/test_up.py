"""`checkout up` starts everything, reports it in one line, and leaves nothing behind, however it ends."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import asyncpg
import httpx
import psutil
import pytest

from adapters.embedded.postgres import EmbeddedPostgres
from adapters.postgres.migrator import migrate
from adapters.postgres.roles import ROLES
from adapters.settings import Settings
from tests.servers.checkout_command import CommandResult, run_checkout
from tests.servers.postgres import postgres_folder
from tests.servers.processes import Program, descendants, has_ended
from tests.servers.waiting import eventually

START_LIMIT = 240.0
"""Seconds; generous, since the machine may be busy."""


@pytest.fixture
def folder() -> Iterator[Path]:
    with postgres_folder() as path:
        path.mkdir()
        yield path


def up(folder: Path, *arguments: str | Path) -> Program:
    """`checkout up` without settings of servers, and with visible temporary folders."""
    nothing_named = {f"CHECKOUT_{name.upper()}": None for name in Settings.model_fields}
    return Program(
        *("-m", "cli", "up", "--json", "--port", "0", *arguments),
        environment={
            **nothing_named,
            "CHECKOUT_LOCAL_ISSUER_KEY_FILE": str(folder / "issuer-key.pem"),
            "TMPDIR": str(folder),
        },
    )


async def ready(program: Program) -> dict[str, Any]:
    line = await program.line(START_LIMIT)
    assert line, await program.errors()
    told: dict[str, Any] = json.loads(line)
    return told


async def ask(url: str, statement: str) -> object:
    connection = await asyncpg.connect(url, timeout=10)
    try:
        return await connection.fetchval(statement)
    finally:
        await connection.close()


def superuser(url: str) -> str:
    """The embedded database as its superuser."""
    return urlsplit(url)._replace(netloc=f"postgres@{urlsplit(url).netloc.rpartition('@')[2]}").geturl()


def temporary_folders(folder: Path) -> list[Path]:
    """The folders of runs with `--ephemeral`."""
    return list(folder.glob("checkout-up-*"))


def worker_processes(supervisor: int) -> list[int]:
    """The running processes of `work all`."""
    return [
        pid
        for pid in descendants(supervisor)
        if not has_ended(pid) and psutil.Process(pid).cmdline()[-2:] == ["work", "all"]
    ]


async def test_up_prints_all_addresses_in_one_line_and_stops_completely(folder: Path) -> None:
    async with up(folder, "--ephemeral") as program:
        told = await ready(program)
        assert told.keys() == {
            *("ready", "url", "console", "metrics", "database_url", "kafka", "issuer", "audience"),
            *("data_key_file", "data", "environment"),
        }
        assert Path(told["data_key_file"]).name == "data-key"
        assert told["ready"] is True
        async with httpx.AsyncClient(base_url=told["url"]) as client:
            assert (await client.get("/health/ready")).status_code == 200
            for page in told["metrics"]:
                assert "checkout_status_known 1" in (await client.get(page)).text
        assert await ask(told["database_url"], "SELECT count(*) FROM alembic_version") == 1
        processes = descendants(program.pid)
        assert await program.stop() == 0
        assert await program.line() == "", "nothing more is told on stdout"
    assert [pid for pid in processes if not has_ended(pid)] == []
    assert temporary_folders(folder) == []


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child that its parent died")
async def test_all_child_processes_end_when_up_is_killed(folder: Path) -> None:
    async with up(folder, "--ephemeral") as program:
        await ready(program)
        assert len(temporary_folders(folder)) == 1
        processes = descendants(program.pid)
        assert len(processes) > 4
        await program.kill()
        await eventually(lambda: all(has_ended(pid) for pid in processes))


async def test_a_worker_process_that_ends_is_started_again(folder: Path) -> None:
    async with up(folder, "--ephemeral") as program:
        await ready(program)
        (first,) = worker_processes(program.pid)
        os.kill(first, signal.SIGKILL)
        await eventually(lambda: has_ended(first))
        (second,) = await eventually(lambda: worker_processes(program.pid))
        assert second != first
        assert await program.stop(signal.SIGINT) == 0


async def test_a_named_folder_keeps_the_database_between_runs(folder: Path) -> None:
    data = folder / "kept"
    async with up(folder, "--data", data) as program:
        url = superuser((await ready(program))["database_url"])
        await ask(url, "CREATE TABLE kept AS SELECT 7 AS number")
        assert await program.stop() == 0
    async with up(folder, "--data", data) as program:
        assert await ask(superuser((await ready(program))["database_url"]), "SELECT number FROM kept") == 7
        assert await program.stop() == 0
    assert (data / "logs" / "api.log").exists()
    assert (data / "logs" / "api.log.1").exists()


WHO_IS_SIGNED_IN = """
SELECT array_agg(DISTINCT usename::text ORDER BY usename::text) FROM pg_stat_activity
 WHERE datname = current_database() AND pid <> pg_backend_pid()
"""
OWNER_OF_EVENTS = "SELECT relowner::regrole::text FROM pg_class WHERE oid = 'events'::regclass"


async def test_no_process_is_signed_in_as_a_superuser(folder: Path) -> None:
    async with up(folder, "--ephemeral") as program:
        url = (await ready(program))["database_url"]
        assert urlsplit(url).username == "checkout_operator"
        users = await ask(superuser(url), WHO_IS_SIGNED_IN)
        assert isinstance(users, list)
        assert {"checkout_api", "checkout_worker"} <= set(users) <= {f"checkout_{role}" for role in ROLES}


async def test_a_folder_of_a_release_without_roles_starts_and_gets_the_owner_role(folder: Path) -> None:
    data = folder / "earlier"
    async with EmbeddedPostgres(data / "postgres", ephemeral=True, database="checkout") as server:
        await migrate(server.url)
        assert await ask(server.url, OWNER_OF_EVENTS) == "postgres"
    async with up(folder, "--data", data) as program:
        told = await ready(program)
        assert await ask(told["database_url"], OWNER_OF_EVENTS) == "checkout_owner"
        async with httpx.AsyncClient(base_url=told["url"]) as client:
            assert (await client.get("/health/ready")).status_code == 200


async def test_commands_find_the_service_of_their_folder_and_report_a_stopped_one(folder: Path) -> None:
    data = folder / ".checkout"

    async def says(*arguments: str | Path, where: Path = folder, **given: str) -> CommandResult:
        key = {"CHECKOUT_LOCAL_ISSUER_KEY_FILE": str(folder / "issuer-key.pem")}
        return await asyncio.to_thread(run_checkout, where, *arguments, given={**key, **given})

    async with up(folder, "--data", data) as program:
        told = await ready(program)
        assert (data / "service.json").stat().st_mode & 0o777 == 0o600
        assert "publisher" in (await says("status")).out
        elsewhere = Path("/")
        for found in (
            await says("find"),
            await says("--data", data, "find", where=elsewhere),
            await says("find", where=elsewhere, CHECKOUT_DATA=str(data)),
        ):
            assert (found.code, found.err) == (1, "checkout: no basket found\n")
        token = (await says("token", "--scope", "operator")).out.strip()
        async with httpx.AsyncClient(headers={"Authorization": f"Bearer {token}"}) as client:
            assert (await client.get(f"{told['url']}/operations/baskets")).status_code == 200
        assert json.loads((await says("env", "--json")).out) == {"CHECKOUT_URL": told["url"], **told["environment"]}
        assert f"export CHECKOUT_DATABASE_URL={told['database_url']}" in (await says("env")).out

        # Whoever names another database or broker means another service, and nothing of this one.
        other = await says("find", CHECKOUT_DATABASE_URL="postgresql://127.0.0.1:1/other")
        assert "nothing listens where PostgreSQL at 127.0.0.1:1" in other.err
        other = await says("find", CHECKOUT_KAFKA_BOOTSTRAP_SERVERS="127.0.0.1:1")
        assert "CHECKOUT_DATABASE_URL names no database" in other.err
        assert (await says("find", CHECKOUT_DATABASE_URL=told["database_url"])).err.endswith("no basket found\n")
        await program.kill()
    for gone_since in (await says("find"), await says("status"), await says("env")):
        assert "is not running: start it with `checkout up`" in gone_since.err


async def test_a_new_start_takes_the_free_ports_of_the_last_one(folder: Path) -> None:
    data = folder / "kept"
    async with up(folder, "--data", data) as program:
        first = await ready(program)
        assert await program.stop() == 0
    async with up(folder, "--data", data) as program:
        second = await ready(program)
        assert await program.stop() == 0
    for what in ("url", "metrics", "database_url", "kafka"):
        assert second[what] == first[what]
    with socket.create_server(("127.0.0.1", int(first["kafka"].rpartition(":")[2]))):
        async with up(folder, "--data", data) as program:
            third = await ready(program)
            assert await program.stop() == 0
    assert third["kafka"] != first["kafka"]
    assert third["database_url"] == first["database_url"]


async def test_a_second_run_in_the_same_folder_is_refused(folder: Path) -> None:
    data = folder / "kept"
    async with up(folder, "--data", data) as first:
        told = await ready(first)
        async with up(folder, "--data", data) as second:
            assert await second.end() == 1
            assert f"another `checkout up` uses {data}" in await second.errors()
        async with httpx.AsyncClient(base_url=told["url"]) as client:
            assert (await client.get("/health/ready")).status_code == 200


async def test_an_occupied_port_is_reported_before_anything_starts(folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        async with up(folder, "--ephemeral", "--port", str(port)) as program:
            assert await program.end() == 1
            assert f"port {port} of 127.0.0.1 is in use" in await program.errors()
