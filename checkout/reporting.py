"""A process lets the others know how it is."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace

import structlog

from adapters.release import release
from domain.operating.status import Process, Report, WorkerStates

EVERY_SECONDS = 2.0
FAREWELL_SECONDS = 1.0
KEPT_SECONDS = 24 * 3600.0
CLEARED_EVERY_SECONDS = 600.0

Reports = Callable[[], Awaitable[Sequence[Report]]]

_log = structlog.get_logger("checkout.reporting")


def this_process(instance: str) -> Process:
    """This process, by the UUID that it gave itself."""
    return Process(instance, socket.gethostname(), os.getpid(), release())


@asynccontextmanager
async def reporting(
    states: WorkerStates, process: Process, reports: Reports, every: float = EVERY_SECONDS
) -> AsyncIterator[None]:
    """Reports for the block, and at its end that the process stopped. Whatever happens to a report, the block
    is not disturbed: it is said again with the next one."""
    task = asyncio.create_task(_keep_reporting(states, process, reports, every), name="reporting")
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        with contextlib.suppress(Exception):
            async with asyncio.timeout(FAREWELL_SECONDS):
                await states.report(process, [_farewell(report) for report in await reports()])


async def _keep_reporting(states: WorkerStates, process: Process, reports: Reports, every: float) -> None:
    loop = asyncio.get_running_loop()
    clear_away_at = loop.time()
    heard = True
    while True:
        try:
            await states.report(process, await reports())
            if loop.time() >= clear_away_at:
                clear_away_at = loop.time() + CLEARED_EVERY_SECONDS
                await states.clear_away(KEPT_SECONDS)
            heard = True
        except Exception as error:  # noqa: BLE001  (whatever it was, the work goes on)
            # Once an absence: whoever needs PostgreSQL says more.
            if heard:
                _log.warning("others do not hear how this process is", why=f"{type(error).__name__}: {error}")
            heard = False
        await asyncio.sleep(every)


def _farewell(report: Report) -> Report:
    return replace(report, condition="stopped", condition_seconds=0.0, holds_role=False, rate=None)
