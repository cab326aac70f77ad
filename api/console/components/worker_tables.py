"""Workers and roles as tables."""

from __future__ import annotations

from functools import partial

from api.console.components.formatting import (
    duration_text,
    exact_timestamp,
    number_text,
    time_ago,
    timestamp_text,
)
from api.console.components.widgets import (
    Table,
    Tone,
    box,
    dot,
    empty_state,
    safe_text,
)
from domain.operators.status.model import ServiceStatus, WorkerCondition, WorkerStatus

STATES: dict[WorkerCondition, tuple[str, Tone]] = {
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
PAST: frozenset[WorkerCondition] = frozenset({"stopped", "replaced"})
"""Processes that are gone, as they should be: they are not shown."""


def draw_workers(status: ServiceStatus) -> None:
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
            partial(safe_text, each.worker, "strong"),
            partial(_state, each, status),
            number_text(each.position) if each.position is not None else None,
            number_text(each.lag_events) if each.lag_events is not None else None,
            duration_text(each.lag_seconds) if each.lag_seconds is not None else None,
            f"{number_text(each.rate)}/s" if each.rate is not None else None,
            partial(_process, each) if each.host else None,
            partial(_error, each) if each.last_error else None,
        )


def _state(each: WorkerStatus, status: ServiceStatus) -> None:
    said, tone = STATES[each.state]
    with box("line nowrap"):
        dot(tone)
        safe_text(said, title=f"since {exact_timestamp(each.since)}" if each.since else None)
        if each.since is not None and tone == "bad":
            safe_text(f"since {time_ago(each.since, status.at)}".replace(" ago", ""), "soft small")


def _process(each: WorkerStatus) -> None:
    safe_text(f"{each.host} · {each.pid}", "small", title=f"{each.instance}, release {each.release}")


def _error(each: WorkerStatus) -> None:
    with box():
        safe_text(each.last_error, "bad-ink small", tag="div")
        safe_text(timestamp_text(each.last_error_at), "soft small", tag="div")


def draw_roles(status: ServiceStatus) -> None:
    if not status.roles:
        empty_state(
            "badge", "No role is known", "A worker that only one process may run tells of its role here."
        )
        return
    table = Table(("Role", "lead"), ("Held by", ""), ("Standing by", "number"), name="Roles")
    for role in status.roles:
        table.row(
            partial(safe_text, role.role, "strong"),
            partial(
                _holder, role.held, role.live, f"{role.host} · {role.pid}" if role.host else role.instance
            ),
            number_text(role.standing_by),
        )


def _holder(held: bool | None, live: bool | None, who: str | None) -> None:
    with box("line"):
        dot("good" if live else "bad")
        if not held:
            safe_text("nobody")
        else:
            safe_text(who or "a session that names no process")
            if not live:
                safe_text("dead, and keeps others from it", "bad-ink")
