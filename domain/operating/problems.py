"""What is wrong with the service, in words."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from domain.operating.status import WorkerLag, WorkerState


def problems_of(
    workers: Sequence[WorkerState],
    lags: Sequence[WorkerLag],
    at: datetime,
    expected: Sequence[str],
    max_lag_seconds: float | None,
) -> list[str]:
    """One sentence a problem; none where all is well."""
    return [
        *_unwell(workers, at),
        *_missing(workers, at, expected),
        *_too_late(lags, max_lag_seconds),
    ]


def duration(seconds: float) -> str:
    """For people: `4 s`, `3 min`, `2 h`, `5 d`."""
    for unit, length in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= length:
            return f"{int(seconds / length)} {unit}"
    return f"{max(0.0, seconds):.0f} s"


def _unwell(workers: Sequence[WorkerState], at: datetime) -> Iterable[str]:
    for each in workers:
        who = f"{each.worker} ({each.host}, process {each.pid})"
        since = duration((at - each.since).total_seconds()) if each.since else "a while"
        match each.state:
            case "dead":
                still = f", and still has the role {each.role_held}" if each.role_held else ""
                yield f"{who} is dead: nothing was heard of it for {since}{still}"
            case "standing-still":
                yield f"{who} stands still: it has not moved for {since}"
            case "failing":
                yield f"{who} is not ready: {each.last_error or 'it met a fault'}"
            case "starting":
                yield f"{who} is not ready: it has been starting for {since}"
            case "working" | "standing-by" | "stopped" | "replaced" | "absent":
                pass


def _missing(workers: Sequence[WorkerState], at: datetime, expected: Sequence[str]) -> Iterable[str]:
    for name in expected:
        there = [each for each in workers if each.worker == name and each.instance is not None]
        if not there:
            yield f"{name}: no process does this work, and none was heard of before"
        elif all(each.state in ("stopped", "replaced") for each in there):
            last = max(each.since for each in there if each.since is not None)
            yield (
                f"{name}: no process does this work; the last one ended {duration((at - last).total_seconds())} ago"
            )


def _too_late(lags: Sequence[WorkerLag], limit: float | None) -> Iterable[str]:
    for lag in lags:
        if limit is not None and lag.seconds is not None and lag.seconds > limit:
            many = f"{'at least ' if lag.at_least else ''}{lag.events:,}"
            yield (
                f"{lag.worker}: what waits longest of {many} has waited for {lag.seconds:,.1f} s,"
                f" longer than {limit:g} s"
            )
