"""Workers and roles as tables."""

from __future__ import annotations

from functools import partial

from domain.operating.status import State, Status, WorkerState
from operations.console.look.telling import ago, duration, exactly, moment, number
from operations.console.look.things import Table, Tone, box, dot, nothing, words

STATES: dict[State, tuple[str, Tone]] = {
    "working": ("works", "good"),
    "standing-by": ("stands by", "good"),
    "starting": ("starts", "news"),
    "failing": ("fails", "bad"),
    "standing-still": ("stands still", "bad"),
    "dead": ("dead", "bad"),
    "absent": ("absent", "bad"),
    "stopped": ("stopped", ""),
    "replaced": ("replaced", ""),
}
PAST: frozenset[State] = frozenset({"stopped", "replaced"})
"""Processes that are gone, as they should be: they are not shown."""


def draw_workers(status: Status) -> None:
    table = Table(
        ("Worker", "lead"),
        ("State", "tight"),
        ("Position", "number"),
        ("Waiting", "number"),
        ("Lag", "number"),
        ("Rate", "number"),
        ("Process", ""),
        ("Last error", ""),
        name="Workers",
    )
    for each in status.workers:
        if each.state in PAST:
            continue
        table.row(
            partial(words, each.worker, "strong"),
            partial(_state, each, status),
            number(each.position) if each.position is not None else None,
            number(each.lag_events) if each.lag_events is not None else None,
            duration(each.lag_seconds) if each.lag_seconds is not None else None,
            f"{number(each.rate)}/s" if each.rate is not None else None,
            partial(_process, each) if each.host else None,
            partial(_error, each) if each.last_error else None,
        )


def _state(each: WorkerState, status: Status) -> None:
    said, tone = STATES[each.state]
    with box("line nowrap"):
        dot(tone)
        words(said, title=f"since {exactly(each.since)}" if each.since else None)
        if each.since is not None and tone == "bad":
            words(f"since {ago(each.since, status.at)}".replace(" ago", ""), "soft small")


def _process(each: WorkerState) -> None:
    words(f"{each.host} · {each.pid}", "small", title=f"{each.instance}, release {each.release}")


def _error(each: WorkerState) -> None:
    with box():
        words(each.last_error, "bad-ink small", tag="div")
        words(moment(each.last_error_at), "soft small", tag="div")


def draw_roles(status: Status) -> None:
    if not status.roles:
        nothing("badge", "No role is known", "A worker that only one process may run tells of its role here.")
        return
    table = Table(("Role", "lead"), ("Held by", ""), ("Standing by", "number"), name="Roles")
    for role in status.roles:
        table.row(
            partial(words, role.role, "strong"),
            partial(
                _holder, role.held, role.live, f"{role.host} · {role.pid}" if role.host else role.instance
            ),
            number(role.standing_by),
        )


def _holder(held: bool | None, live: bool | None, who: str | None) -> None:
    with box("line"):
        dot("good" if live else "bad")
        if not held:
            words("nobody")
        else:
            words(who or "a session that names no process")
            if not live:
                words("dead, and keeps others from it", "bad-ink")
