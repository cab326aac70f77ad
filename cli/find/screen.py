"""What people see of found baskets."""

from __future__ import annotations

from datetime import UTC, datetime

from cli.output import (
    STDOUT,
    Output,
    StyledText,
    TableColumn,
)
from domain.operators.history.search import BasketSummary, SearchPage

COLUMNS = (
    "basket",
    "organisation",
    "external id",
    "status",
    "verdict",
    TableColumn("created", optional=True),
    TableColumn("modified", optional=True),
)
_STATUSES = {"open": "green", "completed": "blue", "expired": "red"}
_READY = {True: ("ready", "green"), False: ("not ready", "red"), None: ("not judged", "dim")}


def show(page: SearchPage, *, headed: bool, last: bool, out: Output = STDOUT) -> None:
    """The baskets of a page, and how to go on where it is the last to be shown."""
    if page.baskets:
        out.table(COLUMNS, [_row(basket) for basket in page.baskets], headed=headed)
    if page.next_cursor is not None and last:
        out.note(f"more: --cursor {page.next_cursor}")


def _row(basket: BasketSummary) -> list[StyledText]:
    return [
        basket.basket_id,
        basket.partner,
        basket.external_id or "",
        (basket.status, _STATUSES.get(basket.status, "")),
        _verdict(basket),
        _time(basket.created),
        _time(basket.modified),
    ]


def _verdict(basket: BasketSummary) -> StyledText:
    words, style = _READY[basket.ready]
    codes = ", ".join(basket.finding_codes)
    return f"{words}: {codes}" if codes else words, style


def _time(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(sep=" ", timespec="minutes").replace("+00:00", "Z")
