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
from domain.operators.status.model import ServiceProcess, WorkerReport, WorkerStatusStore

REPORT_SECONDS = 2.0
FAREWELL_SECONDS = 1.0
RETENTION_SECONDS = 24 * 3600.0
CLEANUP_SECONDS = 600.0

CollectReports = Callable[[], Awaitable[Sequence[WorkerReport]]]

_log = structlog.get_logger("cli.heartbeat_reporter")


def this_process(instance: str) -> ServiceProcess:
    """This process, by the UUID that it gave itself."""
    return ServiceProcess(instance, socket.gethostname(), os.getpid(), release())


@asynccontextmanager
async def report_heartbeats(
    states: WorkerStatusStore, process: ServiceProcess, reports: CollectReports, every: float = REPORT_SECONDS
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


async def _keep_reporting(
    states: WorkerStatusStore, process: ServiceProcess, reports: CollectReports, every: float
) -> None:
    loop = asyncio.get_running_loop()
    clear_away_at = loop.time()
    heard = True
    while True:
        try:
            await states.report(process, await reports())
            if loop.time() >= clear_away_at:
                clear_away_at = loop.time() + CLEANUP_SECONDS
                await states.clear_away(RETENTION_SECONDS)
            heard = True
        except Exception as error:  # noqa: BLE001  (whatever it was, the work goes on)
            # Once an absence: whoever needs PostgreSQL says more.
            if heard:
                _log.warning("others do not hear how this process is", why=f"{type(error).__name__}: {error}")
            heard = False
        await asyncio.sleep(every)


def _farewell(report: WorkerReport) -> WorkerReport:
    return replace(report, condition="stopped", condition_seconds=0.0, holds_role=False, rate=None)
