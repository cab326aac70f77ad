"""Looks at the status, once or again and again."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

import typer
from rich.console import Console
from rich.live import Live

from adapters.settings import Settings
from adapters.wiring import open_parts
from domain.errors import Unavailable
from domain.operating.standing import Statuses
from domain.operating.status import Status
from operations.status.screen import picture, unknown

WELL = 0
NOT_WELL = 1


@dataclass(frozen=True, slots=True)
class Look:
    """What is wanted. `every` is in seconds; `max_lag_seconds` None: nothing waits too long."""

    watch: bool = False
    every: float = 1.0
    max_lag_seconds: float | None = None
    all_processes: bool = False
    json: bool = False


async def once(settings: Settings, look: Look) -> int:
    """The exit code of one look. Raises CheckoutError where nothing is known."""
    async with _statuses(settings) as statuses:
        status = await _now(statuses, look)
    if look.json:
        typer.echo(status.model_dump_json())
    else:
        Console(highlight=False).print(picture(status, all_processes=look.all_processes))
    return WELL if status.well else NOT_WELL


async def watching(settings: Settings, look: Look) -> int:
    """The exit code of looking again and again. Ends by a signal. An absence of PostgreSQL is shown, and does not end it."""
    ended = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    console = Console(highlight=False)
    async with _statuses(settings) as statuses:
        with Live(console=console, screen=console.is_terminal, auto_refresh=False) as live:
            while not ended.is_set():
                try:
                    status = await _now(statuses, look)
                except Unavailable as error:
                    if look.json:
                        typer.echo(f"checkout: {error}", err=True)
                    else:
                        live.update(unknown(str(error)), refresh=True)
                else:
                    if look.json:
                        typer.echo(status.model_dump_json())
                    else:
                        live.update(
                            picture(status, all_processes=look.all_processes, watched=True), refresh=True
                        )
                await _wait(ended, look.every)
    return WELL


async def _wait(ended: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await ended.wait()
    except TimeoutError:
        pass


async def _now(statuses: Statuses, look: Look) -> Status:
    return await statuses.now(replace(statuses.expectations, max_lag_seconds=look.max_lag_seconds))


@asynccontextmanager
async def _statuses(settings: Settings) -> AsyncIterator[Statuses]:
    """Raises NotConfigured."""
    async with open_parts(settings) as parts:
        yield parts.statuses
