"""Rebuilds as the console tells them."""

from __future__ import annotations

from nicegui import ui

from domain.operating.rebuilding import (
    RUNNING_STATES,
    Rebuild,
    RebuildComparison,
    RebuildScope,
    RebuildState,
    RebuildTarget,
)
from operations.console.look.telling import counted, duration, moment, number
from operations.console.look.things import Tone, badge, box, words

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


def at_work(rebuild: Rebuild) -> bool:
    return rebuild.state in RUNNING_STATES and not rebuild.interrupted


def state_badge(rebuild: Rebuild) -> None:
    if rebuild.interrupted:
        badge("interrupted", "bad")
        return
    said, tone = STATES[rebuild.state]
    badge(said, tone)


def scope_words(scope: RebuildScope) -> str:
    if scope.everything:
        return "all"
    said = [f"organisation {scope.partner}"] if scope.partner is not None else []
    if scope.baskets:
        said.append(scope.baskets[0] if len(scope.baskets) == 1 else counted(len(scope.baskets), "basket"))
    if scope.since is not None:
        said.append(f"changed since {moment(scope.since)}")
    return ", ".join(said)


def comparison_words(comparison: RebuildComparison | None) -> str | None:
    if comparison is None:
        return None
    if not comparison.faults:
        return f"{counted(comparison.compared, 'row')} compared, none is wrong"
    return f"{counted(comparison.faults, 'row')} of {number(comparison.compared)} wrong"


def took(rebuild: Rebuild) -> str:
    end = rebuild.ended_at or rebuild.beaten_at
    return duration((end - rebuild.started_at).total_seconds())


class Progress:
    """How far one is, in figures and as a bar; told again as it goes on."""

    def __init__(self) -> None:
        with box("progress"):
            with box("line"):
                self._share = words("", "share")
                self._figures = words("", "soft")
            self._bar = ui.linear_progress(0.0, show_value=False).props("rounded")
            self._bar.props["aria-label"] = "Progress"
            self._note = words("", "soft small", tag="div")

    def tell(self, rebuild: Rebuild) -> None:
        share = (
            min(1.0, rebuild.done / rebuild.total) if rebuild.total else (1.0 if rebuild.ended_at else 0.0)
        )
        self._share.set_text(f"{share:.0%}")
        self._figures.set_text(
            f"{number(rebuild.done)} of {number(rebuild.total)} · {number(round(rebuild.rate))} a second"
        )
        self._bar.value = round(share, 4)
        self._bar.props["indeterminate"] = rebuild.state in ("comparing", "switching")
        left = f"{duration(rebuild.eta_seconds)} left" if rebuild.eta_seconds is not None else ""
        self._note.tell(rebuild.waiting_for or left or f"{counted(rebuild.rows, 'row')} made")
