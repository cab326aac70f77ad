"""Workers and roles as tables."""

from __future__ import annotations

from functools import partial

from api.console.components.tables import Table
from api.console.components.widgets import Tone, box, dot, empty_state, safe_text
from domain.operators.status.lag_model import GroupCondition, GroupLag
from domain.operators.status.model import ServiceStatus, WorkerCondition, WorkerStatus
from domain.shared.formatting import format_date_time, format_duration, format_number, format_time

STATES: dict[WorkerCondition, tuple[str, Tone]] = {
    "working": ("works", "good"),
    "standing-by": ("on standby", "good"),
    "starting": ("starts", "info"),
    "failing": ("fails", "bad"),
    "standing-still": ("stalled", "bad"),
    "dead": ("dead", "bad"),
    "absent": ("missing", "bad"),
    "stopped": ("stopped", ""),
    "replaced": ("replaced", ""),
}
GROUP_STATES: dict[GroupCondition, tuple[str, Tone]] = {
    "reading": ("reads", "good"),
    "rebalancing": ("rebalances", "info"),
    "no-members": ("has no members", ""),
    "missing": ("missing", "bad"),
    "unknown": ("not known", ""),
}


def draw_workers(status: ServiceStatus) -> None:
    figures = [(title, "number") for title in ("Position", "Waiting", "Lag", "Rate")]
    table = Table(("Worker", "lead"), ("State", "tight"), *figures, ("Process", ""), ("Last error", ""), name="Workers")
    for worker in status.current_workers:
        table.row(
            partial(safe_text, worker.worker, "strong"),
            partial(_draw_state, worker, status),
            format_number(worker.position) if worker.position is not None else None,
            format_number(worker.lag_events) if worker.lag_events is not None else None,
            format_duration(worker.lag_seconds) if worker.lag_seconds is not None else None,
            f"{format_number(worker.rate)}/s" if worker.rate is not None else None,
            partial(_draw_process, worker) if worker.host else None,
            partial(_draw_error, worker) if worker.last_error else None,
        )


def _draw_state(worker: WorkerStatus, status: ServiceStatus) -> None:
    label, tone = STATES[worker.state]
    with box("line nowrap"):
        dot(tone)
        safe_text(label, title=f"since {format_time(worker.since, 'auto')}" if worker.since else None)
        if worker.since is not None and tone == "bad":
            safe_text(f"since {format_duration((status.at - worker.since).total_seconds())}", "soft small")


def _draw_process(worker: WorkerStatus) -> None:
    title = f"{worker.instance}, release {worker.release}"
    safe_text(f"{worker.host} · {worker.pid}", "small", title=title)


def _draw_error(worker: WorkerStatus) -> None:
    with box():
        safe_text(worker.last_error, "bad-ink small", tag="div")
        safe_text(format_date_time(worker.last_error_at), "soft small", tag="div")


def draw_groups(status: ServiceStatus) -> None:
    if not status.groups:
        empty_state("groups", "No consumer group is watched", "CHECKOUT_WATCHED_GROUPS names those of order services.")
        return
    figures = [(title, "number") for title in ("Waiting", "Lag", "Rate", "Arriving", "Members")]
    table = Table(("Group", "lead"), ("State", "tight"), ("Topic", ""), *figures, name="Consumer groups")
    for group in status.groups:
        about = "≈ " if group.estimated else ""
        table.row(
            partial(safe_text, group.group, "strong"),
            partial(_draw_group_state, group),
            partial(safe_text, group.topic, "small") if group.topic else None,
            f"{about}{format_number(group.messages)}" if group.messages is not None else None,
            format_duration(group.seconds) if group.seconds is not None else None,
            f"{format_number(group.rate)}/s" if group.rate is not None else None,
            f"{format_number(group.arriving)}/s" if group.arriving is not None else None,
            format_number(group.members),
        )


def _draw_group_state(group: GroupLag) -> None:
    label, tone = GROUP_STATES[group.condition]
    with box("line nowrap"):
        dot("bad" if group.behind else tone)
        safe_text(f"{label}, is behind" if group.behind else label, title=group.unknown)


def draw_roles(status: ServiceStatus) -> None:
    if not status.roles:
        empty_state("badge", "No role is known", "Workers that run in one process only report their role here.")
        return
    table = Table(("Role", "lead"), ("Held by", ""), ("On standby", "number"), name="Roles")
    for role in status.roles:
        holder = f"{role.host} · {role.pid}" if role.host else role.instance
        table.row(
            partial(safe_text, role.role, "strong"),
            partial(_draw_holder, role.held, role.live, holder),
            format_number(role.standing_by),
        )


def _draw_holder(held: bool | None, live: bool | None, holder: str | None) -> None:
    with box("line"):
        dot("good" if live else "bad")
        if not held:
            safe_text("nobody")
        else:
            safe_text(holder or "a session that names no process")
            if not live:
                safe_text("dead, and keeps others from it", "bad-ink")
