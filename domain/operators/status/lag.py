"""How far workers lag: as they measured it while that is fresh, else as PostgreSQL counts it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import timedelta

from domain.operators.status.lag_model import LagTrend, WorkerLag
from domain.operators.status.model import Backlog, StatusReadings, StoredReport, WorkerStatus

MEASUREMENT_LIFETIME = timedelta(seconds=15)
"""An older measurement says nothing about now."""

COUNTED_WORKERS = ("publisher", "expiry", "revalidator")
"""PostgreSQL counts their whole backlog."""

MEASURED_WORKERS = ("projector", "catalogue", "commands")
"""They read from Kafka: only they see how much waits there."""

SAME_RATE_TOLERANCE = 0.02
"""Rates that differ by less than this share count as the same."""


@dataclass(frozen=True, slots=True)
class LagLimits:
    """A worker is behind when more than `events` wait, or one for longer than `seconds`; None: no limit.

    `regular_waits` allows workers that only look at intervals so many seconds more.
    """

    events: int | None = None
    seconds: float | None = None
    regular_waits: Mapping[str, float] = field(default_factory=dict)

    def are_passed_by(self, events: int | None, seconds: float | None, worker: str | None = None) -> bool:
        """`worker` None: it never waits regularly."""
        if self.events is not None and (events or 0) > self.events:
            return True
        allowed = self.regular_waits.get(worker, 0.0) if worker else 0.0
        return self.seconds is not None and (seconds or 0.0) > self.seconds + allowed


def process_lag(report: StoredReport, readings: StatusReadings, *, live: bool) -> tuple[int | None, float | None]:
    """Events and seconds that a process lags; None where it is not known, or is another process's work."""
    if report.worker in COUNTED_WORKERS:
        for backlog in readings.backlogs:
            if _nearest_report(backlog, readings.reports) is report:
                return backlog.events, backlog.seconds
    elif live and report.measured_at and readings.at - report.measured_at <= MEASUREMENT_LIFETIME:
        return report.lag_events, report.lag_seconds
    return None, None


def worker_lags(workers: Sequence[WorkerStatus], readings: StatusReadings, limits: LagLimits) -> Iterable[WorkerLag]:
    """What waits for each kind of worker; where a kind has several roles, for each of them."""
    names = {*COUNTED_WORKERS, *MEASURED_WORKERS} & {each.worker for each in workers}
    for name in sorted(names | {backlog.worker for backlog in readings.backlogs}):
        measured = _measured(name, workers, readings.reports) if name in MEASURED_WORKERS else None
        counted = [backlog for backlog in readings.backlogs if backlog.worker == name]
        for backlog in [measured] if measured else counted or [Backlog(name)]:
            rate = sum(
                each.rate or 0.0 for each in workers if each.worker == name and backlog.role in (None, each.role)
            )
            yield _lag(backlog, rate, readings, limits)


def _lag(backlog: Backlog, rate: float, readings: StatusReadings, limits: LagLimits) -> WorkerLag:
    known = {**asdict(backlog), "rate": rate}
    if not backlog.events:
        return WorkerLag(**known)
    trend = lag_trend(rate, backlog.arriving)
    return WorkerLag(
        **known,
        behind=limits.are_passed_by(backlog.events, backlog.seconds, backlog.worker),
        waits_since=None if backlog.seconds is None else readings.at - timedelta(seconds=backlog.seconds),
        trend=trend,
        eta_seconds=None if backlog.at_least else seconds_left(backlog.events, rate, backlog.arriving),
    )


def lag_trend(rate: float, arriving: float | None) -> LagTrend | None:
    """What becomes of a lag, by events a second that are handled and that arrive. None: what arrives is not known."""
    if rate <= 0:
        return "standing-still"
    if arriving is None:
        return None
    gain = (rate - arriving) / rate
    if abs(gain) < SAME_RATE_TOLERANCE:
        return "keeping-pace"
    return "catching-up" if gain > 0 else "falling-back"


def seconds_left(events: int, rate: float, arriving: float | None) -> float | None:
    """The time until none of these events waits, where they are being caught up."""
    return events / (rate - (arriving or 0.0)) if lag_trend(rate, arriving) == "catching-up" else None


def _measured(name: str, workers: Sequence[WorkerStatus], reports: Sequence[StoredReport]) -> Backlog | None:
    """What all active processes of a worker measured together; None unless each of them measured."""
    active = [each for each in workers if each.worker == name and each.live and each.state != "standing-by"]
    lags = [each.lag_events for each in active if each.lag_events is not None]
    if not active or len(lags) < len(active):
        return None
    positions = [each.position for each in active if each.position is not None]
    position = sum(positions) if positions else None
    instances = {each.instance for each in active}
    arriving = [each.arriving for each in reports if each.worker == name and each.process.instance in instances]
    known = [each for each in arriving if each is not None]
    return Backlog(
        name,
        position=position,
        end=None if position is None else position + sum(lags),
        events=sum(lags),
        seconds=max(each.lag_seconds or 0.0 for each in active),
        arriving=sum(known) if len(known) == len(arriving) else None,
    )


def _nearest_report(backlog: Backlog, reports: Sequence[StoredReport]) -> StoredReport | None:
    """The report of the process that does this work, or else did it last."""
    return max(
        (each for each in reports if each.worker == backlog.worker and backlog.role in (None, each.role)),
        key=lambda each: (each.position is not None, each.reported_at),
        default=None,
    )
