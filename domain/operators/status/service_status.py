"""Evaluates how the service is, from what its processes reported and what PostgreSQL knows."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from domain.operators.status.alerts import (
    find_dead_letter_problems,
    find_group_problems,
    find_partition_problems,
    find_problems,
)
from domain.operators.status.group_lags import group_lags
from domain.operators.status.lag import LagLimits, process_lag, worker_lags
from domain.operators.status.lag_model import WatchedGroup
from domain.operators.status.model import (
    RoleHolder,
    ServiceStatus,
    StatusReadings,
    StoredReport,
    WorkerCondition,
    WorkerStatus,
    WorkerStatusStore,
)

DEAD_AFTER_SECONDS = 10.0
STALLED_AFTER_SECONDS = 60.0

_READY: Collection[WorkerCondition] = ("working", "standing-by")
_LIVE: Collection[WorkerCondition] = ("starting", "working", "standing-by", "failing")


@dataclass(frozen=True, slots=True)
class HealthPolicy:
    """When the service is well.

    Each of `workers` has a live process. A worker is dead `dead_after` seconds after its process's last report, and
    stalled `stalled_after` seconds after its last heartbeat. No lag passes `limits`, neither of a worker nor of a
    consumer group; those of `watched_groups` are measured. At most `max_dead_letters` wait for an operator; None: any
    number.
    """

    workers: Sequence[str] = ()
    dead_after: float = DEAD_AFTER_SECONDS
    stalled_after: float = STALLED_AFTER_SECONDS
    limits: LagLimits = field(default_factory=LagLimits)
    max_dead_letters: int | None = None
    watched_groups: Sequence[WatchedGroup] = ()


class StatusService:
    """Reads and evaluates the status of the service."""

    def __init__(self, store: WorkerStatusStore, policy: HealthPolicy) -> None:
        self._store = store
        self.policy = policy

    async def now(self, policy: HealthPolicy | None = None) -> ServiceStatus:
        """The status by this policy, or by its own; raises StoreUnavailable."""
        return evaluate(await self._store.read(), policy or self.policy)


def evaluate(readings: StatusReadings, policy: HealthPolicy) -> ServiceStatus:
    """The status that follows from the readings."""
    conditions = _conditions(readings, policy)
    workers = [
        _worker(report, conditions[report.worker, report.process.instance], readings) for report in readings.reports
    ]
    known = {each.worker for each in workers}
    workers += [
        WorkerStatus(worker=name, instance=None, state="absent", ready=False, live=False)
        for name in policy.workers
        if name not in known
    ]
    order = {name: number for number, name in enumerate(policy.workers)}
    workers.sort(key=lambda each: (order.get(each.worker, len(order)), each.worker))
    lags = sorted(worker_lags(workers, readings, policy.limits), key=lambda lag: order.get(lag.worker, len(order)))
    groups = tuple(group_lags(readings, policy.watched_groups, policy.limits))
    problems = (
        *find_problems(workers, lags, readings.at, policy.workers),
        *find_group_problems(groups),
        *readings.topic_problems,
        *find_partition_problems(readings),
        *find_dead_letter_problems(readings, policy.max_dead_letters),
    )
    return ServiceStatus(
        at=readings.at,
        well=not problems,
        problems=problems,
        workers=tuple(workers),
        lags=tuple(lags),
        roles=tuple(_roles(workers, readings)),
        dead_letters=readings.dead_letters,
        groups=groups,
        event_partitions=tuple(readings.event_partitions),
    )


_Key = tuple[str, str]
"""A worker's name and its process's instance."""


def _conditions(readings: StatusReadings, policy: HealthPolicy) -> Mapping[_Key, WorkerCondition]:
    reported_since = readings.at - timedelta(seconds=policy.dead_after)
    moved_since = readings.at - timedelta(seconds=policy.stalled_after)

    def condition(report: StoredReport) -> WorkerCondition:
        if report.condition == "stopped":
            return "stopped"
        if report.reported_at < reported_since:
            return "dead"
        return "standing-still" if report.last_heartbeat_at < moved_since else report.condition

    found = {_key(report): condition(report) for report in readings.reports}
    # A dead process that still holds a role is in the way of its successor, and so is not replaced.
    holding = {lock.instance for lock in readings.role_locks}
    dead = [
        report
        for report in readings.reports
        if found[_key(report)] == "dead" and report.process.instance not in holding
    ]
    return {**found, **dict.fromkeys(_replaced(dead, readings.reports), "replaced")}


def _replaced(dead: Iterable[StoredReport], reports: Sequence[StoredReport]) -> Iterator[_Key]:
    """The dead that were replaced: each process that started after a death replaces one, even if it ended since."""
    starts: dict[str, list[datetime]] = {}
    for report in reports:
        starts.setdefault(report.worker, []).append(report.started_at)
    for report in sorted(dead, key=lambda report: report.reported_at):
        later = sorted(moment for moment in starts[report.worker] if moment > report.reported_at)
        if later:
            starts[report.worker].remove(later[0])
            yield _key(report)


def _key(report: StoredReport) -> _Key:
    return report.worker, report.process.instance


def _worker(report: StoredReport, state: WorkerCondition, readings: StatusReadings) -> WorkerStatus:
    live = state in _LIVE
    events, seconds = process_lag(report, readings, live=live)
    holds_role = any(
        lock.role == report.role and lock.instance == report.process.instance for lock in readings.role_locks
    )
    since = {
        "dead": report.reported_at,
        "replaced": report.reported_at,
        "standing-still": report.last_heartbeat_at,
    }.get(state, report.since)
    return WorkerStatus(
        worker=report.worker,
        instance=report.process.instance,
        host=report.process.host,
        pid=report.process.pid,
        release=report.process.release,
        state=state,
        ready=state in _READY,
        live=live,
        role=report.role,
        role_held=report.role if holds_role else None,
        position=report.position,
        lag_events=events,
        lag_seconds=seconds,
        rate=report.rate if live else None,
        handled=report.handled,
        restarts=report.restarts,
        last_error=report.last_error,
        last_error_at=report.last_error_at,
        since=since,
        started_at=report.started_at,
        beaten_at=report.last_heartbeat_at,
    )


def _roles(workers: Sequence[WorkerStatus], readings: StatusReadings) -> Iterable[RoleHolder]:
    instances = {lock.role: lock.instance for lock in readings.role_locks}
    for role in sorted({each.role for each in workers if each.role is not None} | instances.keys()):
        holder = next((each for each in workers if each.role_held == role), None)
        yield RoleHolder(
            role=role,
            held=role in instances,
            instance=instances.get(role),
            host=holder.host if holder else None,
            pid=holder.pid if holder else None,
            live=holder.live if holder else None,
            standing_by=sum(each.role == role and each.state == "standing-by" for each in workers),
        )
