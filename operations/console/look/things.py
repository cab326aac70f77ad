"""What pages are made of. All text is given to the browser as text, never as HTML, and attributes as values,
never as something to parse: most of what is shown was written by partners."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Literal

from nicegui import ui
from nicegui.elements.mixins.text_element import TextElement

Tone = Literal["", "good", "warn", "bad", "news"]
"""What a colour says: well, wants a look, wrong, differs; nothing."""


class Words(TextElement):
    """Text in an HTML element."""

    def __init__(self, tag: str, text: str, classes: str = "", **attributes: str) -> None:
        super().__init__(tag=tag, text=text)
        self.classes(classes)
        self.props.update(attributes)


def words(text: object, classes: str = "", *, tag: str = "span", title: str | None = None) -> Words:
    return Words(tag, str(text), classes, **({"title": title} if title else {}))


def box(classes: str = "", *, tag: str = "div") -> ui.element:
    return ui.element(tag).classes(classes)


def icon(name: str, classes: str = "") -> ui.icon:
    return ui.icon(name).classes(classes)


def link(text: str, target: str, classes: str = "") -> ui.link:
    """To a page of the console, by a path within it."""
    return ui.link(text, target).classes(classes)


def badge(text: str, tone: Tone = "", *, title: str | None = None) -> Words:
    return words(text, f"badge {tone}", title=title)


def dot(tone: Tone) -> ui.element:
    return box(f"dot {tone}", tag="span")


def code(value: object) -> Words:
    """JSON, indented; text as it is."""
    text = value if isinstance(value, str) else json.dumps(value, indent=2, ensure_ascii=False, default=str)
    return words(text, "code", tag="pre")


@contextmanager
def panel(title: str, note: str = "", *, marker: str = "") -> Iterator[ui.element]:
    """A titled surface; yields the place in its head for buttons."""
    with box("panel", tag="section") as surface:
        if marker:
            surface.props["data-panel"] = marker
        with box("head"):
            words(title, tag="h2")
            if note:
                words(note, "note")
            deeds = box("deeds")
        yield deeds


@contextmanager
def body() -> Iterator[None]:
    with box("body"):
        yield


def facts(pairs: Sequence[tuple[str, object]]) -> None:
    """Names and what they stand for; a callable draws its own."""
    with box("facts", tag="dl"):
        for name, value in pairs:
            words(name, tag="dt")
            with box(tag="dd"):
                if callable(value):
                    value()
                elif value is None or value == "":
                    words("–", "soft")
                else:
                    words(value)


def nothing(symbol: str, title: str, why: str = "") -> ui.element:
    """An empty state."""
    with box("nothing") as place:
        icon(symbol)
        words(title, "title", tag="div")
        if why:
            words(why, "why", tag="div")
    return place


def told(text: str, tone: Tone = "", symbol: str = "info", *more: str) -> ui.element:
    """Something that is to be read, in one or more sentences."""
    with box(f"told {tone}") as place:
        icon(symbol)
        with box("what"):
            for each in (text, *more):
                words(each, tag="div")
    return place


def bones(lines: int = 4) -> None:
    """What stands in the place of what is still being read."""
    with box("bones").props('role=status aria-label="Loading"'):
        for each in range(lines):
            box().style(f"width: {94 - each * 37 % 48}%")


Click = Callable[..., Any]


def button(text: str, on_click: Click, *, kind: str = "deed", symbol: str | None = None) -> ui.button:
    made = ui.button(text, on_click=on_click, icon=symbol, color=None).classes(kind)
    return made.props("unelevated no-caps dense")


def round_button(symbol: str, on_click: Click, name: str) -> ui.button:
    made = ui.button(icon=symbol, on_click=on_click, color=None).classes("quiet round")
    made.props("flat dense")
    made.props["aria-label"] = name
    made.props["title"] = name
    return made


Draw = Callable[[], object]


class Table:
    """A table, on phones a list of cards. Cells are text, or draw themselves."""

    def __init__(self, *columns: tuple[str, str], name: str = "") -> None:
        """Each column by its name and its classes (`number`, `tight`, `lead`)."""
        self._columns = columns
        with box("scroll"), box("rows cards", tag="table") as table:
            if name:
                table.props["aria-label"] = name
            with box(tag="thead"), box(tag="tr"):
                for title, classes in columns:
                    words(title, classes, tag="th")
            self._rows = box(tag="tbody")

    def row(self, *cells: object | Draw, classes: str = "") -> ui.element:
        with self._rows, box(classes, tag="tr") as row:
            for (title, look), cell in zip(self._columns, cells, strict=True):
                empty = cell is None or cell == ""
                with box(f"{look} {'void' if empty else ''}", tag="td") as place:
                    place.props["data-name"] = title
                    if callable(cell):
                        cell()
                    elif empty:
                        words("–", "soft")
                    else:
                        words(cell)
        return row
