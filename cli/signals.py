"""SIGINT and SIGTERM end long work in order."""

from __future__ import annotations

import signal
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    import asyncio

T = TypeVar("T")

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Interrupted(Exception):
    """SIGINT or SIGTERM came. What was done until then is kept."""


@asynccontextmanager
async def stop_signal() -> AsyncIterator[asyncio.Event]:
    """Yields an event that SIGINT and SIGTERM set during the block."""
    import asyncio

    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in STOP_SIGNALS:
        loop.add_signal_handler(number, stop.set)
    try:
        yield stop
    finally:
        for number in STOP_SIGNALS:
            loop.remove_signal_handler(number)


async def until_stopped(stop: asyncio.Event, work: Coroutine[Any, Any, T] | asyncio.Future[T]) -> T:
    """Returns the result of the work. Once `stop` is set, cancels the work and raises Interrupted."""
    import asyncio

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
