"""What the processes of the service report about themselves, in PostgreSQL."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple
from datetime import datetime
from typing import Any

import asyncpg
from pydantic import TypeAdapter

from adapters.postgres import worker_status_sql as sql
from adapters.postgres.dead_letters import to_storable_text
from adapters.postgres.leadership import LOCK_CLASS, instance_in_session_name
from adapters.postgres.pool import DatabasePool
from domain.operators.status.lag_model import GroupMeasurement
from domain.operators.status.model import (
    Backlog,
    EventPartition,
    RoleLock,
    ServiceProcess,
    StatusReadings,
    StoredReport,
    WorkerReport,
)
from domain.shared.errors import StoreForbidden, StoreUnavailable

MAX_COUNTED = 10_000
"""So many waiting events are counted. A longer backlog is the difference of positions, which have few gaps."""

NEWEST_EVENTS = 2_000
"""Among so many of the newest events those are counted that the views do not hold yet."""

GROUPS = "consumer groups"
TOPICS = "topics"
"""The subjects of observations."""

_groups = TypeAdapter(tuple[GroupMeasurement, ...])
_problems = TypeAdapter(tuple[str, ...])


class PostgresWorkerStatusStore:
    """WorkerStatusStore and BrokerObservations."""

    def __init__(
        self, database: DatabasePool, *, max_counted: int = MAX_COUNTED, newest_events: int = NEWEST_EVENTS
    ) -> None:
        self._database = database
        self._max_counted = max_counted
        self._newest_events = newest_events

    async def report(self, process: ServiceProcess, reports: Sequence[WorkerReport]) -> None:
        columns = zip(*map(_row, reports), strict=True)
        async with self._database.connection() as connection:
            await connection.execute(sql.REPORT, *astuple(process), *columns)

    async def read(self) -> StatusReadings:
        try:
            return await self._read()
        except (asyncpg.UndefinedTableError, asyncpg.UndefinedColumnError) as error:
            raise StoreUnavailable("the database is not migrated; `checkout migrate` does it") from error
        except StoreForbidden as error:
            raise StoreUnavailable(str(error)) from error

    async def _read(self) -> StatusReadings:
        async with self._database.connection() as connection:
            reports = [
                StoredReport(ServiceProcess(*row[:4]), *row[4:])
                for row in map(tuple, await connection.fetch(sql.REPORTS))
            ]
            backlogs = await connection.fetch(sql.BACKLOGS, self._max_counted, self._newest_events)
            locks = await connection.fetch(sql.ROLE_LOCKS, LOCK_CLASS)
            observed = {
                subject: (at, found) for subject, at, found in map(tuple, await connection.fetch(sql.OBSERVATIONS))
            }
            partitions = [EventPartition(**row) for row in await connection.fetch(sql.EVENT_PARTITIONS)]
            ((letters, since),) = await connection.fetch(sql.DEAD_LETTERS, self._max_counted)
            # Last of all: nothing that was read is younger.
            now: datetime = await connection.fetchval(sql.NOW)
        measured_at, groups = observed.get(GROUPS, (None, "[]"))
        _, problems = observed.get(TOPICS, (None, "[]"))
        return StatusReadings(
            at=now,
            reports=reports,
            backlogs=[_backlog(row, now) for row in backlogs],
            role_locks=[RoleLock(row["name"], instance_in_session_name(row["application_name"])) for row in locks],
            dead_letters=letters,
            dead_letters_since=since,
            groups=_groups.validate_json(groups),
            groups_measured_at=measured_at,
            topic_problems=_problems.validate_json(problems),
            event_partitions=partitions,
        )

    async def record_groups(self, groups: Sequence[GroupMeasurement]) -> None:
        await self._observe(GROUPS, _groups.dump_json(tuple(groups)))

    async def record_topic_problems(self, problems: Sequence[str]) -> None:
        await self._observe(TOPICS, _problems.dump_json(tuple(problems)))

    async def _observe(self, subject: str, found: bytes) -> None:
        async with self._database.connection() as connection:
            await connection.execute(sql.OBSERVE, subject, found.decode())

    async def clear_away(self, older_than: float) -> int:
        async with self._database.connection() as connection:
            done: str = await connection.execute(sql.CLEAR_AWAY, older_than)
        return int(done.rpartition(" ")[2])


def _row(report: WorkerReport) -> tuple[Any, ...]:
    return (
        report.worker,
        report.condition,
        report.condition_seconds,
        report.silent_seconds,
        report.role,
        report.holds_role,
        *(astuple(report.lag) if report.lag else (None, None, None, None)),
        report.rate,
        report.handled,
        report.restarts,
        report.last_error and to_storable_text(report.last_error),
        report.last_error_seconds,
        report.arriving,
    )


def _backlog(row: asyncpg.Record, now: datetime) -> Backlog:
    oldest = row["oldest"]
    return Backlog(
        worker=row["worker"],
        role=row["role"],
        position=row["position"],
        end=row["end"],
        events=row["events"],
        seconds=max(0.0, (now - oldest).total_seconds()) if oldest is not None else 0.0,
        at_least=row["more"],
        arriving=row["arriving"],
    )
