"""What people see of the status."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.table import Table
from rich.text import Text

from domain.operating.problems import duration
from domain.operating.status import State, Status, WorkerLag, WorkerState

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
LONGEST_ERROR = 120
WIDE, WHOLE = 100, 130
"""Columns of a terminal: from `WIDE` on all figures are shown, from `WHOLE` on releases too."""


def picture(status: Status, *, all_processes: bool = False, watched: bool = False) -> RenderableType:
    """The workers, the roles, and what is wrong."""
    rows = status.workers if all_processes else shown(status)
    parts: list[RenderableType] = [_headline(status, watched=watched), _Workers(status, rows)]
    if status.roles:
        parts.append(_roles(status))
    parts += [Text(f"✗ {problem}", style="red") for problem in status.problems]
    return Group(*parts)


def unknown(why: str) -> RenderableType:
    """What is to be seen while nothing can be found out."""
    return Text(f"How the service is cannot be found out: {why}", style="bold red")


def shown(status: Status) -> Sequence[WorkerState]:
    """The workers that matter now: the others ended, or their place was taken, and the work is done."""
    live = {each.worker for each in status.workers if each.live}
    return [
        each
        for each in status.workers
        if each.state not in ("stopped", "replaced") or (each.state == "stopped" and each.worker not in live)
    ]


def _headline(status: Status, *, watched: bool) -> Text:
    text = Text("Partner checkout ", style="bold")
    if status.well:
        text.append("is well", style="green")
    else:
        count = len(status.problems)
        text.append(f"has {count} problem{'s' if count > 1 else ''}", style="bold red")
    text.append(f"   {status.at.astimezone():%Y-%m-%d %H:%M:%S %Z}", style="dim")
    if watched:
        text.append("   Ctrl-C ends", style="dim")
    return text


class _Workers:
    """The table of workers, with what the terminal's width has room for: figures are never cut off."""

    def __init__(self, status: Status, rows: Sequence[WorkerState]) -> None:
        self._status = status
        self._rows = rows

    def __rich_console__(self, _: Console, options: ConsoleOptions) -> RenderResult:
        wide, whole = options.max_width >= WIDE, options.max_width >= WHOLE
        table = Table(box=None, header_style="dim", pad_edge=False)
        for name in ("worker", "state"):
            table.add_column(name, no_wrap=True)
        table.add_column("for", justify="right", no_wrap=True)
        table.add_column("process", overflow="fold")
        for name in ("position", "waiting", "oldest", "rate/s") if wide else ("waiting", "oldest"):
            table.add_column(name, justify="right", no_wrap=True)
        if wide:
            table.add_column("last error", overflow="fold")
        before = None
        for each in self._rows:
            lag = _lag_to_show(each, self._rows, self._status.lags)
            waiting = [_waiting(each, lag), _oldest(each, lag)]
            table.add_row(
                Text(each.worker if each.worker != before else "", style="bold"),
                Text(each.state.replace("-", " "), style=STYLES[each.state]),
                Text(_ago(self._status.at, each.since), style="dim"),
                _process(each, release=whole),
                *(
                    [_position(each), *waiting, _rate(each), _error(each, self._status.at)]
                    if wide
                    else waiting
                ),
            )
            before = each.worker
        yield table


def _lag_to_show(
    each: WorkerState, rows: Sequence[WorkerState], lags: Iterable[WorkerLag]
) -> WorkerLag | None:
    """What waits for the kind of worker, on one of its rows, where no process of it has figures."""
    kind = sorted((row for row in rows if row.worker == each.worker), key=lambda row: not row.live)
    if kind[0] is not each or any(row.lag_events is not None for row in kind):
        return None
    return next((lag for lag in lags if lag.worker == each.worker), None)


def _process(each: WorkerState, *, release: bool) -> Text:
    if each.instance is None:
        return Text("none", style="dim")
    text = Text(f"{each.host} {each.pid}")
    return text.append(f" {each.release}", style="dim") if release else text


def _position(each: WorkerState) -> Text:
    return Text("" if each.position is None else f"{each.position:,}")


def _rate(each: WorkerState) -> Text:
    if each.rate is None:
        return Text("")
    return Text(f"{each.rate:,.0f}" if each.rate >= 10 else f"{each.rate:.1f}")


def _waiting(each: WorkerState, lag: WorkerLag | None) -> Text:
    if each.lag_events is not None:
        return Text(f"{each.lag_events:,}")
    if lag is None:
        return Text("")
    if lag.events is None:
        return Text("unknown", style="dim")
    return Text(f"{'≥ ' if lag.at_least else ''}{lag.events:,}")


def _oldest(each: WorkerState, lag: WorkerLag | None) -> Text:
    seconds = each.lag_seconds if each.lag_events is not None else lag.seconds if lag else None
    if seconds is None:
        return Text("")
    return Text(f"{seconds:.1f} s" if 0 < seconds < 10 else duration(seconds))


def _error(each: WorkerState, at: datetime) -> Text:
    if each.last_error is None:
        return Text("")
    words = (
        each.last_error if len(each.last_error) <= LONGEST_ERROR else f"{each.last_error[:LONGEST_ERROR]}…"
    )
    text = Text(words, style="" if each.state == "failing" else "dim")
    return text.append(f" ({_ago(at, each.last_error_at)} ago)", style="dim")


def _roles(status: Status) -> Table:
    table = Table(box=None, header_style="dim", pad_edge=False)
    for name in ("role", "held by", "stand by"):
        table.add_column(name, no_wrap=True)
    for role in status.roles:
        if not role.held:
            holder = Text("nobody", style="red" if role.standing_by else "dim")
        elif role.host is None:
            holder = Text("a process that does not say which")
        else:
            holder = Text(f"{role.host} {role.pid}", style="green" if role.live else "bold red")
            if not role.live:
                holder.append(", which is dead")
        table.add_row(Text(role.role), holder, Text(f"{role.standing_by}", style="dim"))
    return table


def _ago(at: datetime, moment: datetime | None) -> str:
    return "" if moment is None else duration((at - moment).total_seconds())
