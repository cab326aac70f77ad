"""Parts that the pages of rebuilds share."""

from __future__ import annotations

from nicegui import ui

from api.console.components.widgets import Tone, badge, box, count_text, safe_text
from domain.operators.rebuild import (
    RUNNING_STATES,
    Rebuild,
    RebuildComparison,
    RebuildScope,
    RebuildState,
    RebuildTarget,
)
from domain.shared.formatting import format_date_time, format_duration, format_number

TARGETS: dict[RebuildTarget, str] = {"basket-views": "Basket views", "catalogue": "Catalogue projections"}
STATES: dict[RebuildState, tuple[str, Tone]] = {
    "building": ("building", "info"),
    "comparing": ("comparing", "info"),
    "switching": ("switching", "info"),
    "switched": ("took its place", "good"),
    "rolled-back": ("rolled back", "warn"),
    "mended": ("mended", "good"),
    "compared": ("compared", "good"),
    "cancelled": ("cancelled", "warn"),
    "failed": ("failed", "bad"),
    "abandoned": ("abandoned", ""),
}


def is_running(rebuild: Rebuild) -> bool:
    return rebuild.state in RUNNING_STATES and not rebuild.interrupted


def state_badge(rebuild: Rebuild) -> None:
    if rebuild.interrupted:
        badge("interrupted", "bad")
    else:
        badge(*STATES[rebuild.state])


def target_select() -> ui.select:
    field = ui.select(TARGETS, value="basket-views", label="What")
    return field.props("outlined dense options-dense")


def scope_text(scope: RebuildScope) -> str:
    if scope.everything:
        return "all"
    parts = [f"organisation {scope.partner}"] if scope.partner is not None else []
    if scope.baskets:
        parts.append(scope.baskets[0] if len(scope.baskets) == 1 else count_text(len(scope.baskets), "basket"))
    if scope.since is not None:
        parts.append(f"changed since {format_date_time(scope.since)}")
    return ", ".join(parts)


def comparison_text(comparison: RebuildComparison | None) -> str | None:
    if comparison is None:
        return None
    if not comparison.faults:
        return f"{count_text(comparison.compared, 'row')} compared, none is wrong"
    return f"{count_text(comparison.faults, 'row')} of {format_number(comparison.compared)} wrong"


def elapsed_text(rebuild: Rebuild) -> str:
    end = rebuild.ended_at or rebuild.beaten_at
    return format_duration((end - rebuild.started_at).total_seconds())


class RebuildProgress:
    """How far a rebuild is, in figures and as a bar."""

    def __init__(self) -> None:
        with box("progress"):
            with box("line"):
                self._share = safe_text("", "share")
                self._figures = safe_text("", "soft")
            self._bar = ui.linear_progress(0.0, show_value=False).props("rounded")
            self._bar.props["aria-label"] = "Progress"
            self._note = safe_text("", "soft small", tag="div")

    def show(self, rebuild: Rebuild) -> None:
        share = float(rebuild.ended_at is not None)
        if rebuild.total:
            share = min(1.0, rebuild.done / rebuild.total)
        self._share.set_text(f"{share:.0%}")
        rate = format_number(round(rebuild.rate))
        self._figures.set_text(f"{format_number(rebuild.done)} of {format_number(rebuild.total)} · {rate} a second")
        self._bar.value = round(share, 4)
        self._bar.props["indeterminate"] = rebuild.state in ("comparing", "switching")
        left = f"{format_duration(rebuild.eta_seconds)} left" if rebuild.eta_seconds is not None else ""
        self._note.show(rebuild.waiting_for or left or f"{count_text(rebuild.rows, 'row')} made")
