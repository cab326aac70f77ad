"""What operators changed: who, when, why, and what it was about."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import partial

from nicegui import ui
from pydantic import JsonValue

from api.console.components.async_panel import AsyncPanel
from api.console.components.formatting import exact_timestamp, timestamp_text
from api.console.components.page_frame import page_frame
from api.console.components.widgets import (
    Table,
    Tone,
    badge,
    box,
    button,
    empty_state,
    link,
    panel,
    safe_text,
)
from api.console.page_context import ConsoleContext
from domain.operators.audit import OperatorAction

A_PAGE = 50
MOST_TOLD = 5
TITLES: dict[str, tuple[str, Tone]] = {
    "operations.rebuild-started.v1": ("Rebuild started", "news"),
    "operations.rebuild-switched.v1": ("Rebuild took its place", "good"),
    "operations.rebuild-cancelled.v1": ("Rebuild cancelled", "warn"),
    "operations.rebuild-rolled-back.v1": ("Rebuild rolled back", "warn"),
    "operations.views-repaired.v1": ("Views repaired", "good"),
    "operations.history-republished.v1": ("History republished", "news"),
    "operations.dead-letter-retried.v1": ("Dead letter retried", "news"),
    "operations.dead-letter-skipped.v1": ("Dead letter skipped", "warn"),
    "operations.personal-data-forgotten.v1": ("Personal data forgotten", "bad"),
}


def register(console: ConsoleContext) -> None:
    @ui.page("/audit")
    def audit() -> None:
        visit = console.visit()
        sub = "What operators changed, the newest first. Times are UTC."
        with page_frame(visit, "Audit", "/audit", sub), panel("Actions", marker="actions"):
            record = _Record(console)
            AsyncPanel(record.older, record.show, lines=8)


class _Record:
    """The actions that were read, page after page."""

    def __init__(self, console: ConsoleContext) -> None:
        self._actions = console.parts.audit_log
        self._table: Table | None = None
        self._before: datetime | None = None

    async def older(self) -> list[OperatorAction]:
        return [*await self._actions.newest(self._before, A_PAGE)]

    def show(self, actions: list[OperatorAction]) -> None:
        if not actions and self._table is None:
            empty_state(
                "fact_check",
                "Nothing was changed yet",
                "Rebuilds, retried and skipped dead letters, repairs and whatever else operators change is"
                " recorded here, with who did it and why.",
            )
            return
        self._table = Table(
            ("When", "tight"),
            ("What", "lead"),
            ("Who", "name"),
            ("Why", "name"),
            ("About", ""),
            name="Actions",
        )
        self._add(actions)
        self._foot = box("body line")
        self._offer_more(len(actions) == A_PAGE)

    async def _more(self) -> None:
        actions = await self.older()
        self._add(actions)
        self._offer_more(len(actions) == A_PAGE)

    def _offer_more(self, more: bool) -> None:
        self._foot.clear()
        if more:
            with self._foot:
                button("Show older ones", self._more)
        self._foot.set_visibility(more)

    def _add(self, actions: list[OperatorAction]) -> None:
        assert self._table is not None  # noqa: S101  (it is drawn before anything is added)
        for action in actions:
            self._before = action.occurred_at
            title, tone = TITLES.get(action.type, (action.type, ""))
            self._table.row(
                partial(
                    safe_text,
                    timestamp_text(action.occurred_at),
                    "nowrap",
                    title=exact_timestamp(action.occurred_at),
                ),
                partial(badge, title, tone),
                partial(_who, action),
                action.operator.reason,
                partial(_about, action.scope),
            )


def _who(action: OperatorAction) -> None:
    with box():
        safe_text(action.operator.actor, tag="div")
        safe_text(f"by {action.operator.way.replace('-', ' ')}", "soft small", tag="div")


_LEADS: dict[str, str] = {
    "basketId": "/baskets/",
    "basket": "/baskets/",
    "rebuild": "/rebuilds/",
    "letter": "/dead-letters/",
}
"""What an entry of a scope names, by the page that shows it."""


_OF_THE_LETTER = ("topic", "partition", "offset", "settled")
"""What the letter's own page tells."""


def _about(scope: Mapping[str, JsonValue]) -> None:
    """The scope's entries that say something; what has a page leads there."""
    with box("line small"):
        for name, value in scope.items():
            said = _short(value)
            if not said or ("letter" in scope and name in _OF_THE_LETTER):
                continue
            if name in _LEADS and isinstance(value, str | int):
                text = said if name.startswith("basket") else f"{name} {said}"
                link(text, f"{_LEADS[name]}{value}")
            else:
                safe_text(said if isinstance(value, dict) else f"{name} {said}", "soft")


def _short(value: JsonValue) -> str:
    match value:
        case None:
            return ""
        case list():
            more = f" and {len(value) - MOST_TOLD} more" if len(value) > MOST_TOLD else ""
            return ", ".join(map(str, value[:MOST_TOLD])) + more
        case dict():
            told = {key: _short(entry) for key, entry in value.items()}
            return ", ".join(f"{key} {entry}" for key, entry in told.items() if entry)
        case bool():
            return "yes" if value else "no"
        case _:
            return str(value)
