"""Rebuilds as the console tells them."""

from __future__ import annotations

from nicegui import ui

from api.console.components.formatting import (
    count_text,
    duration_text,
    number_text,
    timestamp_text,
)
from api.console.components.widgets import (
    Tone,
    badge,
    box,
    safe_text,
)
from domain.operators.rebuild import (
    RUNNING_STATES,
    Rebuild,
    RebuildComparison,
    RebuildScope,
    RebuildState,
    RebuildTarget,
)

TARGETS: dict[RebuildTarget, str] = {"basket-views": "Basket views", "catalogue": "Catalogue projections"}
STATES: dict[RebuildState, tuple[str, Tone]] = {
    "building": ("building", "news"),
    "comparing": ("comparing", "news"),
    "switching": ("switching", "news"),
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
        return
    said, tone = STATES[rebuild.state]
    badge(said, tone)


def scope_text(scope: RebuildScope) -> str:
    if scope.everything:
        return "all"
    said = [f"organisation {scope.partner}"] if scope.partner is not None else []
    if scope.baskets:
        said.append(scope.baskets[0] if len(scope.baskets) == 1 else count_text(len(scope.baskets), "basket"))
    if scope.since is not None:
        said.append(f"changed since {timestamp_text(scope.since)}")
    return ", ".join(said)


def comparison_text(comparison: RebuildComparison | None) -> str | None:
    if comparison is None:
        return None
    if not comparison.faults:
        return f"{count_text(comparison.compared, 'row')} compared, none is wrong"
    return f"{count_text(comparison.faults, 'row')} of {number_text(comparison.compared)} wrong"


def elapsed_text(rebuild: Rebuild) -> str:
    end = rebuild.ended_at or rebuild.beaten_at
    return duration_text((end - rebuild.started_at).total_seconds())


class RebuildProgress:
    """How far one is, in figures and as a bar; told again as it goes on."""

    def __init__(self) -> None:
        with box("progress"):
            with box("line"):
                self._share = safe_text("", "share")
                self._figures = safe_text("", "soft")
            self._bar = ui.linear_progress(0.0, show_value=False).props("rounded")
            self._bar.props["aria-label"] = "Progress"
            self._note = safe_text("", "soft small", tag="div")

    def tell(self, rebuild: Rebuild) -> None:
        share = (
            min(1.0, rebuild.done / rebuild.total) if rebuild.total else (1.0 if rebuild.ended_at else 0.0)
        )
        self._share.set_text(f"{share:.0%}")
        self._figures.set_text(
            f"{number_text(rebuild.done)} of {number_text(rebuild.total)} · {number_text(round(rebuild.rate))} a second"
        )
        self._bar.value = round(share, 4)
        self._bar.props["indeterminate"] = rebuild.state in ("comparing", "switching")
        left = f"{duration_text(rebuild.eta_seconds)} left" if rebuild.eta_seconds is not None else ""
        self._note.tell(rebuild.waiting_for or left or f"{count_text(rebuild.rows, 'row')} made")
