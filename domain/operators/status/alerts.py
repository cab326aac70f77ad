"""What is wrong with the service, in words."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from domain.operators.history.event_descriptions import time_words
from domain.operators.status.model import StatusReadings, WorkerLag, WorkerStatus


def find_problems(
    workers: Sequence[WorkerStatus],
    lags: Sequence[WorkerLag],
    at: datetime,
    expected: Sequence[str],
) -> list[str]:
    """One sentence a problem; none where all is well."""
    return [
        *_unwell(workers, at),
        *_missing(workers, at, expected),
        *(_behind(lag, at) for lag in lags if lag.behind),
    ]


def format_duration(seconds: float) -> str:
    """For people: `4 s`, `3 min`, `2 h`, `5 d`."""
    for unit, length in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= length:
            return f"{int(seconds / length)} {unit}"
    return f"{max(0.0, seconds):.0f} s"


def _unwell(workers: Sequence[WorkerStatus], at: datetime) -> Iterable[str]:
    for each in workers:
        who = f"{each.worker} ({each.host}, process {each.pid})"
        since = format_duration((at - each.since).total_seconds()) if each.since else "a while"
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


def _missing(workers: Sequence[WorkerStatus], at: datetime, expected: Sequence[str]) -> Iterable[str]:
    for name in expected:
        there = [each for each in workers if each.worker == name and each.instance is not None]
        if not there:
            yield f"{name}: no process does this work, and none was heard of before"
        elif all(each.state in ("stopped", "replaced") for each in there):
            last = max(each.since for each in there if each.since is not None)
            yield (
                f"{name}: no process does this work; the last one ended {format_duration((at - last).total_seconds())} ago"
            )


def find_dead_letter_problems(readings: StatusReadings, most: int | None) -> Iterable[str]:
    """That more dead letters wait for an operator than may."""
    if most is not None and readings.dead_letters > most:
        count = readings.dead_letters
        letters = f"{count:,} dead letter{' waits' if count == 1 else 's wait'}"
        since = readings.dead_letters_since
        long = f", the oldest for {format_duration((readings.at - since).total_seconds())}" if since else ""
        yield f"{letters} for an operator{long}: `checkout dead-letters list` shows them"


def _behind(lag: WorkerLag, at: datetime) -> str:
    who = lag.role or lag.worker
    many = f"{'at least ' if lag.at_least else ''}{lag.events or 0:,} wait"
    since = (
        f", the oldest since {time_words(lag.waits_since)} ({format_duration((at - lag.waits_since).total_seconds())})"
        if lag.waits_since is not None
        else ""
    )
    return f"{who} is behind: {many}{since}; {_outlook(lag)}"


def _outlook(lag: WorkerLag) -> str:
    done = f"{lag.rate:,.0f} a second are done"
    pace = f"{done}, {lag.arriving or 0.0:,.0f} arrive"
    match lag.trend:
        case "catching-up":
            left = "" if lag.eta_seconds is None else f", about {format_duration(lag.eta_seconds)} left"
            return f"it is catching up: {pace}{left}"
        case "keeping-pace":
            return f"it keeps pace, and does not catch up: {pace}"
        case "falling-back":
            return f"it is falling back: {pace}"
        case "standing-still":
            return "nothing of it is being done"
        case None:
            return f"{done}, and how much arrives is not known"
