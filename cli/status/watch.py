"""Looks at the status, once or again and again."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, replace

from adapters.container import open_container
from adapters.settings import Settings
from cli.output import (
    BufferedOutput,
    Output,
    echo_error,
    echo_json,
    full_screen,
)
from cli.status.screen import show, show_unknown
from domain.operators.status.model import ServiceStatus
from domain.operators.status.service_status import StatusService
from domain.shared.errors import Unavailable

WELL = 0
NOT_WELL = 1


@dataclass(frozen=True, slots=True)
class WatchOptions:
    """What is wanted. `every` is in seconds; `max_lag_seconds` None: what the settings say."""

    watch: bool = False
    every: float = 1.0
    max_lag_seconds: float | None = None
    all_processes: bool = False
    wide: bool = False
    json: bool = False


async def show_once(settings: Settings, look: WatchOptions) -> int:
    """The exit code of one look. Raises CheckoutError where nothing is known."""
    async with _statuses(settings) as statuses:
        status = await _now(statuses, look)
    if look.json:
        echo_json(status)
    else:
        show(status, Output(wide=look.wide), all_processes=look.all_processes)
    return WELL if status.well else NOT_WELL


async def watch(settings: Settings, look: WatchOptions) -> int:
    """The exit code of looking again and again. Ends by a signal. An absence of PostgreSQL is shown, and does not end it."""
    ended = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    async with _statuses(settings) as statuses:
        with _shown(look) as shows:
            while not ended.is_set():
                try:
                    shows(await _now(statuses, look))
                except Unavailable as error:
                    shows(error)
                await _wait(ended, look.every)
    return WELL


@contextmanager
def _shown(look: WatchOptions) -> Iterator[Callable[[ServiceStatus | Unavailable], None]]:
    """Shows one look after the other: as lines for programs and in a pipe, else each in the place of the last."""

    def as_line(seen: ServiceStatus | Unavailable) -> None:
        if isinstance(seen, Unavailable):
            echo_error(seen)
        elif look.json:
            echo_json(seen)
        else:
            show(seen, Output(), all_processes=look.all_processes, watched=True)

    if look.json or not Output().terminal:
        yield as_line
        return
    with full_screen() as redraw:

        def draw(seen: ServiceStatus | Unavailable) -> None:
            picture = BufferedOutput(wide=look.wide)
            if isinstance(seen, Unavailable):
                show_unknown(str(seen), picture)
            else:
                show(seen, picture, all_processes=look.all_processes, watched=True)
            redraw(picture)

        yield draw


async def _wait(ended: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await ended.wait()
    except TimeoutError:
        pass


async def _now(statuses: StatusService, look: WatchOptions) -> ServiceStatus:
    expected = statuses.policy
    if look.max_lag_seconds is not None:
        limits = replace(expected.limits, seconds=look.max_lag_seconds, regular_waits={})
        expected = replace(expected, limits=limits)
    return await statuses.now(expected)


@asynccontextmanager
async def _statuses(settings: Settings) -> AsyncIterator[StatusService]:
    """Raises MissingSetting."""
    async with open_container(settings) as parts:
        yield parts.statuses
