"""How the service is, judged by what its processes said and what PostgreSQL knows."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from domain.operators.status.alerts import find_dead_letter_problems, find_problems
from domain.operators.status.lag import (
    LagLimits,
    assess_lag,
    process_lag,
    worker_lags,
)
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
    """What must be so for all to be well.

    Each of `workers` has a live process. One of which nothing was heard for `dead_after` seconds is dead, one
    that did not move for `still_after` seconds stands still. Nothing may be behind its `limits`, and no
    more than `max_dead_letters` may wait for an operator; None: as many as there are.
    """

    workers: Sequence[str] = ()
    dead_after: float = DEAD_AFTER_SECONDS
    still_after: float = STALLED_AFTER_SECONDS
    limits: LagLimits = field(default_factory=LagLimits)
    max_dead_letters: int | None = None


class StatusService:
    """The status of the service, whenever it is asked for."""

    def __init__(self, states: WorkerStatusStore, expectations: HealthPolicy) -> None:
        self._states = states
        self.expectations = expectations

    async def now(self, expectations: HealthPolicy | None = None) -> ServiceStatus:
        """The status at this moment; raises StoreUnavailable."""
        return evaluate(await self._states.read(), expectations or self.expectations)


def evaluate(readings: StatusReadings, expected: HealthPolicy) -> ServiceStatus:
    """The status that the readings amount to."""
    found = _states(readings, expected)
    workers = [_worker(each, state, readings) for each, state in found]
    known = {each.worker for each in workers}
    workers += [
        WorkerStatus(worker=name, instance=None, state="absent", ready=False, live=False)
        for name in expected.workers
        if name not in known
    ]
    place = {name: number for number, name in enumerate(expected.workers)}
    workers.sort(key=lambda each: (place.get(each.worker, len(place)), each.worker))
    lags = [assess_lag(lag, readings.at, expected.limits) for lag in worker_lags(workers, readings)]
    lags.sort(key=lambda lag: place.get(lag.worker, len(place)))
    problems = [
        *find_problems(workers, lags, readings.at, expected.workers),
        *find_dead_letter_problems(readings, expected.max_dead_letters),
    ]
    return ServiceStatus(
        at=readings.at,
        well=not problems,
        problems=tuple(problems),
        workers=tuple(workers),
        lags=tuple(lags),
        roles=tuple(_roles(workers, readings)),
        dead_letters=readings.dead_letters,
    )


def _states(
    readings: StatusReadings, expected: HealthPolicy
) -> Sequence[tuple[StoredReport, WorkerCondition]]:
    heard_since = readings.at - timedelta(seconds=expected.dead_after)
    moved_since = readings.at - timedelta(seconds=expected.still_after)

    def state(each: StoredReport) -> WorkerCondition:
        if each.condition == "stopped":
            return "stopped"
        if each.reported_at < heard_since:
            return "dead"
        return "standing-still" if each.beaten_at < moved_since else each.condition

    found = [(each, state(each)) for each in readings.recorded]
    holding = {holder.instance for holder in readings.holders}
    # One that still has a role is in the way of whoever should take its place.
    dead = [each for each, said in found if said == "dead" and each.process.instance not in holding]
    replaced = set(_replaced(dead, readings.recorded))
    return [(each, "replaced" if _key(each) in replaced else said) for each, said in found]


def _replaced(dead: Iterable[StoredReport], recorded: Sequence[StoredReport]) -> Iterable[tuple[str, str]]:
    """The dead whose place was taken: a process that began after a death takes the place of one, even if it
    ended since."""
    newcomers: dict[str, list[datetime]] = {}
    for each in recorded:
        newcomers.setdefault(each.worker, []).append(each.started_at)
    for each in sorted(dead, key=lambda each: each.reported_at):
        later = sorted(moment for moment in newcomers[each.worker] if moment > each.reported_at)
        if later:
            newcomers[each.worker].remove(later[0])
            yield _key(each)


def _key(each: StoredReport) -> tuple[str, str]:
    return each.worker, each.process.instance


def _worker(each: StoredReport, state: WorkerCondition, readings: StatusReadings) -> WorkerStatus:
    live = state in _LIVE
    events, seconds = process_lag(each, readings, live=live)
    holds = any(
        holder.role == each.role and holder.instance == each.process.instance for holder in readings.holders
    )
    return WorkerStatus(
        worker=each.worker,
        instance=each.process.instance,
        host=each.process.host,
        pid=each.process.pid,
        release=each.process.release,
        state=state,
        ready=state in _READY,
        live=live,
        role=each.role,
        role_held=each.role if holds else None,
        position=each.position,
        lag_events=events,
        lag_seconds=seconds,
        rate=each.rate if live else None,
        handled=each.handled,
        restarts=each.restarts,
        last_error=each.last_error,
        last_error_at=each.last_error_at,
        since=_since(each, state),
        started_at=each.started_at,
        beaten_at=each.beaten_at,
    )


def _since(each: StoredReport, state: WorkerCondition) -> datetime:
    if state in ("dead", "replaced"):
        return each.reported_at
    return each.beaten_at if state == "standing-still" else each.since


def _roles(workers: Sequence[WorkerStatus], readings: StatusReadings) -> Iterable[RoleHolder]:
    sessions = {holder.role: holder.instance for holder in readings.holders}
    for role in sorted({each.role for each in workers if each.role is not None} | sessions.keys()):
        holder = next((each for each in workers if each.role_held == role), None)
        yield RoleHolder(
            role=role,
            held=role in sessions,
            instance=sessions.get(role),
            host=holder.host if holder else None,
            pid=holder.pid if holder else None,
            live=holder.live if holder else None,
            standing_by=sum(each.role == role and each.state == "standing-by" for each in workers),
        )
