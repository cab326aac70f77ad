"""The options of `checkout serve` and `checkout work`: processes that run until a signal ends them."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from enum import StrEnum
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from adapters.settings import Settings


class WorkerName(StrEnum):
    publisher = "publisher"
    projector = "projector"
    catalogue = "catalogue"
    commands = "commands"
    expiry = "expiry"
    archiver = "archiver"
    revalidator = "revalidator"
    sampler = "sampler"
    watcher = "watcher"
    all = "all"


def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(min=0, max=65535, help="0 takes a free one.")] = None,
    console: Annotated[
        bool | None, typer.Option("--console/--no-console", help="Serve the operators' console, or not.")
    ] = None,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Processes that share the port, without a console.")
    ] = None,
    listening_socket: Annotated[
        int | None, typer.Option(hidden=True, help="The file descriptor of a socket that listens already.")
    ] = None,
) -> None:
    """Serves the partner API, the operator API at /operations and, on request, the console at /console."""
    from cli.api_workers import run_api_processes

    process = partial(run_api_processes, listening_socket=listening_socket)
    _run(process, host=host, port=port, console=console, workers=workers)


def work(
    part: Annotated[
        WorkerName,
        typer.Argument(
            help="Which worker; `all` runs all in this process (the archiver, the revalidator, the sampler and the watcher only if settings enable them)."
        ),
    ],
    health_port: Annotated[int | None, typer.Option(min=0, max=65535, help="0 takes a free one.")] = None,
) -> None:
    """Runs a worker, with /health/live and /health/ready on its health port."""
    from cli.work import run_workers

    _run(partial(run_workers, name=part.value), health_port=health_port)


def _run(process: Callable[[Settings], Coroutine[Any, Any, None]], **options: str | int | None) -> None:
    """Runs the process on the fastest event loop, with logs. Options that are not None replace settings."""
    import sys

    import structlog

    from adapters.logs import configure_logging
    from adapters.settings_reader import read_settings, unknown_settings

    settings = read_settings({name: value for name, value in options.items() if value is not None})
    configure_logging(settings.log_level)
    for warning in unknown_settings():
        structlog.get_logger("checkout.settings").warning(warning)
    if sys.platform == "win32":
        import asyncio

        asyncio.run(process(settings))
    else:
        import uvloop

        uvloop.run(process(settings))
