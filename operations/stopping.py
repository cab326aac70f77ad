"""Long work that people may interrupt."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

EXIT_CODE_OF_AN_INTERRUPTION = 130


@asynccontextmanager
async def stopped() -> AsyncIterator[asyncio.Event]:
    """Is set by SIGINT and SIGTERM during the block."""
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    try:
        yield stop
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)
