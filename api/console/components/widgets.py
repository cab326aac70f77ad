"""What pages are made of. All text is given to the browser as text, never as HTML, and attributes as values,
never as something to parse: most of what is shown was written by partners."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Generic, Literal, TypeVar

from nicegui import ui
from nicegui.elements.mixins.text_element import TextElement

from domain.shared.printable import printable, printable_json

T = TypeVar("T")

Tone = Literal["", "good", "warn", "bad", "news"]
"""What a colour says: well, wants a look, wrong, differs; nothing."""


class PrintableText(TextElement):
    """Text in an HTML element, in one line: what could mislead a reader stands there as an escape."""

    def __init__(self, tag: str, text: str, classes: str = "", **attributes: str) -> None:
        super().__init__(tag=tag, text=printable(text))
        self.classes(classes)
        self.props.update({name: printable(value) for name, value in attributes.items()})

    def tell(self, text: str) -> None:
        """Shows another text."""
        self.set_text(printable(text))


def safe_text(
    text: object, classes: str = "", *, tag: str = "span", title: str | None = None
) -> PrintableText:
    return PrintableText(tag, str(text), classes, **({"title": title} if title else {}))


def box(classes: str = "", *, tag: str = "div") -> ui.element:
    return ui.element(tag).classes(classes)


def icon(name: str, classes: str = "") -> ui.icon:
    return ui.icon(name).classes(classes)


def link(text: str, target: str, classes: str = "") -> ui.link:
    """To a page of the console, by a path within it."""
    return ui.link(printable(text), target).classes(classes)


def badge(text: str, tone: Tone = "", *, title: str | None = None) -> PrintableText:
    return safe_text(text, f"badge {tone}", title=title)


def dot(tone: Tone) -> ui.element:
    return box(f"dot {tone}", tag="span")


def code(value: object) -> TextElement:
    """JSON, indented; text as it is, in its lines."""
    if isinstance(value, str):
        text = "\n".join(printable(line) for line in value.split("\n"))
    else:
        text = json_text(value)
    place = TextElement(tag="pre", text=text)
    return place.classes("code")


def json_text(value: object) -> str:
    """JSON as people read and copy it."""
    return printable_json(json.dumps(value, indent=2, ensure_ascii=False, default=str))


@contextmanager
def panel(title: str, note: str = "", *, marker: str = "") -> Iterator[ui.element]:
    """A titled surface; yields the place in its head for buttons."""
    with box("panel", tag="section") as surface:
        if marker:
            surface.props["data-panel"] = marker
        with box("head"):
            safe_text(title, tag="h2")
            if note:
                safe_text(note, "note")
            deeds = box("deeds")
        yield deeds


@contextmanager
def body() -> Iterator[None]:
    with box("body"):
        yield


def definition_list(pairs: Sequence[tuple[str, object]]) -> None:
    """Names and what they stand for; a callable draws its own."""
    with box("facts", tag="dl"):
        for name, value in pairs:
            safe_text(name, tag="dt")
            with box(tag="dd"):
                if callable(value):
                    value()
                elif value is None or value == "":
                    safe_text("–", "soft")
                else:
                    safe_text(value)


def empty_state(symbol: str, title: str, why: str = "") -> ui.element:
    """An empty state."""
    with box("nothing") as place:
        icon(symbol)
        safe_text(title, "title", tag="div")
        if why:
            safe_text(why, "why", tag="div")
    return place


def notice(text: str, tone: Tone = "", symbol: str = "info", *more: str) -> ui.element:
    """Something that is to be read, in one or more sentences."""
    with box(f"told {tone}") as place:
        icon(symbol)
        with box("what"):
            for each in (text, *more):
                safe_text(each, tag="div")
    return place


def skeleton(lines: int = 4) -> None:
    """What stands in the place of what is still being read."""
    with box("bones").props('role=status aria-label="Loading"'):
        for each in range(lines):
            box().style(f"width: {94 - each * 37 % 48}%")


Click = Callable[..., Any]
Draw = Callable[[], object]


def button(text: str, on_click: Click, *, kind: str = "deed", symbol: str | None = None) -> ui.button:
    made = ui.button(text, on_click=on_click, icon=symbol, color=None).classes(kind)
    return made.props("unelevated no-caps dense")


def icon_button(symbol: str, on_click: Click, name: str) -> ui.button:
    made = ui.button(icon=symbol, on_click=on_click, color=None).classes("quiet round")
    made.props("flat dense")
    made.props["aria-label"] = name
    made.props["title"] = name
    return made


# Browsers give the clipboard to secure origins only. Elsewhere the older way still works.
_COPY = """
async (event) => {
  const button = event.currentTarget, text = button.dataset.copy;
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const field = document.createElement("textarea");
    field.value = text;
    button.after(field);
    field.select();
    document.execCommand("copy");
    field.remove();
  }
  button.classList.add("copied");
  setTimeout(() => button.classList.remove("copied"), 1200);
}
"""


def copy_button(text: str, what: str) -> ui.element:
    """Copies `text` in the browser, without asking the server; `what` names it for people."""
    made = box("copy", tag="button")
    made.props.update(
        {"type": "button", "data-copy": text, "title": f"Copy {what}", "aria-label": f"Copy {what}"}
    )
    made.on("click.stop", js_handler=_COPY)
    return made


def copyable_text(text: str, what: str, classes: str = "mono") -> None:
    """Text with a button that copies it."""
    with box("line tied copyable", tag="span"):
        safe_text(text, classes)
        copy_button(text, what)


def open_dialog(title: str, draw: Draw) -> None:
    """Opens a dialog; it is gone from the page once it is closed."""
    with ui.dialog() as dialog, ui.card().classes("wide-sheet"), box("sheet"):
        safe_text(title, tag="h2")
        draw()
        with box("deeds"):
            button("Close", dialog.close)
    dialog.on("hide", dialog.delete)
    dialog.open()


class PagedList(Generic[T]):
    """Draws a long list in portions: the first at once, each further one when it is asked for.

    A browser takes seconds to lay out thousands of rows, and on a busy machine it would miss its connection's
    signs of life meanwhile.
    """

    def __init__(self, all: Sequence[T], draw: Callable[[T], object], place: ui.element, size: int) -> None:
        """Draws into `place`; the button that shows more goes below it, where the list is drawn."""
        self._all = all
        self._draw = draw
        self._place = place
        self._size = size
        self._drawn = 0
        self._foot = box("body line")
        self._more()

    def _more(self) -> None:
        portion = self._all[self._drawn : self._drawn + self._size]
        with self._place:
            for each in portion:
                self._draw(each)
        self._drawn += len(portion)
        left = len(self._all) - self._drawn
        self._foot.clear()
        self._foot.set_visibility(left > 0)
        if left > 0:
            with self._foot:
                button(f"Show {min(left, self._size)} more", self._more)
                safe_text(f"{self._drawn} of {len(self._all)} are shown", "soft small")


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
                    safe_text(title, classes, tag="th")
            self.body = box(tag="tbody")

    def row(self, *cells: object | Draw, classes: str = "") -> ui.element:
        with self.body, box(classes, tag="tr") as row:
            for (title, look), cell in zip(self._columns, cells, strict=True):
                empty = cell is None or cell == ""
                with box(f"{look} {'void' if empty else ''}", tag="td") as place:
                    place.props["data-name"] = title
                    if callable(cell):
                        cell()
                    elif empty:
                        safe_text("–", "soft")
                    else:
                        safe_text(cell)
        return row
