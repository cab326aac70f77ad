"""The events of a basket as a list to stand on: the newest at the top."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial

from nicegui import ui

from api.console.components.formatting import exact_timestamp, timestamp_text
from api.console.components.widgets import (
    PagedList,
    Table,
    Tone,
    badge,
    box,
    button,
    code,
    copy_button,
    empty_state,
    json_text,
    link,
    open_dialog,
    safe_text,
)
from domain.operators.history.as_of import HistoryEntry
from domain.operators.history.verdict_reader import VerdictSummary

EVENTS_AT_ONCE = 50
"""The slider reaches all events; the list shows so many more at a time."""

TONES: dict[str, Tone] = {
    "basket-initiated": "news",
    "order-item-added": "good",
    "order-item-removed": "bad",
    "order-item-quantity-changed": "news",
    "order-item-price-expected": "news",
    "basket-details-changed": "news",
    "basket-completed": "good",
    "basket-expired": "warn",
}


class Timeline:
    """Calls `stand` with a version when its event is chosen."""

    def __init__(self, basket_id: str, stand: Callable[[int], object]) -> None:
        self._basket_id = basket_id
        self._stand = stand
        self._events: dict[int, ui.element] = {}
        self._here = 0
        self._place = box("timeline")

    def draw(self, entries: Sequence[HistoryEntry], verdicts: Mapping[int, VerdictSummary]) -> None:
        self._place.clear()
        self._events.clear()

        def draw_event(entry: HistoryEntry) -> None:
            self._events[entry.version] = self._event(entry, verdicts.get(entry.version))
            if entry.version == self._here:
                self.mark(entry.version)

        with self._place:
            events = box()
            PagedList(entries[::-1], draw_event, events, EVENTS_AT_ONCE)

    def mark(self, version: int) -> None:
        """Marks the event that made this version."""
        for each in (self._events.get(self._here), self._events.get(version)):
            if each is not None:
                each.classes(remove="here")
                each.props.pop("aria-current", None)
        self._here = version
        if version in self._events:
            self._events[version].classes("here")
            self._events[version].props["aria-current"] = "true"

    def _event(self, entry: HistoryEntry, verdict: VerdictSummary | None) -> ui.element:
        kind = entry.type.split(".")[1] if entry.type.count(".") else entry.type
        tone: Tone = TONES.get(kind, "")
        if verdict is not None:
            tone = "good" if verdict.ready else "bad"
        with box("event") as event:
            event.props["role"] = "button"
            event.props["tabindex"] = "0"
            event.props["data-version"] = str(entry.version)
            event.on("click", lambda: self._stand(entry.version))
            event.on("keydown.enter", lambda: self._stand(entry.version))
            safe_text(entry.version, f"version {tone}")
            with box("said"):
                safe_text(entry.words, tag="div")
                at = entry.occurred_at or entry.recorded_at
                with box("line soft small"):
                    safe_text(timestamp_text(at), title=exact_timestamp(at))
                    if entry.actor is not None:
                        safe_text(f"by {entry.actor}")
                    if verdict is not None:
                        target = f"/baskets/{self._basket_id}/verdicts/{entry.version}"
                        link("evidence", target).on("click.stop", lambda: None)
                    button("JSON", partial(_show_json, entry), kind="quiet small-deed").on(
                        "click.stop", lambda: None
                    )
        return event


def _show_json(entry: HistoryEntry) -> None:
    """The event as it is stored, and what was noted beside it."""
    stored = entry.model_dump(mode="json", by_alias=True, exclude={"words"})

    def draw() -> None:
        with box("line"):
            safe_text(entry.type, "mono soft small")
            copy_button(json_text(stored), "the JSON")
        code(stored)

    open_dialog(f"Event {entry.version}", draw)


def _verdict_badge(verdict: VerdictSummary) -> None:
    badge("ready" if verdict.ready else "not ready", "good" if verdict.ready else "bad")


def draw_verdicts(basket_id: str, verdicts: Sequence[VerdictSummary]) -> None:
    if not verdicts:
        empty_state("gavel", "Not judged yet", "A validation records what it found here.")
        return
    table = Table(
        ("Version", "lead tight"),
        ("Verdict", "tight"),
        ("Found", ""),
        ("Judged", "tight"),
        ("", "tight"),
        name="Verdicts",
    )
    for verdict in reversed(verdicts):
        table.row(
            partial(
                safe_text,
                f"version {verdict.version}",
                "strong nowrap",
                title=f"judged version {verdict.basket_version}",
            ),
            partial(_verdict_badge, verdict),
            ", ".join(verdict.finding_codes) or "nothing",
            partial(
                safe_text,
                timestamp_text(verdict.validated_at),
                "nowrap",
                title=exact_timestamp(verdict.validated_at),
            ),
            partial(link, "Evidence", f"/baskets/{basket_id}/verdicts/{verdict.version}"),
        )
