"""`checkout up`: everything on this machine, as one command that leaves nothing behind.

Starts PostgreSQL and a broker where no setting names one, migrates, makes the topics, and keeps two child
processes running: the API, and all workers. Children die with this process, however it ends. They log into
files, never onto this terminal: there they would bury what the supervisor says, and with `--json` a reader
waits for one line. When a child keeps ending by itself, the end of its log is shown on stderr.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Coroutine, Iterator
from contextlib import AsyncExitStack, ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from adapters.embedded.processes import (
    ChildProcess,
    EmbeddedServerUnavailable,
    ServerFailed,
    accepts_connections,
)
from adapters.postgres.roles import Role
from adapters.service_file import (
    SERVICE_FILE,
    FolderInUse,
    RunningService,
    last_service,
    lock_folder,
)
from adapters.settings import Settings
from api.console import console_available
from cli.output import echo_error
from cli.ports import port_holder
from cli.up.embedded_services import EmbeddedServices, reusable_port
from cli.up.startup_banner import print_startup_banner
from cli.up.supervisor import keep_alive, until_ready
from domain.shared.errors import CheckoutError

READY_LIMIT = 60.0
CHILD_STOP_LIMIT = 6.0
"""With the 3 s that the embedded parts get afterwards, all is stopped within 10 s."""

_STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@dataclass(frozen=True, slots=True)
class UpOptions:
    """`given` are the settings of the environment. `port` 0 takes a free one. `data` None: a temporary folder, removed at the end. `json`: one JSON line on
    stdout once all is ready, instead of lines for people."""

    given: Settings
    port: int = 8080
    data: Path | None = Path(".checkout")
    json: bool = False


async def run_up(options: UpOptions) -> int:
    """Runs until SIGINT, SIGTERM or SIGHUP. The exit code: 0 after such a stop; 1 where something could not be
    started or kept running, with the reason on stderr."""
    running = asyncio.ensure_future(_run(options))
    _cancel_on_signal(running)
    try:
        await running
    except asyncio.CancelledError:
        pass
    except (EmbeddedServerUnavailable, ServerFailed, CheckoutError) as error:
        _say(str(error))
        return 1
    return 0


async def _run(options: UpOptions) -> None:
    if options.port and accepts_connections(options.port):
        holder = port_holder(options.port)
        raise ServerFailed(
            f"port {options.port} of 127.0.0.1 is in use{holder}; --port names another, 0 takes a free one"
        )
    with _folder(options.data) as folder:
        # Ports are kept between starts, so that what people copied still works.
        last = last_service(folder)
        had = last.ports if last is not None else {}
        (folder / SERVICE_FILE).unlink(missing_ok=True)
        port = options.port or reusable_port(had.get("api"))
        health_port, metrics_port = reusable_port(had.get("health")), reusable_port(had.get("metrics"))
        parts = EmbeddedServices(folder, options.given, ephemeral=options.data is None, ports=had)
        ports = {**parts.ports, "api": port, "health": health_port, "metrics": metrics_port}
        environment = {
            "CHECKOUT_PORT": str(port),
            "CHECKOUT_HEALTH_PORT": str(health_port),
            "CHECKOUT_METRICS_PORT": str(metrics_port),
            "CHECKOUT_CONSOLE": str(console_enabled(parts.settings)).lower(),
            "CHECKOUT_DATA": str(folder),
        }

        def child(name: str, log: str, role: Role, *arguments: str) -> ChildProcess:
            command = [sys.executable, "-m", "cli", *arguments]
            told = {**parts.environment_of(role), **environment}
            return ChildProcess(name, command, parts.log(log), environment=told)

        api = child("the API", "api", "api", "serve")
        workers = child("the worker process", "workers", "worker", "work", "all")

        async def tell() -> None:
            await _together(until_ready(port, READY_LIMIT), until_ready(health_port, READY_LIMIT))
            service = RunningService(
                pid=os.getpid(),
                started=datetime.now(UTC).isoformat(timespec="seconds"),
                url=f"http://127.0.0.1:{port}",
                settings=parts.identity,
                ports=ports,
            )
            service.write(folder)
            print_startup_banner(
                service,
                folder,
                parts.settings,
                metrics=[f"http://127.0.0.1:{each}/metrics" for each in (metrics_port, health_port)],
                console=console_enabled(parts.settings),
                logs=parts.logs,
                as_json=options.json,
            )

        async with AsyncExitStack() as stack:
            stack.push_async_callback(parts.stop)
            await _together(parts.start_database(), parts.start_broker())
            stack.push_async_callback(_stop_all, api, workers)
            await _together(
                keep_alive(api, _say), keep_alive(workers, _say), parts.watch(workers, _say), tell()
            )


def console_enabled(settings: Settings) -> bool:
    """What the settings say, and else whether it can be had."""
    return settings.console if "console" in settings.model_fields_set else console_available()


async def _stop_all(*children: ChildProcess) -> None:
    await _together(*(child.stop(CHILD_STOP_LIMIT) for child in children))


async def _together(*work: Coroutine[Any, Any, None]) -> None:
    """Does all at the same time. The first failure ends the rest and is raised as it is."""
    try:
        async with asyncio.TaskGroup() as group:
            for each in work:
                group.create_task(each)
    except BaseExceptionGroup as failures:
        raise failures.exceptions[0] from None


def _cancel_on_signal(running: asyncio.Future[None]) -> None:
    """The first signal stops everything in order; later ones must not disturb that."""
    loop = asyncio.get_running_loop()
    # Who started us with nohup wants us to outlive the terminal.
    heeded = [number for number in _STOP_SIGNALS if signal.getsignal(number) is not signal.SIG_IGN]

    def stop() -> None:
        for number in heeded:
            loop.add_signal_handler(number, lambda: None)
        running.cancel()

    for number in heeded:
        loop.add_signal_handler(number, stop)


@contextmanager
def _folder(data: Path | None) -> Iterator[Path]:
    """The folder of the embedded parts, for this run alone; without one a temporary folder, removed at the end.
    Raises ServerFailed where another run uses it."""
    if data is not None:
        with _locked(data):
            yield data.resolve()
        return
    temporary = Path(tempfile.mkdtemp(prefix="checkout-up-"))
    try:
        with _locked(temporary):
            yield temporary
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    with ExitStack() as stack:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            stack.enter_context(lock_folder(folder))
        except FolderInUse:
            raise ServerFailed(f"another `checkout up` uses {folder}; --data names another folder") from None
        except OSError as error:
            raise ServerFailed(
                f"the folder {folder} cannot be used: {error.strerror}; --data names another"
            ) from error
        yield


def _say(words: str) -> None:
    echo_error(words, who="checkout up")
