"""The audit log: what operators changed, when and why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import partial

from nicegui import ui
from pydantic import JsonValue

from api.console.components.page_frame import page_frame
from api.console.components.tables import PagedTable, Table
from api.console.components.widgets import Tone, badge, box, empty_state, link, panel, safe_text, time_text
from api.console.page_context import ConsoleContext
from domain.operators.audit import OperatorAction

PAGE_SIZE = 50
MAX_ITEMS_SHOWN = 5
COLUMNS = (("When", "tight"), ("What", "lead"), ("Who", "name"), ("Why", "name"), ("About", ""))
TITLES: dict[str, tuple[str, Tone]] = {
    "operations.rebuild-started.v1": ("Rebuild started", "info"),
    "operations.rebuild-switched.v1": ("Rebuild took its place", "good"),
    "operations.rebuild-cancelled.v1": ("Rebuild cancelled", "warn"),
    "operations.rebuild-rolled-back.v1": ("Rebuild rolled back", "warn"),
    "operations.views-repaired.v1": ("Views repaired", "good"),
    "operations.history-republished.v1": ("History republished", "info"),
    "operations.dead-letter-retried.v1": ("Dead letter retried", "info"),
    "operations.dead-letter-skipped.v1": ("Dead letter skipped", "warn"),
    "operations.personal-data-forgotten.v1": ("Personal data forgotten", "bad"),
}
_PAGES = {
    "basketId": "/baskets/",
    "basket": "/baskets/",
    "rebuild": "/rebuilds/",
    "letter": "/dead-letters/",
}
"""Which page shows what a member of a scope names."""
_ON_THE_LETTERS_PAGE = ("topic", "partition", "offset", "settled")


def register(console: ConsoleContext) -> None:
    @ui.page("/audit")
    def audit() -> None:
        subtitle = "What operators changed, the newest first. Times are UTC."
        with page_frame(console.page(), "Audit", "/audit", subtitle), panel("Actions", marker="actions"):
            PagedTable(read, COLUMNS, _draw_row, _draw_empty, name="Actions", more="Show older ones")

    async def read(before: datetime | None) -> tuple[Sequence[OperatorAction], datetime | None]:
        actions = [*await console.container.audit_log.newest(before, PAGE_SIZE)]
        return actions, actions[-1].occurred_at if len(actions) == PAGE_SIZE else None


def _draw_empty() -> None:
    empty_state(
        "fact_check",
        "Nothing was changed yet",
        "Every change by an operator is recorded here, with who made it and why: rebuilds, repairs, retried"
        " and skipped dead letters, and others.",
    )


def _draw_row(table: Table, action: OperatorAction) -> None:
    title, tone = TITLES.get(action.type, (action.type, ""))
    table.row(
        partial(time_text, action.occurred_at),
        partial(badge, title, tone),
        partial(_draw_operator, action),
        action.operator.reason,
        partial(_draw_scope, action.scope),
    )


def _draw_operator(action: OperatorAction) -> None:
    with box():
        safe_text(action.operator.actor, tag="div")
        safe_text(f"by {action.operator.way.replace('-', ' ')}", "soft small", tag="div")


def _draw_scope(scope: Mapping[str, JsonValue]) -> None:
    """The members of the scope that hold something. Those that have a page link to it."""
    with box("line small"):
        for name, value in scope.items():
            text = _short(value)
            if not text or ("letter" in scope and name in _ON_THE_LETTERS_PAGE):
                continue
            if name in _PAGES and isinstance(value, str | int):
                link(text if name.startswith("basket") else f"{name} {text}", f"{_PAGES[name]}{value}")
            else:
                safe_text(text if isinstance(value, dict) else f"{name} {text}", "soft")


def _short(value: JsonValue) -> str:
    match value:
        case None:
            return ""
        case list():
            left = len(value) - MAX_ITEMS_SHOWN
            return ", ".join(map(str, value[:MAX_ITEMS_SHOWN])) + (f" and {left} more" if left > 0 else "")
        case dict():
            texts = {key: _short(entry) for key, entry in value.items()}
            return ", ".join(f"{key} {text}" for key, text in texts.items() if text)
        case bool():
            return "yes" if value else "no"
        case _:
            return str(value)
