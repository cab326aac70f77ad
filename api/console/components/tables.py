"""Tables and long lists."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

from nicegui import ui

from api.console.components.async_panel import AsyncPanel
from api.console.components.widgets import Draw, box, button, safe_text
from domain.shared.formatting import NOTHING

T = TypeVar("T")
C = TypeVar("C")


class Table:
    """A table, on phones a list of cards. A cell is text, or draws itself."""

    def __init__(self, *columns: tuple[str, str], name: str = "") -> None:
        """Each column has a name and classes (`number`, `tight`, `lead`)."""
        self._columns = columns
        with box("scroll"), box("rows cards", tag="table") as table:
            if name:
                table.props["aria-label"] = name
            with box(tag="thead"), box(tag="tr"):
                for title, classes in columns:
                    safe_text(title, classes, tag="th")
            self.body = box(tag="tbody")

    def row(self, *cells: object | Draw, classes: str = "") -> ui.element:
        with self.body, box(classes, tag="tr") as row:
            for (title, column_classes), cell in zip(self._columns, cells, strict=True):
                empty = cell is None or cell == ""
                with box(f"{column_classes} {'void' if empty else ''}", tag="td") as place:
                    place.props["data-name"] = title
                    if callable(cell):
                        cell()
                    elif empty:
                        safe_text(NOTHING, "soft")
                    else:
                        safe_text(cell)
        return row


class PagedList(Generic[T]):
    """Draws a long list in parts: the first at once, each further part when it is asked for.

    A browser needs seconds to lay out thousands of rows. On a busy machine it would miss its connection's pings.
    """

    def __init__(self, items: Sequence[T], draw: Callable[[T], object], place: ui.element, size: int) -> None:
        """Draws into `place`. The button for more stands where the list is made."""
        self._items = items
        self._draw = draw
        self._place = place
        self._size = size
        self._drawn = 0
        self._foot = box("body line")
        self._draw_more()

    def _draw_more(self) -> None:
        part = self._items[self._drawn : self._drawn + self._size]
        with self._place:
            for item in part:
                self._draw(item)
        self._drawn += len(part)
        left = len(self._items) - self._drawn
        self._foot.clear()
        self._foot.set_visibility(left > 0)
        if left > 0:
            with self._foot:
                button(f"Show {min(left, self._size)} more", self._draw_more)
                safe_text(f"{self._drawn} of {len(self._items)} are shown", "soft small")


class PagedTable(Generic[T, C]):
    """A table that is read from the service page by page, each further page when it is asked for."""

    def __init__(
        self,
        read: Callable[[C | None], Awaitable[tuple[Sequence[T], C | None]]],
        columns: Sequence[tuple[str, str]],
        draw_row: Callable[[Table, T], object],
        draw_empty: Draw,
        *,
        name: str,
        more: str = "Show more",
    ) -> None:
        """`read` gets a cursor (None: the first page), and gives a page with the cursor of the next, if there is one."""
        self._read = read
        self._columns = columns
        self._draw_row = draw_row
        self._draw_empty = draw_empty
        self._name = name
        self._more = more
        AsyncPanel(lambda: read(None), self._draw, lines=8)

    def _draw(self, page: tuple[Sequence[T], C | None]) -> None:
        if not page[0]:
            self._draw_empty()
            return
        self._table = Table(*self._columns, name=self._name)
        self._foot = box("body line")
        self._add(page)

    async def _read_more(self) -> None:
        self._add(await self._read(self._cursor))

    def _add(self, page: tuple[Sequence[T], C | None]) -> None:
        items, self._cursor = page
        for item in items:
            self._draw_row(self._table, item)
        self._foot.clear()
        self._foot.set_visibility(self._cursor is not None)
        if self._cursor is not None:
            with self._foot:
                button(self._more, self._read_more)
