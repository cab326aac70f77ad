"""Looks at the status, once or again and again."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, replace

from adapters.settings import Settings
from adapters.wiring import open_parts
from domain.errors import Unavailable
from domain.operating.standing import Statuses
from domain.operating.status import Status
from operations.output import Output, Picture, complain, json_line, screen
from operations.status.screen import show, show_unknown

WELL = 0
NOT_WELL = 1


@dataclass(frozen=True, slots=True)
class Look:
    """What is wanted. `every` is in seconds; `max_lag_seconds` None: what the settings say."""

    watch: bool = False
    every: float = 1.0
    max_lag_seconds: float | None = None
    all_processes: bool = False
    wide: bool = False
    json: bool = False


async def once(settings: Settings, look: Look) -> int:
    """The exit code of one look. Raises CheckoutError where nothing is known."""
    async with _statuses(settings) as statuses:
        status = await _now(statuses, look)
    if look.json:
        json_line(status)
    else:
        show(status, Output(wide=look.wide), all_processes=look.all_processes)
    return WELL if status.well else NOT_WELL


async def watching(settings: Settings, look: Look) -> int:
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
def _shown(look: Look) -> Iterator[Callable[[Status | Unavailable], None]]:
    """Shows one look after the other: as lines for programs and in a pipe, else each in the place of the last."""

    def as_line(seen: Status | Unavailable) -> None:
        if isinstance(seen, Unavailable):
            complain(seen)
        elif look.json:
            json_line(seen)
        else:
            show(seen, Output(), all_processes=look.all_processes, watched=True)

    if look.json or not Output().terminal:
        yield as_line
        return
    with screen() as redraw:

        def draw(seen: Status | Unavailable) -> None:
            picture = Picture(wide=look.wide)
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


async def _now(statuses: Statuses, look: Look) -> Status:
    expected = statuses.expectations
    if look.max_lag_seconds is not None:
        limits = replace(expected.limits, seconds=look.max_lag_seconds, regular_waits={})
        expected = replace(expected, limits=limits)
    return await statuses.now(expected)


@asynccontextmanager
async def _statuses(settings: Settings) -> AsyncIterator[Statuses]:
    """Raises NotConfigured."""
    async with open_parts(settings) as parts:
        yield parts.statuses
