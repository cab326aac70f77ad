"""The service's problems, one sentence each."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from domain.operators.status.lag_model import GroupLag, WorkerLag
from domain.operators.status.model import StatusReadings, WorkerStatus
from domain.shared.formatting import count_noun, format_age, format_time

PARTITIONS_AHEAD = timedelta(days=7)


def find_problems(
    workers: Sequence[WorkerStatus], lags: Sequence[WorkerLag], at: datetime, expected: Sequence[str]
) -> Iterable[str]:
    """What is wrong with workers and their lags."""
    for each in workers:
        if (problem := _worker_problem(each, at)) is not None:
            yield problem
    for name in expected:
        processes = [each for each in workers if each.worker == name and each.instance is not None]
        if not processes:
            yield f"{name}: no process does this work, and none was heard of before"
        elif all(each.state in ("stopped", "replaced") for each in processes):
            last = max(each.since for each in processes if each.since is not None)
            yield f"{name}: no process does this work; the last one ended {_elapsed(last, at)} ago"
    for lag in lags:
        if lag.behind:
            yield _lag_problem(lag, at)


def find_dead_letter_problems(readings: StatusReadings, limit: int | None) -> Iterable[str]:
    """A problem where more than `limit` dead letters wait for an operator."""
    if limit is not None and readings.dead_letters > limit:
        count = readings.dead_letters
        letters = f"{count:,} dead letter{' waits' if count == 1 else 's wait'}"
        since = readings.dead_letters_since
        oldest = f", the oldest for {_elapsed(since, readings.at)}" if since else ""
        yield f"{letters} for an operator{oldest}: `checkout dead-letters list` shows them"


def find_partition_problems(readings: StatusReadings) -> Iterable[str]:
    """A problem where events of baskets that begin in a week find no partition of their month."""
    ends = [each.ends for each in readings.event_partitions if each.ends is not None]
    if ends and max(ends) < readings.at + PARTITIONS_AHEAD:
        yield (
            f"events of baskets from {format_time(max(ends))} on have no partition of their own, and go to events_default:"
            " an expiry worker makes it, or `checkout migrate` (docs/operations/event-partitions.md)"
        )


def find_group_problems(groups: Sequence[GroupLag]) -> Iterable[str]:
    """What is wrong with the consumer groups of order services."""
    for each in groups:
        if each.condition == "missing":
            yield (
                f"{each.group}: the brokers know no such consumer group; CHECKOUT_WATCHED_GROUPS misspells it, or it never"
                " committed"
            )
        if each.uncommitted:
            yield (
                f"{each.group} has committed nothing on {each.uncommitted} of {count_noun(each.partitions, 'partition')}"
                f" of {each.topic} that {'holds' if each.uncommitted == 1 else 'hold'} messages: with"
                " auto.offset.reset=latest it leaves them out (docs/operations/partitions.md)"
            )
        if each.behind:
            yield _group_problem(each)


def _group_problem(group: GroupLag) -> str:
    messages = count_noun(group.messages or 0, "message")
    oldest = "" if group.seconds is None else f", the oldest for {format_age(group.seconds)}"
    outlook = "it has no members, so nobody reads" if group.condition == "no-members" else _outlook(group)
    return (
        f"{group.group} is {'about ' if group.estimated else ''}{messages} behind on {group.topic}{oldest}; {outlook}"
    )


def _elapsed(since: datetime, at: datetime) -> str:
    return format_age((at - since).total_seconds())


def _worker_problem(worker: WorkerStatus, at: datetime) -> str | None:
    name = f"{worker.worker} ({worker.host}, process {worker.pid})"
    elapsed = _elapsed(worker.since, at) if worker.since else "a while"
    match worker.state:
        case "dead":
            role = f", and still has the role {worker.role_held}" if worker.role_held else ""
            return f"{name} is dead: nothing was heard of it for {elapsed}{role}"
        case "standing-still":
            return f"{name} is stalled: it has sent no heartbeat for {elapsed}"
        case "failing":
            return f"{name} is not ready: {worker.last_error or 'it met a fault'}"
        case "starting":
            return f"{name} is not ready: it has been starting for {elapsed}"
        case "working" | "standing-by" | "stopped" | "replaced" | "absent":
            return None


def _lag_problem(lag: WorkerLag, at: datetime) -> str:
    waiting = f"{'at least ' if lag.at_least else ''}{lag.events or 0:,} wait"
    since = lag.waits_since
    oldest = f", the oldest since {format_time(since, 'milliseconds')} ({_elapsed(since, at)})" if since else ""
    return f"{lag.role or lag.worker} is behind: {waiting}{oldest}; {_outlook(lag)}"


def _outlook(lag: WorkerLag | GroupLag) -> str:
    done = f"{lag.rate or 0.0:,.0f} a second are done"
    rates = f"{done}, {lag.arriving or 0.0:,.0f} arrive"
    match lag.trend:
        case "catching-up":
            left = "" if lag.eta_seconds is None else f", about {format_age(lag.eta_seconds)} left"
            return f"it is catching up: {rates}{left}"
        case "keeping-pace":
            return f"it keeps pace, and does not catch up: {rates}"
        case "falling-back":
            return f"it is falling back: {rates}"
        case "standing-still":
            return "nothing of it is being done"
        case None:
            return (
                "whether it catches up is not known"
                if lag.rate is None
                else f"{done}, and how much arrives is not known"
            )
