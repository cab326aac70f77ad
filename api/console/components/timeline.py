"""The events of a basket, the newest first, and its verdicts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial

from nicegui import ui

from api.console.components.tables import PagedList, Table
from api.console.components.widgets import (
    Tone,
    box,
    button,
    code,
    copy_button,
    empty_state,
    json_text,
    link,
    open_dialog,
    safe_text,
    time_text,
    verdict_badge,
)
from domain.operators.history.as_of import HistoryEntry
from domain.operators.history.verdict_reader import VerdictSummary

EVENTS_SHOWN = 50
"""The slider reaches all events; the list shows so many more at a time."""

_TONES: dict[str, Tone] = {
    "basket-initiated": "info",
    "order-item-added": "good",
    "order-item-removed": "bad",
    "order-item-quantity-changed": "info",
    "order-item-price-expected": "info",
    "order-item-swapped": "info",
    "order-item-repriced": "info",
    "basket-details-changed": "info",
    "basket-completed": "good",
    "basket-expired": "warn",
    "basket-reopened": "info",
    "basket-cancelled": "warn",
}


class Timeline:
    """Calls `choose` with a version when its event is clicked."""

    def __init__(self, basket_id: str, choose: Callable[[int], object]) -> None:
        self._basket_id = basket_id
        self._choose = choose
        self._events: dict[int, ui.element] = {}
        self._marked = 0
        self._box = box("timeline")

    def draw(self, entries: Sequence[HistoryEntry], verdicts: Mapping[int, VerdictSummary]) -> None:
        self._box.clear()
        self._events.clear()

        def draw_event(entry: HistoryEntry) -> None:
            self._events[entry.version] = self._draw_event(entry, verdicts.get(entry.version))
            if entry.version == self._marked:
                self.mark(entry.version)

        with self._box:
            events = box()
            PagedList(entries[::-1], draw_event, events, EVENTS_SHOWN)

    def mark(self, version: int) -> None:
        """Marks the event that made this version."""
        for event in (self._events.get(self._marked), self._events.get(version)):
            if event is not None:
                event.classes(remove="here")
                event.props.pop("aria-current", None)
        self._marked = version
        if version in self._events:
            self._events[version].classes("here")
            self._events[version].props["aria-current"] = "true"

    def _draw_event(self, entry: HistoryEntry, verdict: VerdictSummary | None) -> ui.element:
        kind = entry.type.split(".")[1] if "." in entry.type else entry.type
        tone = _TONES.get(kind, "")
        if verdict is not None:
            tone = "good" if verdict.ready else "bad"
        with box("event") as event:
            event.props.update({"role": "button", "tabindex": "0", "data-version": str(entry.version)})
            event.on("click", lambda: self._choose(entry.version))
            event.on("keydown.enter", lambda: self._choose(entry.version))
            safe_text(entry.version, f"version {tone}")
            with box("said"):
                safe_text(entry.words, tag="div")
                with box("line soft small"):
                    time_text(entry.occurred_at or entry.recorded_at, "")
                    if entry.actor is not None:
                        safe_text(f"by {entry.actor}")
                    if verdict is not None:
                        target = f"/baskets/{self._basket_id}/verdicts/{entry.version}"
                        link("evidence", target).on("click.stop", lambda: None)
                    show = button("JSON", partial(_show_json, entry), kind="quiet small-button")
                    show.on("click.stop", lambda: None)
        return event


def _show_json(entry: HistoryEntry) -> None:
    """The event as it is stored, with its metadata."""
    stored = entry.model_dump(mode="json", by_alias=True, exclude={"words"})

    def draw() -> None:
        with box("line"):
            safe_text(entry.type, "mono soft small")
            copy_button(json_text(stored), "the JSON")
        code(stored)

    open_dialog(f"Event {entry.version}", draw, classes="wide-dialog")


def draw_verdicts(basket_id: str, verdicts: Sequence[VerdictSummary]) -> None:
    if not verdicts:
        empty_state("gavel", "Not validated yet", "A validation records its findings here.")
        return
    columns = (("Version", "lead tight"), ("Verdict", "tight"), ("Found", ""), ("Validated", "tight"))
    table = Table(*columns, ("", "tight"), name="Verdicts")
    for verdict in reversed(verdicts):
        title = f"validated version {verdict.basket_version}"
        table.row(
            partial(safe_text, f"version {verdict.version}", "strong nowrap", title=title),
            partial(verdict_badge, verdict.ready),
            ", ".join(verdict.finding_codes) or "nothing",
            partial(time_text, verdict.validated_at),
            partial(link, "Evidence", f"/baskets/{basket_id}/verdicts/{verdict.version}"),
        )
