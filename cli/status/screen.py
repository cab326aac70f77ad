"""Shows the status to people."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from cli.output import STDOUT, Output, StyledText, TableColumn
from domain.operators.status.lag_model import GroupCondition, GroupLag, WorkerLag
from domain.operators.status.model import EventPartition, ServiceStatus, WorkerCondition, WorkerStatus
from domain.shared.formatting import count_noun, format_age

STYLES: dict[WorkerCondition, str] = {
    "starting": "yellow",
    "working": "green",
    "standing-by": "cyan",
    "failing": "bold red",
    "stopped": "dim",
    "standing-still": "bold red",
    "dead": "bold red",
    "replaced": "dim",
    "absent": "bold red",
}
GROUP_STYLES: dict[GroupCondition, str] = {
    "reading": "green",
    "rebalancing": "yellow",
    "no-members": "yellow",
    "missing": "bold red",
    "unknown": "dim",
}
WORKERS = (
    "worker",
    "state",
    TableColumn("for", right=True),
    "process",
    TableColumn("waiting", right=True),
    TableColumn("oldest", right=True),
    TableColumn("rate/s", right=True, optional=True),
    TableColumn("position", right=True, optional=True),
    TableColumn("release", optional=True),
    TableColumn("last error", optional=True),
)
GROUPS = (
    "consumer group",
    "state",
    TableColumn("waiting", right=True),
    TableColumn("oldest", right=True),
    "topic",
    TableColumn("rate/s", right=True, optional=True),
    TableColumn("arrive/s", right=True, optional=True),
    TableColumn("members", right=True, optional=True),
    TableColumn("note", optional=True),
)


def show(status: ServiceStatus, out: Output = STDOUT, *, all_processes: bool = False, watched: bool = False) -> None:
    """The problems, the workers and the roles."""
    rows = status.workers if all_processes else status.current_workers
    health = ("is well", "green") if status.well else (f"has {count_noun(len(status.problems), 'problem')}", "bold red")
    time = f"   {status.at.astimezone():%Y-%m-%d %H:%M:%S %Z}"
    hint = "   Ctrl-C ends" if watched else ""
    out.say(("Partner checkout ", "bold"), health, (time, "dim"), (hint, "dim"))
    for problem in status.problems:
        out.say(f"✗ {problem}", style="red")
    out.table(WORKERS, [_row(each, rows, status) for each in rows])
    if status.groups:
        out.table(GROUPS, [_group(each) for each in status.groups])
    if status.roles:
        out.table(("role", "held by", TableColumn("stand by", right=True)), _roles(status))
    if status.event_partitions:
        out.say((_events(status.event_partitions), "dim"))


def show_unavailable(why: str, out: Output = STDOUT) -> None:
    """Replaces the status while it cannot be read."""
    out.say(f"How the service is cannot be found out: {why}", style="bold red")


def _row(each: WorkerStatus, rows: Sequence[WorkerStatus], status: ServiceStatus) -> list[StyledText]:
    lag = _lag_of_kind(each, rows, status.lags)
    return [
        (each.worker, "bold"),
        (each.state.replace("-", " "), STYLES[each.state]),
        (_age(status.at, each.since), "dim"),
        ("none", "dim") if each.instance is None else f"{each.host} {each.pid}",
        _waiting(each, lag),
        _oldest(each, lag),
        _rate(each.rate),
        "" if each.position is None else f"{each.position:,}",
        (each.release or "", "dim"),
        _error(each, status.at),
    ]


def _lag_of_kind(each: WorkerStatus, rows: Sequence[WorkerStatus], lags: Iterable[WorkerLag]) -> WorkerLag | None:
    """The lag of this kind of worker, on the first of its rows, where none of its processes has a lag of its own."""
    kind = sorted((row for row in rows if row.worker == each.worker), key=lambda row: not row.live)
    if kind[0] is not each or any(row.lag_events is not None for row in kind):
        return None
    return next((lag for lag in lags if lag.worker == each.worker), None)


def _waiting(each: WorkerStatus, lag: WorkerLag | None) -> str:
    if each.lag_events is not None:
        return f"{each.lag_events:,}"
    if lag is None:
        return ""
    return "unknown" if lag.events is None else f"{'≥ ' if lag.at_least else ''}{lag.events:,}"


def _oldest(each: WorkerStatus, lag: WorkerLag | None) -> str:
    seconds = each.lag_seconds if each.lag_events is not None else lag.seconds if lag else None
    if seconds is None:
        return ""
    return _wait(seconds)


def _wait(seconds: float) -> str:
    return f"{seconds:.1f} s" if 0 < seconds < 10 else format_age(seconds)


def _rate(rate: float | None) -> str:
    return "" if rate is None else f"{rate:,.0f}" if rate >= 10 else f"{rate:.1f}"


def _error(each: WorkerStatus, at: datetime) -> StyledText:
    if each.last_error is None:
        return ""
    text = f"{each.last_error} ({_age(at, each.last_error_at)} ago)"
    return text, "" if each.state == "failing" else "dim"


def _group(each: GroupLag) -> list[StyledText]:
    waiting = "unknown" if each.messages is None else f"{'≈ ' if each.estimated else ''}{each.messages:,}"
    return [
        (each.group, "bold"),
        (each.condition.replace("-", " "), GROUP_STYLES[each.condition]),
        (waiting, "bold red" if each.behind else ""),
        "" if each.seconds is None else _wait(each.seconds),
        each.topic or "",
        _rate(each.rate),
        _rate(each.arriving),
        str(each.members),
        (each.unknown or "", "dim"),
    ]


def _roles(status: ServiceStatus) -> Iterable[list[StyledText]]:
    for role in status.roles:
        holder: StyledText
        if not role.held:
            holder = ("nobody", "red" if role.standing_by else "dim")
        elif role.host is None:
            holder = "a process that does not say which"
        elif role.live:
            holder = (f"{role.host} {role.pid}", "green")
        else:
            holder = (f"{role.host} {role.pid}, which is dead", "bold red")
        yield [role.role, holder, str(role.standing_by)]


def _events(partitions: Sequence[EventPartition]) -> str:
    events, size = (sum(each.events for each in partitions), sum(each.bytes for each in partitions))
    return f"about {count_noun(events, 'event')} in {count_noun(len(partitions), 'partition')}, {size / 1e9:,.1f} GB"


def _age(at: datetime, moment: datetime | None) -> str:
    return "" if moment is None else format_age((at - moment).total_seconds())
