"""Finding baskets, and what was found."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from functools import partial
from urllib.parse import urlencode

from nicegui import ui
from starlette.requests import Request

from api.console.components.async_panel import AsyncPanel
from api.console.components.formatting import exact_timestamp, timestamp_text
from api.console.components.page_frame import page_frame
from api.console.components.widgets import (
    Table,
    Tone,
    badge,
    box,
    button,
    copy_button,
    empty_state,
    link,
    panel,
    safe_text,
)
from api.console.page_context import ConsoleContext
from domain.operators.history.search import BasketQuery, BasketSummary, SearchPage
from domain.shared.errors import BasketNotFound
from domain.shared.values import BASKET_ID_PATTERN
from domain.validation.checks import CHECKS

A_PAGE = 50
STATUSES: dict[str, tuple[str, Tone]] = {
    "open": ("open", "news"),
    "completed": ("completed", "good"),
    "expired": ("expired", ""),
}
TEXTS = (
    ("partner", "Organisation"),
    ("external_id", "External id"),
    ("product", "Product code"),
    ("offer", "Offer id"),
)
DAYS = (("created_from", "Created from"), ("created_until", "Created until"))
_BASKET_ID = re.compile(BASKET_ID_PATTERN)


def register(console: ConsoleContext) -> None:
    @ui.page("/baskets")
    def find(request: Request) -> None:
        visit = console.visit()
        wanted = {name: _plain(value) for name, value in request.query_params.items() if _plain(value)}
        with page_frame(visit, "Baskets", "/baskets"), box("stack"):
            with panel("Find", marker="find"), box("body"):
                _Form(wanted)
            with panel("Found", "the newest created first; times are UTC", marker="found"):
                found = _Found(console, query_of(wanted))
                AsyncPanel(found.page, found.show, lines=8)


def require_basket_id(text: str) -> None:
    """Raises BasketNotFound for what cannot be a basket's id."""
    if _BASKET_ID.fullmatch(text) is None:
        raise BasketNotFound(_plain(text))


def query_of(wanted: dict[str, str]) -> BasketQuery:
    """What a page's address asks for; what cannot be read is left out."""
    said = {name: wanted[name] for name, _ in TEXTS if name in wanted}
    for name in ("status", "finding_code"):
        if name in wanted:
            said[name] = wanted[name]
    days = {name: _day(wanted[name]) for name, _ in DAYS if name in wanted}
    if said.get("status") not in STATUSES:
        said.pop("status", None)
    return BasketQuery.model_validate({**said, **{name: day for name, day in days.items() if day}})


def _plain(text: str) -> str:
    """Without what no identifier has, and PostgreSQL cannot be asked."""
    return "".join(each for each in text[:512] if each.isprintable())


def _day(text: str) -> datetime | None:
    try:
        return datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError:
        return None


class _Form:
    """What is looked for. It becomes the page's address, so that it can be kept and sent on."""

    def __init__(self, wanted: dict[str, str]) -> None:
        codes = sorted(check.code for check in CHECKS)
        with box("search"):
            self._id = self._text("Basket id", "").props('placeholder="basket-…"')
            self._texts = {name: self._text(title, wanted.get(name, "")) for name, title in TEXTS}
            self._status = _choice("Status", [*STATUSES], wanted.get("status"))
            self._code = _choice("Finding", codes, wanted.get("finding_code"))
            self._days = {name: self._text(title, wanted.get(name, "")) for name, title in DAYS}
            for field in self._days.values():
                field.props("type=date stack-label")
            with box("deeds"):
                button("Clear", lambda: ui.navigate.to("/baskets"), kind="quiet")
                button("Find", self._find, kind="main-deed", symbol="search")

    def _text(self, title: str, value: str) -> ui.input:
        field = ui.input(title, value=value).props("outlined dense")
        field.props["data-field"] = title
        return field.on("keydown.enter", self._find)

    def _find(self) -> None:
        basket_id = (self._id.value or "").strip()
        if basket_id:
            if _BASKET_ID.fullmatch(basket_id) is None:
                self._id.props["error"] = True
                self._id.props["error-message"] = "This cannot be a basket's id."
                return
            ui.navigate.to(f"/baskets/{basket_id}")
            return
        fields = {**self._texts, "status": self._status, "finding_code": self._code, **self._days}
        said = {name: (field.value or "").strip() for name, field in fields.items()}
        ui.navigate.to(f"/baskets?{urlencode({name: value for name, value in said.items() if value})}")


def _choice(title: str, options: list[str], value: str | None) -> ui.select:
    chosen = value if value in options else None
    field = ui.select(options, label=title, value=chosen, clearable=True).props(
        "outlined dense options-dense"
    )
    field.props["data-field"] = title
    return field


class _Found:
    """The pages that were read, one below the other."""

    def __init__(self, console: ConsoleContext, query: BasketQuery) -> None:
        self._finder = console.parts.basket_search
        self._query = query
        self._cursor: str | None = None

    async def page(self) -> SearchPage:
        return await self._finder.find(self._query, self._cursor, A_PAGE)

    def show(self, page: SearchPage) -> None:
        if not page.baskets:
            empty_state(
                "search_off",
                "No basket is like this",
                "All that is said must hold. Views may lag: a basket of this moment is found by its id.",
            )
            return
        self._table = Table(
            ("Basket", "lead"),
            ("Status", "tight"),
            ("Verdict", ""),
            ("Version", "number"),
            ("Created and changed", "tight"),
            name="Found baskets",
        )
        self._foot = box("body line")
        self._add(page)

    async def _more(self) -> None:
        self._add(await self.page())

    def _add(self, page: SearchPage) -> None:
        for basket in page.baskets:
            _row(self._table, basket)
        self._cursor = page.next_cursor
        self._foot.clear()
        self._foot.set_visibility(page.next_cursor is not None)
        if page.next_cursor is not None:
            with self._foot:
                button("Show more", self._more)


def _row(table: Table, basket: BasketSummary) -> None:
    status, tone = STATUSES[basket.status]
    table.row(
        partial(_basket, basket),
        partial(badge, status, tone),
        partial(_verdict, basket),
        str(basket.version),
        partial(_when, basket),
    )


def _basket(basket: BasketSummary) -> None:
    with box():
        with box("line tied"):
            link(basket.basket_id, f"/baskets/{basket.basket_id}", "mono whole")
            copy_button(basket.basket_id, "the basket's id")
        with box("line soft small"):
            safe_text(basket.partner)
            if basket.external_id is not None:
                safe_text(f"· {basket.external_id}")


def _when(basket: BasketSummary) -> None:
    with box():
        safe_text(timestamp_text(basket.created), "nowrap", tag="div", title=exact_timestamp(basket.created))
        safe_text(
            timestamp_text(basket.modified),
            "nowrap soft small",
            tag="div",
            title=exact_timestamp(basket.modified),
        )


def _verdict(basket: BasketSummary) -> None:
    """Ready or not, and what was found."""
    with box("line"):
        if basket.ready is None:
            safe_text("not judged", "soft")
            return
        badge("ready" if basket.ready else "not ready", "good" if basket.ready else "bad")
        codes = basket.finding_codes
        if codes:
            more = f" and {len(codes) - 2} more" if len(codes) > 2 else ""
            safe_text(f"{', '.join(codes[:2])}{more}", "soft small", title=", ".join(codes))
