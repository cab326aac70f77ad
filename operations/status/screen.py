"""What people see of the status."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from domain.operating.problems import duration
from domain.operating.status import State, Status, WorkerLag, WorkerState
from operations.output import STDOUT, Column, Output, Piece

STYLES: dict[State, str] = {
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
    Column("for", right=True),
    "process",
    Column("waiting", right=True),
    Column("oldest", right=True),
    Column("rate/s", right=True, optional=True),
    Column("position", right=True, optional=True),
    Column("release", optional=True),
    Column("last error", optional=True),
)


def show(status: Status, out: Output = STDOUT, *, all_processes: bool = False, watched: bool = False) -> None:
    """What is wrong, the workers, and the roles."""
    rows = status.workers if all_processes else shown(status)
    out.say(*_headline(status, watched=watched))
    for problem in status.problems:
        out.say(f"✗ {problem}", style="red")
    out.table(WORKERS, [_row(each, rows, status) for each in rows])
    if status.roles:
        out.table(("role", "held by", Column("stand by", right=True)), _roles(status))


def show_unknown(why: str, out: Output = STDOUT) -> None:
    """What is to be seen while nothing can be found out."""
    out.say(f"How the service is cannot be found out: {why}", style="bold red")


def shown(status: Status) -> Sequence[WorkerState]:
    """The workers that matter now: the others ended, or their place was taken, and the work is done."""
    live = {each.worker for each in status.workers if each.live}
    return [
        each
        for each in status.workers
        if each.state not in ("stopped", "replaced") or (each.state == "stopped" and each.worker not in live)
    ]


def _headline(status: Status, *, watched: bool) -> list[Piece]:
    count = len(status.problems)
    how = (
        ("is well", "green")
        if status.well
        else (f"has {count} problem{'s' if count > 1 else ''}", "bold red")
    )
    when = f"   {status.at.astimezone():%Y-%m-%d %H:%M:%S %Z}"
    said: list[Piece] = [("Partner checkout ", "bold"), how, (when, "dim")]
    return [*said, ("   Ctrl-C ends", "dim")] if watched else said


def _row(each: WorkerState, rows: Sequence[WorkerState], status: Status) -> list[Piece]:
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
    each: WorkerState, rows: Sequence[WorkerState], lags: Iterable[WorkerLag]
) -> WorkerLag | None:
    """What waits for the kind of worker, on one of its rows, where no process of it has figures."""
    kind = sorted((row for row in rows if row.worker == each.worker), key=lambda row: not row.live)
    if kind[0] is not each or any(row.lag_events is not None for row in kind):
        return None
    return next((lag for lag in lags if lag.worker == each.worker), None)


def _rate(each: WorkerState) -> str:
    if each.rate is None:
        return ""
    return f"{each.rate:,.0f}" if each.rate >= 10 else f"{each.rate:.1f}"


def _waiting(each: WorkerState, lag: WorkerLag | None) -> str:
    if each.lag_events is not None:
        return f"{each.lag_events:,}"
    if lag is None:
        return ""
    return "unknown" if lag.events is None else f"{'≥ ' if lag.at_least else ''}{lag.events:,}"


def _oldest(each: WorkerState, lag: WorkerLag | None) -> str:
    seconds = each.lag_seconds if each.lag_events is not None else lag.seconds if lag else None
    if seconds is None:
        return ""
    return f"{seconds:.1f} s" if 0 < seconds < 10 else duration(seconds)


def _error(each: WorkerState, at: datetime) -> Piece:
    if each.last_error is None:
        return ""
    said = f"{each.last_error} ({_ago(at, each.last_error_at)} ago)"
    return said, "" if each.state == "failing" else "dim"


def _roles(status: Status) -> Iterable[list[Piece]]:
    for role in status.roles:
        holder: Piece
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
    return "" if moment is None else duration((at - moment).total_seconds())
