"""How far workers are behind: by what they measured while that is fresh, and by what PostgreSQL counts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta

from domain.operating.status import Backlog, Readings, Recorded, WorkerLag, WorkerState

FIGURES_LAST = timedelta(seconds=15)
"""What a worker measured longer ago says nothing about now."""

COUNTED = ("publisher", "expiry", "revalidator")
"""Workers whose whole backlog PostgreSQL knows at any time."""

MEASURED = ("projector", "catalogue", "commands")
"""Workers that read from Kafka: only they see how much waits there."""

Lag = tuple[int | None, float | None]


def own_lag(each: Recorded, readings: Readings, *, live: bool) -> Lag:
    """Events and seconds that this process is behind; None where nobody knows, or where it is another's work."""
    if each.worker in COUNTED:
        for backlog in readings.backlogs:
            if _whose(backlog, readings.recorded) is each:
                return backlog.events, backlog.seconds
        return None, None
    if live and each.figures_at is not None and readings.at - each.figures_at <= FIGURES_LAST:
        return each.lag_events, each.lag_seconds
    return None, None


def lags_of(workers: Sequence[WorkerState], readings: Readings) -> Iterable[WorkerLag]:
    """What waits for each kind of worker; where there are several roles of a kind, for each of them."""
    names = {*COUNTED, *MEASURED} & {each.worker for each in workers}
    for name in sorted(names | {backlog.worker for backlog in readings.backlogs}):
        measured = _measured(name, workers) if name in MEASURED else None
        counted = [backlog for backlog in readings.backlogs if backlog.worker == name]
        known = counted if measured is None else [measured]
        if not known:
            yield _lag(name, None, workers, None)
        for backlog in known:
            yield _lag(name, backlog.role, workers, backlog)


def _measured(name: str, workers: Sequence[WorkerState]) -> Backlog | None:
    """What all live processes of this worker measured together; None unless each did that does the work."""
    at_work = [each for each in workers if each.worker == name and each.live and each.state != "standing-by"]
    measured = [each.lag_events for each in at_work if each.lag_events is not None]
    if not at_work or len(measured) < len(at_work):
        return None
    positions = [each.position for each in at_work if each.position is not None]
    position = sum(positions) if positions else None
    return Backlog(
        worker=name,
        role=None,
        position=position,
        end=None if position is None else position + sum(measured),
        events=sum(measured),
        seconds=max(each.lag_seconds or 0.0 for each in at_work),
    )


def _lag(name: str, role: str | None, workers: Sequence[WorkerState], backlog: Backlog | None) -> WorkerLag:
    return WorkerLag(
        worker=name,
        role=role,
        position=backlog.position if backlog else None,
        end=backlog.end if backlog else None,
        events=backlog.events if backlog else None,
        at_least=backlog.more if backlog else False,
        seconds=backlog.seconds if backlog else None,
        rate=sum(
            each.rate or 0.0
            for each in workers
            if each.worker == name and (role is None or each.role == role)
        ),
    )


def _whose(backlog: Backlog, recorded: Sequence[Recorded]) -> Recorded | None:
    """The process that is nearest to this work: who does it, or else was the last to do it."""
    of_its_kind = [
        each for each in recorded if each.worker == backlog.worker and backlog.role in (None, each.role)
    ]
    return max(of_its_kind, key=lambda each: (each.position is not None, each.reported_at), default=None)
