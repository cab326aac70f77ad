"""Runs `checkout up`: PostgreSQL and a broker where no setting names one, the API, and all workers.

The API and the workers are child processes. They die with this process, however it ends. They log into files: on
this terminal their logs would bury the supervisor's messages, and a reader of `--json` waits for one line.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator
from contextlib import AsyncExitStack, ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path

from adapters.embedded.processes import ChildProcess, EmbeddedServerUnavailable, ServerFailed, accepts_connections
from adapters.postgres.roles import Role
from adapters.service_file import SERVICE_FILE, FolderInUse, RunningService, last_service, lock_folder
from adapters.settings import Settings
from api.console import console_available
from cli.output import echo_error
from cli.ports import port_holder
from cli.runner import DONE, NOT_DONE
from cli.supervisor import keep_alive, together, until_ready
from cli.up.embedded_services import EmbeddedServices, reusable_port
from cli.up.startup_banner import print_startup_banner
from domain.shared.errors import CheckoutError

READY_LIMIT = 60.0
CHILD_STOP_LIMIT = 6.0
"""Together with the 3 s of the embedded services, everything is stopped within 10 s."""

_PORT_SETTINGS = {"PORT": "api", "HEALTH_PORT": "health", "METRICS_PORT": "metrics"}
_STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


async def run_up(settings: Settings, *, port: int, data: Path | None, as_json: bool) -> int:
    """Runs until SIGINT, SIGTERM or SIGHUP and returns the exit code. Prints on stderr what failed.

    `port` 0 takes a free one. `data` None means a temporary folder. `as_json` prints one line once all is ready.
    """
    running = asyncio.ensure_future(_run(settings, port, data, as_json=as_json))
    _cancel_on_signal(running)
    try:
        await running
    except asyncio.CancelledError:
        return DONE
    except (EmbeddedServerUnavailable, ServerFailed, CheckoutError) as error:
        _report(str(error))
        return NOT_DONE
    return DONE


async def _run(settings: Settings, wanted_port: int, data: Path | None, *, as_json: bool) -> None:
    if wanted_port and accepts_connections(wanted_port):
        holder = port_holder(wanted_port)
        raise ServerFailed(
            f"port {wanted_port} of 127.0.0.1 is in use{holder}; --port names another, 0 takes a free one"
        )
    with _locked_folder(data) as folder:
        # Ports stay the same between starts, so that copied commands still work.
        last = last_service(folder)
        last_ports = last.ports if last is not None else {}
        (folder / SERVICE_FILE).unlink(missing_ok=True)
        ports = {"api": wanted_port or reusable_port(last_ports.get("api"))}
        ports |= {name: reusable_port(last_ports.get(name)) for name in ("health", "metrics")}
        services = EmbeddedServices(folder, settings, ephemeral=data is None, ports=last_ports)
        console = _console_enabled(services.settings)
        environment = {
            **{f"CHECKOUT_{name}": str(ports[key]) for name, key in _PORT_SETTINGS.items()},
            "CHECKOUT_CONSOLE": str(console).lower(),
            "CHECKOUT_WORKERS": "1",
            "CHECKOUT_DATA": str(folder),
        }

        def child(name: str, log: str, role: Role, *arguments: str) -> ChildProcess:
            variables = {**services.environment_of(role), **environment}
            command = [sys.executable, "-m", "cli", *arguments]
            return ChildProcess(name, command, services.log(log), environment=variables)

        api = child("the API", "api", "api", "serve")
        workers = child("the worker process", "workers", "worker", "work", "all")

        async def announce() -> None:
            await together(until_ready(ports["api"], READY_LIMIT), until_ready(ports["health"], READY_LIMIT))
            service = RunningService(
                pid=os.getpid(),
                started=datetime.now(UTC).isoformat(timespec="seconds"),
                url=f"http://127.0.0.1:{ports['api']}",
                settings=services.identity,
                ports={**services.ports, **ports},
            )
            service.write(folder)
            print_startup_banner(
                service, folder, services.settings, console=console, logs=services.logs, as_json=as_json
            )

        async with AsyncExitStack() as stack:
            stack.push_async_callback(services.stop)
            await together(services.start_database(), services.start_broker())
            stack.push_async_callback(_stop_all, api, workers)
            await together(
                keep_alive(api, _report),
                keep_alive(workers, _report),
                services.watch(workers, _report),
                announce(),
            )


def _console_enabled(settings: Settings) -> bool:
    """By the settings; where they say nothing, whether the console is installed."""
    return settings.console if "console" in settings.model_fields_set else console_available()


async def _stop_all(*children: ChildProcess) -> None:
    await together(*(child.stop(CHILD_STOP_LIMIT) for child in children))


def _cancel_on_signal(running: asyncio.Future[None]) -> None:
    """The first signal stops everything in order. Later ones do not disturb that."""
    loop = asyncio.get_running_loop()
    # A caller that uses nohup wants this process to outlive the terminal.
    heeded = [number for number in _STOP_SIGNALS if signal.getsignal(number) is not signal.SIG_IGN]

    def stop() -> None:
        for number in heeded:
            loop.add_signal_handler(number, lambda: None)
        running.cancel()

    for number in heeded:
        loop.add_signal_handler(number, stop)


@contextmanager
def _locked_folder(data: Path | None) -> Iterator[Path]:
    """The data folder, for this run alone. None: a temporary folder, removed at the end. Raises ServerFailed."""
    folder = data if data is not None else Path(tempfile.mkdtemp(prefix="checkout-up-"))
    with ExitStack() as stack:
        if data is None:
            stack.callback(shutil.rmtree, folder, ignore_errors=True)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            stack.enter_context(lock_folder(folder))
        except FolderInUse:
            raise ServerFailed(f"another `checkout up` uses {folder}; --data names another folder") from None
        except OSError as error:
            raise ServerFailed(f"the folder {folder} cannot be used: {error.strerror}; --data names another") from error
        yield folder.resolve()


def _report(message: str) -> None:
    echo_error(message, who="checkout up")
