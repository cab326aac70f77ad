"""Searching baskets."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial
from urllib.parse import urlencode

from nicegui import ui
from starlette.requests import Request

from api.console.components.page_frame import page_frame
from api.console.components.tables import PagedTable, Table
from api.console.components.widgets import (
    Tone,
    badge,
    box,
    button,
    copy_button,
    empty_state,
    link,
    panel,
    safe_text,
    time_text,
    verdict_badge,
)
from api.console.page_context import ConsoleContext
from domain.operators.history.search import BasketQuery, BasketSummary
from domain.shared.errors import BasketNotFound
from domain.shared.values import BASKET_ID_PATTERN
from domain.validation.checks import CHECKS

PAGE_SIZE = 50
COLUMNS = (
    ("Basket", "lead"),
    ("Status", "tight"),
    ("Verdict", ""),
    ("Version", "number"),
    ("Created and changed", "tight"),
)
STATUSES: dict[str, tuple[str, Tone]] = {
    "open": ("open", "info"),
    "completed": ("completed", "good"),
    "expired": ("expired", ""),
    "cancelled": ("cancelled", "warn"),
}
_TEXT_FIELDS = {
    "partner": "Organisation",
    "external_id": "External id",
    "product": "Product code",
    "offer": "Offer id",
}
_DAY_FIELDS = {"created_from": "Created from", "created_until": "Created until"}
_BASKET_ID = re.compile(BASKET_ID_PATTERN)


def register(console: ConsoleContext) -> None:
    @ui.page("/baskets")
    def search(request: Request) -> None:
        asked = {name: text for name, value in request.query_params.items() if (text := _printable(value))}
        with page_frame(console.page(), "Baskets", "/baskets"), box("stack"):
            with panel("Find", marker="find"), box("body"):
                _SearchForm(asked)
            with panel("Found", "the newest created first; times are UTC", marker="found"):
                read_page = partial(read, parse_query(asked))
                PagedTable(read_page, COLUMNS, _draw_row, _draw_empty, name="Found baskets")

    async def read(query: BasketQuery, cursor: str | None) -> tuple[Sequence[BasketSummary], str | None]:
        page = await console.container.basket_search.find(query, cursor, PAGE_SIZE)
        return page.baskets, page.next_cursor


def require_basket_id(text: str) -> None:
    """Raises BasketNotFound for a text that cannot be a basket's id."""
    if _BASKET_ID.fullmatch(text) is None:
        raise BasketNotFound(_printable(text))


def parse_query(asked: dict[str, str]) -> BasketQuery:
    """The query that a page's address asks for. Drops what cannot be read."""
    query: dict[str, object] = {name: asked[name] for name in (*_TEXT_FIELDS, "finding_code") if name in asked}
    if asked.get("status") in STATUSES:
        query["status"] = asked["status"]
    for name in _DAY_FIELDS:
        if (day := _parse_day(asked.get(name, ""))) is not None:
            query[name] = day
    return BasketQuery.model_validate(query)


def _printable(text: str) -> str:
    """Without characters that no identifier has; PostgreSQL rejects some of them."""
    return "".join(character for character in text[:512] if character.isprintable())


def _parse_day(text: str) -> datetime | None:
    try:
        return datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError:
        return None


class _SearchForm:
    """Its content becomes the page's address, so that a search can be kept and sent on."""

    def __init__(self, asked: dict[str, str]) -> None:
        codes = sorted(check.code for check in CHECKS)
        with box("search"):
            self._id = self._input("Basket id", "").props('placeholder="basket-…"')
            texts = {name: self._input(title, asked.get(name, "")) for name, title in _TEXT_FIELDS.items()}
            status = _select("Status", [*STATUSES], asked.get("status"))
            finding = _select("Finding", codes, asked.get("finding_code"))
            days = {name: self._input(title, asked.get(name, "")) for name, title in _DAY_FIELDS.items()}
            for field in days.values():
                field.props("type=date stack-label")
            self._fields = {**texts, "status": status, "finding_code": finding, **days}
            with box("actions"):
                button("Clear", lambda: ui.navigate.to("/baskets"), kind="quiet")
                button("Find", self._find, kind="primary", symbol="search")

    def _input(self, title: str, value: str) -> ui.input:
        field = ui.input(title, value=value).props("outlined dense")
        field.props["data-field"] = title
        return field.on("keydown.enter", self._find)

    def _find(self) -> None:
        basket_id = (self._id.value or "").strip()
        if not basket_id:
            values = {name: (field.value or "").strip() for name, field in self._fields.items()}
            ui.navigate.to(f"/baskets?{urlencode({name: value for name, value in values.items() if value})}")
        elif _BASKET_ID.fullmatch(basket_id) is not None:
            ui.navigate.to(f"/baskets/{basket_id}")
        else:
            self._id.props["error"] = True
            self._id.props["error-message"] = "This cannot be a basket's id."


def _select(title: str, options: list[str], value: str | None) -> ui.select:
    chosen = value if value in options else None
    field = ui.select(options, label=title, value=chosen, clearable=True)
    field.props("outlined dense options-dense").props["data-field"] = title
    return field


def _draw_empty() -> None:
    empty_state(
        "search_off",
        "No basket is like this",
        "A basket must match every field. Views may lag: a basket of this moment is found by its id. Baskets in the archive"
        " are not searched: `checkout archive list` lists them.",
    )


def _draw_row(table: Table, basket: BasketSummary) -> None:
    table.row(
        partial(_draw_basket, basket),
        partial(badge, *STATUSES[basket.status]),
        partial(_draw_verdict, basket),
        str(basket.version),
        partial(_draw_times, basket),
    )


def _draw_basket(basket: BasketSummary) -> None:
    with box():
        with box("line tied"):
            link(basket.basket_id, f"/baskets/{basket.basket_id}", "mono whole")
            copy_button(basket.basket_id, "the basket's id")
        with box("line soft small"):
            safe_text(basket.partner)
            if basket.external_id is not None:
                safe_text(f"· {basket.external_id}")


def _draw_times(basket: BasketSummary) -> None:
    with box():
        time_text(basket.created, tag="div")
        time_text(basket.modified, "nowrap soft small", tag="div")


def _draw_verdict(basket: BasketSummary) -> None:
    with box("line"):
        if basket.ready is None:
            safe_text("not judged", "soft")
            return
        verdict_badge(basket.ready)
        codes = basket.finding_codes
        if codes:
            more = f" and {len(codes) - 2} more" if len(codes) > 2 else ""
            safe_text(f"{', '.join(codes[:2])}{more}", "soft small", title=", ".join(codes))
