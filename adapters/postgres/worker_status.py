"""What the processes of the service say of themselves, in PostgreSQL."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import asyncpg

from adapters.postgres.leadership import LOCK_CLASS, instance_in_session_name
from adapters.postgres.pool import DatabasePool
from adapters.postgres.worker_status_sql import (
    BACKLOGS,
    CLEAR_AWAY,
    DEAD_LETTERS,
    HOLDERS,
    NOW,
    RECORDED,
    REPORT,
)
from domain.operators.status.model import (
    Backlog,
    RoleLock,
    ServiceProcess,
    StatusReadings,
    StoredReport,
    WorkerReport,
)
from domain.shared.errors import StoreForbidden, StoreUnavailable

MAX_COUNTED = 10_000
"""So many of what waits are counted one by one; beyond, positions are subtracted, which have few gaps."""

NEWEST_EVENTS = 2_000
"""Among so many of the newest events it is looked up which the views do not hold yet."""


class PostgresWorkerStatusStore:
    """WorkerStatusStore."""

    def __init__(
        self, database: DatabasePool, *, most_counted: int = MAX_COUNTED, newest_events: int = NEWEST_EVENTS
    ) -> None:
        self._database = database
        self._most_counted = most_counted
        self._newest_events = newest_events

    async def report(self, process: ServiceProcess, reports: Sequence[WorkerReport]) -> None:
        columns = zip(*(_row(report) for report in reports), strict=True)
        async with self._database.connection() as connection:
            await connection.execute(
                REPORT, process.instance, process.host, process.pid, process.release, *columns
            )

    async def read(self) -> StatusReadings:
        try:
            return await self._read()
        except (asyncpg.UndefinedTableError, asyncpg.UndefinedColumnError) as error:
            raise StoreUnavailable("the database is not migrated; `checkout migrate` does it") from error
        except StoreForbidden as error:
            raise StoreUnavailable(str(error)) from error

    async def _read(self) -> StatusReadings:
        async with self._database.connection() as connection:
            recorded = [_recorded(row) for row in await connection.fetch(RECORDED)]
            backlogs = await connection.fetch(BACKLOGS, self._most_counted, self._newest_events)
            holders = await connection.fetch(HOLDERS, LOCK_CLASS)
            ((letters, since),) = await connection.fetch(DEAD_LETTERS, self._most_counted)
            # Last of all: nothing that was read is younger than this.
            now: datetime = await connection.fetchval(NOW)
        return StatusReadings(
            at=now,
            recorded=recorded,
            backlogs=[_backlog(row, now) for row in backlogs],
            holders=[
                RoleLock(row["name"], instance_in_session_name(row["application_name"])) for row in holders
            ],
            dead_letters=letters,
            dead_letters_since=since,
        )

    async def clear_away(self, older_than: float) -> int:
        async with self._database.connection() as connection:
            done: str = await connection.execute(CLEAR_AWAY, older_than)
        return int(done.rpartition(" ")[2])


def _row(report: WorkerReport) -> tuple[Any, ...]:
    figures = report.figures
    return (
        report.worker,
        report.condition,
        report.condition_seconds,
        report.silent_seconds,
        report.role,
        report.holds_role,
        figures.position if figures else None,
        figures.lag_events if figures else None,
        figures.lag_seconds if figures else None,
        figures.age_seconds if figures else None,
        report.rate,
        report.handled,
        report.restarts,
        _storable(report.last_error),
        report.last_error_seconds,
        report.arriving,
    )


def _recorded(row: asyncpg.Record) -> StoredReport:
    instance, host, pid, release, *rest = row
    return StoredReport(ServiceProcess(instance, host, pid, release), *rest)


def _backlog(row: asyncpg.Record, now: datetime) -> Backlog:
    oldest = row["oldest"]
    return Backlog(
        worker=row["worker"],
        role=row["role"],
        position=row["position"],
        end=row["end"],
        events=row["events"],
        seconds=max(0.0, (now - oldest).total_seconds()) if oldest is not None else 0.0,
        more=row["more"],
        arriving=row["arriving"],
    )


def _storable(text: str | None) -> str | None:
    """PostgreSQL's text takes neither U+0000 nor halves of surrogate pairs."""
    return text and text.encode(errors="replace").decode().replace("\x00", "\ufffd")
