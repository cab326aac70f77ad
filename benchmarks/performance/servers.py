"""The servers that are measured, each a process of its own, all on one PostgreSQL."""

from __future__ import annotations

import asyncio
import shutil
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from adapters.auth.local_issuer import issue_token
from adapters.container import open_partner_container
from adapters.embedded.processes import (
    ChildProcess,
    EmbeddedServerUnavailable,
    accepts_connections,
    free_port,
    run_in_thread,
)
from adapters.encryption.keys import create_master_key_file
from adapters.promises.key_file import create_promise_key_file
from adapters.settings import Settings
from adapters.system import utc_now
from benchmarks.append_rate import fresh_database
from benchmarks.findings_cost import PARTNER, facts
from benchmarks.performance.operations import LINES
from benchmarks.processor_clock import ProcessorClock, postgresql_clock
from cli.supervisor import until_ready
from tests.contracts.catalogue import sourced
from tests.servers.node_packages import node_packages_folder

EMMETT_PACKAGES = {
    "@event-driven-io/emmett": "0.42.0",
    "@event-driven-io/emmett-postgresql": "0.42.0",
    "express": "5.3.0",
}
START_SECONDS = 90.0
_PEERS = Path(__file__).parent.parent / "peers"


@dataclass(frozen=True, slots=True)
class MeasuredServer:
    """A server that takes calls, and its processor's clock."""

    url: str
    clock: ProcessorClock


@dataclass(frozen=True, slots=True)
class MeasuredServers:
    """All servers by name, their PostgreSQL's clock, and why peers are missing."""

    token: str
    postgresql: ProcessorClock
    by_name: dict[str, MeasuredServer] = field(default_factory=dict)
    skipped: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ApiServers:
    """The API with several numbers of processes, by their number, and the database of each."""

    servers: MeasuredServers
    databases: Mapping[str, str]


@asynccontextmanager
async def running_servers(database_server: str | None, folder: Path) -> AsyncIterator[MeasuredServers]:
    """Starts the API as `checkout serve` with default settings (its log lines go to a file), keys for personal data and
    promises, and a catalogue; and all peers that this machine can run. Each has a database of its own."""
    async with AsyncExitStack() as stack:
        url = await stack.enter_async_context(fresh_database(database_server))
        # Peers do not share our migrated database, only its server.
        other = await stack.enter_async_context(fresh_database(url))
        token = _token(folder)
        servers = MeasuredServers(token, await postgresql_clock(url))
        python = (sys.executable, "-m")
        starts: dict[str, tuple[str, ...]] = {
            "hello": (*python, "benchmarks.peers", "hello", "PORT", other, token),
            "floor": (*python, "benchmarks.peers", "floor", "PORT", other, token),
            "stock library": (*python, "benchmarks.peers", "stock_library", "PORT", other, token),
        }
        try:
            starts["emmett"] = ("node", await run_in_thread(lambda: _emmett(folder)), "PORT", other)
        except EmbeddedServerUnavailable as error:
            servers.skipped["emmett"] = str(error)
        servers.by_name["api"] = await stack.enter_async_context(_running_api("api", 1, url, folder))
        for name, command in starts.items():
            port = free_port()
            given = tuple(str(port) if part == "PORT" else part for part in command)
            servers.by_name[name] = await stack.enter_async_context(_running(name, given, port, folder, {}))
        await asyncio.sleep(1)
        yield servers


@asynccontextmanager
async def running_apis(
    database_server: str | None, folder: Path, processes: Sequence[int]
) -> AsyncIterator[ApiServers]:
    """Starts the API once with each number of processes, all on one PostgreSQL, each with a database of its own."""
    async with AsyncExitStack() as stack:
        urls = [await stack.enter_async_context(fresh_database(database_server))]
        for _ in processes[1:]:
            urls.append(await stack.enter_async_context(fresh_database(urls[0])))
        servers = MeasuredServers(_token(folder), await postgresql_clock(urls[0]))
        databases = dict(zip(map(str, processes), urls, strict=True))
        for (name, url), count in zip(databases.items(), processes, strict=True):
            servers.by_name[name] = await stack.enter_async_context(_running_api(f"api-{name}", count, url, folder))
        yield ApiServers(servers, databases)


def _token(folder: Path) -> str:
    settings = Settings(_env_file=None, local_issuer_key_file=folder / "issuer.pem")
    return issue_token(settings, partner=PARTNER, scope="partner", ttl=timedelta(hours=12))


@asynccontextmanager
async def _running_api(name: str, processes: int, url: str, folder: Path) -> AsyncIterator[MeasuredServer]:
    """`checkout serve --workers`, with a catalogue. It takes calls once the block begins."""
    settings = api_settings(url, folder)
    environment = {f"CHECKOUT_{name.upper()}": str(getattr(settings, name)) for name in settings.model_fields_set}
    environment["CHECKOUT_DATABASE_URL"] = url  # a secret does not show itself
    async with open_partner_container(settings) as container:
        await container.catalogue.record(sourced(facts(LINES, 0)))
    port = free_port()
    command = (sys.executable, "-m", "cli", "serve", "--port", str(port), "--workers", str(processes))
    async with _running(name, command, port, folder, environment) as server:
        await until_ready(port, START_SECONDS)
        yield server


def api_settings(url: str, folder: Path) -> Settings:
    """The settings of the API that is measured, with keys for personal data and promises in the folder."""
    data_keys, promise_keys = folder / "data-keys", folder / "promise-keys"
    if not data_keys.exists():
        create_master_key_file(data_keys)
        create_promise_key_file(promise_keys, utc_now())
    return Settings(
        _env_file=None,
        database_url=url,
        local_issuer_key_file=folder / "issuer.pem",
        data_key_file=data_keys,
        promise_key_file=promise_keys,
    )


def _emmett(folder: Path) -> str:
    """The path of its server's script, beside the packages that it imports. Raises EmbeddedServerUnavailable."""
    packages = node_packages_folder(EMMETT_PACKAGES)
    script = folder / "emmett" / "server.mjs"
    script.parent.mkdir()
    shutil.copy(_PEERS / "emmett" / "server.mjs", script)
    (script.parent / "node_modules").symlink_to(packages / "node_modules")
    return str(script)


@asynccontextmanager
async def _running(
    name: str, command: tuple[str, ...], port: int, folder: Path, environment: Mapping[str, str]
) -> AsyncIterator[MeasuredServer]:
    process = ChildProcess(name, command, folder / f"{name.replace(' ', '-')}.log", environment=environment)
    process.start()
    try:
        await process.wait_until(lambda: accepts_connections(port), START_SECONDS)
        yield MeasuredServer(f"http://127.0.0.1:{port}", ProcessorClock(process.pid))
    finally:
        await process.stop()
