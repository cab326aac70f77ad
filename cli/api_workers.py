"""`checkout serve --workers N`: API processes that share one port.

They take connections from one queue of the kernel. So a connection that waits while one of them dies is taken by
another one, and busy ones take fewer.
"""

from __future__ import annotations

import signal
import socket
import sys

import structlog

from adapters.embedded.processes import ChildProcess, ServerFailed
from adapters.http.server import listen
from adapters.settings import InvalidSetting, Settings
from cli.ports import require_free_port
from cli.serve import run_api
from cli.signals import Interrupted, stop_signal, until_stopped
from cli.supervisor import keep_alive, together
from domain.shared.errors import CheckoutError

STOP_LIMIT = 15.0
"""Seconds. A process needs no more than 5 for running requests, and a few to close its connections."""

_log = structlog.get_logger("cli.api_workers")


class ApiWorkerFailed(CheckoutError):
    """One of the processes ends at every start, or ended at its first one."""


async def run_api_processes(settings: Settings, listening_socket: int | None = None) -> None:
    """Serves in this process, on its own port or on the file descriptor `listening_socket`; with several workers in
    as many others, which it keeps alive, until SIGTERM or SIGINT. Raises InvalidSetting, PortUnavailable and
    ApiWorkerFailed."""
    if listening_socket is not None:
        await run_api(settings, socket.socket(fileno=listening_socket))
    elif settings.workers == 1:
        await run_api(settings)
    else:
        await _run_workers(settings)


async def _run_workers(settings: Settings) -> None:
    if settings.console:
        raise InvalidSetting(
            "the console needs one process: leave CHECKOUT_WORKERS and --workers out, or take CHECKOUT_CONSOLE away "
            "here (--no-console) and run another `checkout serve --console` for operators"
        )
    require_free_port(settings.host, settings.port, "the API", "--port or CHECKOUT_PORT")
    metrics_ports = _metrics_ports(settings)
    with listen(settings.host, settings.port, "the API") as listening:
        port: int = listening.getsockname()[1]
        workers = [_worker(number, settings.host, port, listening, metrics_ports) for number in range(settings.workers)]
        async with stop_signal() as stop:
            try:
                await until_stopped(
                    stop, together(*(keep_alive(each, _log.warning, must_start=True) for each in workers))
                )
            except Interrupted:
                pass
            except ServerFailed as error:
                raise ApiWorkerFailed(str(error)) from error
            finally:
                await together(*(each.stop(STOP_LIMIT) for each in workers))


def _metrics_ports(settings: Settings) -> list[int]:
    """One for each process. Raises InvalidSetting and PortUnavailable."""
    first = settings.metrics_port
    if not first:
        return [] if first is None else [0] * settings.workers
    ports = list(range(first, first + settings.workers))
    if ports[-1] > 65535 or settings.port in ports:
        raise InvalidSetting(
            f"CHECKOUT_METRICS_PORT is {first}, and {settings.workers} processes need as many ports from there on, "
            f"none of which may be the API's port or above 65535"
        )
    for port in ports:
        require_free_port(settings.host, port, "metrics", "CHECKOUT_METRICS_PORT")
    return ports


def _worker(number: int, host: str, port: int, listening: socket.socket, metrics_ports: list[int]) -> ChildProcess:
    descriptor = listening.fileno()
    options = ("--host", host, "--port", str(port), "--no-console", "--listening-socket", str(descriptor))
    return ChildProcess(
        f"API process {number + 1}",
        [sys.executable, "-m", "cli", "serve", *options],
        log=None,
        environment={"CHECKOUT_METRICS_PORT": str(metrics_ports[number])} if metrics_ports else {},
        death_signal=signal.SIGTERM,
        inherited=[descriptor],
    )
