"""How far workers are behind: by what they measured while that is fresh, and by what PostgreSQL counts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from domain.operators.status.model import (
    Backlog,
    LagTrend,
    StatusReadings,
    StoredReport,
    WorkerLag,
    WorkerStatus,
)

MEASUREMENT_LIFETIME = timedelta(seconds=15)
"""What a worker measured longer ago says nothing about now."""

COUNTED_WORKERS = ("publisher", "expiry", "revalidator")
"""Workers whose whole backlog PostgreSQL knows at any time."""

MEASURED_WORKERS = ("projector", "catalogue", "commands")
"""Workers that read from Kafka: only they see how much waits there."""

SAME_RATE_TOLERANCE = 0.02
"""Rates that differ by less than this part count as the same."""

ProcessLag = tuple[int | None, float | None]


@dataclass(frozen=True, slots=True)
class LagLimits:
    """From when on a worker is behind: more than so many `events` wait, or anything for longer than so many
    `seconds`; None: never. `regular_waits`, in seconds by worker, come on top: what only looks now and then may be so
    much later."""

    events: int | None = None
    seconds: float | None = None
    regular_waits: Mapping[str, float] = field(default_factory=dict)

    def passed(self, lag: WorkerLag) -> bool:
        late = self.seconds is not None and lag.seconds is not None
        if late and lag.seconds > self.seconds + self.regular_waits.get(lag.worker, 0.0):  # type: ignore[operator]
            return True
        return self.events is not None and lag.events is not None and lag.events > self.events


def assess_lag(lag: WorkerLag, at: datetime, limits: LagLimits) -> WorkerLag:
    """The lag with what is to be made of it."""
    if not lag.events:
        return lag
    trend = _trend(lag)
    gain = lag.rate - (lag.arriving or 0.0)
    certain = trend == "catching-up" and not lag.at_least
    return lag.model_copy(
        update={
            "behind": limits.passed(lag),
            "waits_since": None if lag.seconds is None else at - timedelta(seconds=lag.seconds),
            "trend": trend,
            "eta_seconds": lag.events / gain if certain else None,
        }
    )


def _trend(lag: WorkerLag) -> LagTrend | None:
    if lag.rate <= 0:
        return "standing-still"
    if lag.arriving is None:
        return None
    gain = (lag.rate - lag.arriving) / lag.rate
    if abs(gain) < SAME_RATE_TOLERANCE:
        return "keeping-pace"
    return "catching-up" if gain > 0 else "falling-back"


def process_lag(each: StoredReport, readings: StatusReadings, *, live: bool) -> ProcessLag:
    """Events and seconds that this process is behind; None where nobody knows, or where it is another's work."""
    if each.worker in COUNTED_WORKERS:
        for backlog in readings.backlogs:
            if _whose(backlog, readings.recorded) is each:
                return backlog.events, backlog.seconds
        return None, None
    if live and each.figures_at is not None and readings.at - each.figures_at <= MEASUREMENT_LIFETIME:
        return each.lag_events, each.lag_seconds
    return None, None


def worker_lags(workers: Sequence[WorkerStatus], readings: StatusReadings) -> Iterable[WorkerLag]:
    """What waits for each kind of worker; where there are several roles of a kind, for each of them."""
    names = {*COUNTED_WORKERS, *MEASURED_WORKERS} & {each.worker for each in workers}
    for name in sorted(names | {backlog.worker for backlog in readings.backlogs}):
        measured = _measured(name, workers, readings.recorded) if name in MEASURED_WORKERS else None
        counted = [backlog for backlog in readings.backlogs if backlog.worker == name]
        known = counted if measured is None else [measured]
        if not known:
            yield _lag(name, None, workers, None)
        for backlog in known:
            yield _lag(name, backlog.role, workers, backlog)


def _measured(name: str, workers: Sequence[WorkerStatus], recorded: Sequence[StoredReport]) -> Backlog | None:
    """What all live processes of this worker measured together; None unless each did that does the work."""
    at_work = [each for each in workers if each.worker == name and each.live and each.state != "standing-by"]
    measured = [each.lag_events for each in at_work if each.lag_events is not None]
    if not at_work or len(measured) < len(at_work):
        return None
    positions = [each.position for each in at_work if each.position is not None]
    position = sum(positions) if positions else None
    ours = {each.instance for each in at_work}
    arriving = [each.arriving for each in recorded if each.worker == name and each.process.instance in ours]
    known = [each for each in arriving if each is not None]
    return Backlog(
        worker=name,
        role=None,
        position=position,
        end=None if position is None else position + sum(measured),
        events=sum(measured),
        seconds=max(each.lag_seconds or 0.0 for each in at_work),
        arriving=sum(known) if len(known) == len(arriving) else None,
    )


def _lag(name: str, role: str | None, workers: Sequence[WorkerStatus], backlog: Backlog | None) -> WorkerLag:
    return WorkerLag(
        worker=name,
        role=role,
        position=backlog.position if backlog else None,
        end=backlog.end if backlog else None,
        events=backlog.events if backlog else None,
        at_least=backlog.more if backlog else False,
        seconds=backlog.seconds if backlog else None,
        arriving=backlog.arriving if backlog else None,
        rate=sum(
            each.rate or 0.0
            for each in workers
            if each.worker == name and (role is None or each.role == role)
        ),
    )


def _whose(backlog: Backlog, recorded: Sequence[StoredReport]) -> StoredReport | None:
    """The process that is nearest to this work: who does it, or else was the last to do it."""
    of_its_kind = [
        each for each in recorded if each.worker == backlog.worker and backlog.role in (None, each.role)
    ]
    return max(of_its_kind, key=lambda each: (each.position is not None, each.reported_at), default=None)
