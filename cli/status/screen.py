"""What people see of the status."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from cli.output import (
    STDOUT,
    Output,
    StyledText,
    TableColumn,
)
from domain.operators.status.alerts import format_duration
from domain.operators.status.model import (
    ServiceStatus,
    WorkerCondition,
    WorkerLag,
    WorkerStatus,
)

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


def show(
    status: ServiceStatus, out: Output = STDOUT, *, all_processes: bool = False, watched: bool = False
) -> None:
    """What is wrong, the workers, and the roles."""
    rows = status.workers if all_processes else relevant_workers(status)
    out.say(*_headline(status, watched=watched))
    for problem in status.problems:
        out.say(f"✗ {problem}", style="red")
    out.table(WORKERS, [_row(each, rows, status) for each in rows])
    if status.roles:
        out.table(("role", "held by", TableColumn("stand by", right=True)), _roles(status))


def show_unknown(why: str, out: Output = STDOUT) -> None:
    """What is to be seen while nothing can be found out."""
    out.say(f"How the service is cannot be found out: {why}", style="bold red")


def relevant_workers(status: ServiceStatus) -> Sequence[WorkerStatus]:
    """The workers that matter now: the others ended, or their place was taken, and the work is done."""
    live = {each.worker for each in status.workers if each.live}
    return [
        each
        for each in status.workers
        if each.state not in ("stopped", "replaced") or (each.state == "stopped" and each.worker not in live)
    ]


def _headline(status: ServiceStatus, *, watched: bool) -> list[StyledText]:
    count = len(status.problems)
    how = (
        ("is well", "green")
        if status.well
        else (f"has {count} problem{'s' if count > 1 else ''}", "bold red")
    )
    when = f"   {status.at.astimezone():%Y-%m-%d %H:%M:%S %Z}"
    said: list[StyledText] = [("Partner checkout ", "bold"), how, (when, "dim")]
    return [*said, ("   Ctrl-C ends", "dim")] if watched else said


def _row(each: WorkerStatus, rows: Sequence[WorkerStatus], status: ServiceStatus) -> list[StyledText]:
    lag = _lag_to_show(each, rows, status.lags)
    return [
        (each.worker, "bold"),
        (each.state.replace("-", " "), STYLES[each.state]),
        (_ago(status.at, each.since), "dim"),
        ("none", "dim") if each.instance is None else f"{each.host} {each.pid}",
        _waiting(each, lag),
        _oldest(each, lag),
        _rate(each),
        "" if each.position is None else f"{each.position:,}",
        (each.release or "", "dim"),
        _error(each, status.at),
    ]


def _lag_to_show(
    each: WorkerStatus, rows: Sequence[WorkerStatus], lags: Iterable[WorkerLag]
) -> WorkerLag | None:
    """What waits for the kind of worker, on one of its rows, where no process of it has figures."""
    kind = sorted((row for row in rows if row.worker == each.worker), key=lambda row: not row.live)
    if kind[0] is not each or any(row.lag_events is not None for row in kind):
        return None
    return next((lag for lag in lags if lag.worker == each.worker), None)


def _rate(each: WorkerStatus) -> str:
    if each.rate is None:
        return ""
    return f"{each.rate:,.0f}" if each.rate >= 10 else f"{each.rate:.1f}"


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
    return f"{seconds:.1f} s" if 0 < seconds < 10 else format_duration(seconds)


def _error(each: WorkerStatus, at: datetime) -> StyledText:
    if each.last_error is None:
        return ""
    said = f"{each.last_error} ({_ago(at, each.last_error_at)} ago)"
    return said, "" if each.state == "failing" else "dim"


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


def _ago(at: datetime, moment: datetime | None) -> str:
    return "" if moment is None else format_duration((at - moment).total_seconds())
