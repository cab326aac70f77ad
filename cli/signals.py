"""Long work that people may interrupt: SIGINT and SIGTERM end it in order."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any, TypeVar

T = TypeVar("T")

INTERRUPTED_EXIT_CODE = 130


class Interrupted(Exception):
    """SIGINT or SIGTERM came; what was done until then is kept by whoever did it."""


@asynccontextmanager
async def stop_signal() -> AsyncIterator[asyncio.Event]:
    """Is set by SIGINT and SIGTERM during the block."""
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    try:
        yield stop
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)


async def until_stopped(stop: asyncio.Event, work: Coroutine[Any, Any, T] | asyncio.Future[T]) -> T:
    """The result of the work. Where it is stopped first the work is cancelled, and Interrupted raised."""
    working = asyncio.ensure_future(work)
    stopping = asyncio.ensure_future(stop.wait())
    try:
        either: set[asyncio.Future[Any]] = {working, stopping}
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        if stop.is_set():
            raise Interrupted
        return working.result()
    finally:
        stopping.cancel()
        if not working.done():
            working.cancel()
            await asyncio.gather(working, return_exceptions=True)
