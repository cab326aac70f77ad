"""What people see of found baskets."""

from __future__ import annotations

from datetime import UTC, datetime

from rich.console import Console
from rich.table import Table
from rich.text import Text

from domain.operating.finding import FoundBasket, FoundPage
from domain.operating.words import printable

_STATUSES = {"open": "green", "completed": "blue", "expired": "red"}
_READY = {True: ("ready", "green"), False: ("not ready", "red"), None: ("not judged", "dim")}


def show(page: FoundPage, *, headed: bool, last: bool, console: Console | None = None) -> None:
    """The baskets of a page, and how to go on where it is the last to be shown."""
    out = console or Console(highlight=False)
    if page.baskets:
        out.print(_table(page, headed=headed), soft_wrap=not out.is_terminal)
    if page.next_cursor is not None and last:
        out.print(Text(f"more: --cursor {page.next_cursor}", style="dim"), soft_wrap=True)


def _table(page: FoundPage, *, headed: bool) -> Table:
    table = Table(box=None, header_style="dim", show_header=headed)
    table.add_column("basket", no_wrap=True)
    for name in ("organisation", "external id", "status", "verdict"):
        table.add_column(name, overflow="fold")
    for name in ("created", "modified"):
        table.add_column(name, no_wrap=True)
    for basket in page.baskets:
        table.add_row(
            Text(basket.basket_id),
            Text(printable(basket.partner)),
            Text(printable(basket.external_id or "")),
            Text(basket.status, style=_STATUSES[basket.status]),
            _verdict(basket),
            Text(_time(basket.created)),
            Text(_time(basket.modified)),
        )
    return table


def _verdict(basket: FoundBasket) -> Text:
    words, style = _READY[basket.ready]
    codes = ", ".join(basket.finding_codes)
    return Text.assemble((words, style), f": {codes}" if codes else "")


def _time(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(sep=" ", timespec="minutes").replace("+00:00", "Z")
