"""Reports the workers of this process to PostgreSQL."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace

import structlog

from adapters.system import release
from domain.operators.status.model import ServiceProcess, WorkerReport, WorkerStatusStore

REPORT_SECONDS = 2.0
FAREWELL_SECONDS = 1.0
RETENTION_SECONDS = 24 * 3600.0
CLEANUP_SECONDS = 600.0

CollectReports = Callable[[], Awaitable[Sequence[WorkerReport]]]

_log = structlog.get_logger("cli.heartbeat_reporter")


def this_process(instance: str) -> ServiceProcess:
    """This process; `instance` is the UUID that it gave itself."""
    return ServiceProcess(instance, socket.gethostname(), os.getpid(), release())


@asynccontextmanager
async def report_heartbeats(
    store: WorkerStatusStore, process: ServiceProcess, collect: CollectReports, every: float = REPORT_SECONDS
) -> AsyncIterator[None]:
    """Reports during the block, and at its end that the process stopped. A report that fails never disturbs the block:
    the next one replaces it."""
    task = asyncio.create_task(_keep_reporting(store, process, collect, every), name="reporting")
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        with contextlib.suppress(Exception):
            async with asyncio.timeout(FAREWELL_SECONDS):
                stopped = [
                    replace(report, condition="stopped", condition_seconds=0.0, holds_role=False, rate=None)
                    for report in await collect()
                ]
                await store.report(process, stopped)


async def _keep_reporting(
    store: WorkerStatusStore, process: ServiceProcess, collect: CollectReports, every: float
) -> None:
    loop = asyncio.get_running_loop()
    clear_away_at = loop.time()
    reported = True
    while True:
        try:
            await store.report(process, await collect())
            if loop.time() >= clear_away_at:
                clear_away_at = loop.time() + CLEANUP_SECONDS
                await store.clear_away(RETENTION_SECONDS)
            reported = True
        except Exception as error:  # noqa: BLE001  (no fault of a report may end the work)
            # Logged once for each outage: others that need PostgreSQL log more.
            if reported:
                _log.warning("this process cannot report its status", why=f"{type(error).__name__}: {error}")
            reported = False
        await asyncio.sleep(every)
