"""What pages are made of.

Partners wrote most of what is shown. So text reaches the browser as text, never as HTML, and attributes as
values that nothing parses.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any, Literal

from nicegui import ui
from nicegui.elements.mixins.text_element import TextElement

from domain.shared.formatting import NOTHING, THIN_SPACE, count_noun, format_date_time, format_time
from domain.shared.printable import printable, printable_json

Tone = Literal["", "good", "warn", "bad", "info"]
"""What a colour means: all is well, needs attention, wrong, changed; or nothing."""

Draw = Callable[[], object]
Click = Callable[..., Any]


class PrintableText(TextElement):
    """Text in one line of an HTML element. Characters that could mislead a reader are shown as escapes."""

    def __init__(self, tag: str, text: str, classes: str = "", **attributes: str) -> None:
        super().__init__(tag=tag, text=printable(text))
        self.classes(classes)
        self.props.update({name: printable(value) for name, value in attributes.items()})

    def show(self, text: str) -> None:
        """Shows another text."""
        self.set_text(printable(text))


def safe_text(text: object, classes: str = "", *, tag: str = "span", title: str | None = None) -> PrintableText:
    return PrintableText(tag, str(text), classes, **({"title": title} if title else {}))


def time_text(at: datetime | None, classes: str = "nowrap", *, tag: str = "span", unit: str = "") -> PrintableText:
    """A time to the second, with the exact time as its title. `unit` follows it, such as ` UTC`."""
    title = format_time(at, "auto") if at is not None else None
    return safe_text(f"{format_date_time(at)}{unit}", classes, tag=tag, title=title)


def count_text(count: int, noun: str, plural: str | None = None) -> str:
    return count_noun(count, noun, plural, THIN_SPACE)


def box(classes: str = "", *, tag: str = "div") -> ui.element:
    return ui.element(tag).classes(classes)


def icon(name: str, classes: str = "") -> ui.icon:
    return ui.icon(name).classes(classes)


def link(text: str, target: str, classes: str = "") -> ui.link:
    """Leads to a page of the console; `target` is a path within it."""
    return ui.link(printable(text), target).classes(classes)


def badge(text: str, tone: Tone = "", *, title: str | None = None) -> PrintableText:
    return safe_text(text, f"badge {tone}", title=title)


def verdict_badge(ready: bool) -> PrintableText:
    return badge("ready", "good") if ready else badge("not ready", "bad")


def dot(tone: Tone) -> ui.element:
    return box(f"dot {tone}", tag="span")


def code(value: object) -> TextElement:
    """JSON, indented. A string is shown as it is, in its lines."""
    text = "\n".join(printable(line) for line in value.split("\n")) if isinstance(value, str) else json_text(value)
    return TextElement(tag="pre", text=text).classes("code")


def json_text(value: object) -> str:
    return printable_json(json.dumps(value, indent=2, ensure_ascii=False, default=str))


@contextmanager
def panel(title: str, note: str = "", *, marker: str = "") -> Iterator[ui.element]:
    """A surface with a title. Yields the element in its head that takes buttons."""
    with box("panel", tag="section") as surface:
        if marker:
            surface.props["data-panel"] = marker
        with box("head"):
            safe_text(title, tag="h2")
            if note:
                safe_text(note, "note")
            actions = box("actions")
        yield actions


def definition_list(pairs: Sequence[tuple[str, object]]) -> None:
    """Names with their values. A value that is callable draws itself."""
    with box("facts", tag="dl"):
        for name, value in pairs:
            safe_text(name, tag="dt")
            with box(tag="dd"):
                _draw_value(value)


def _draw_value(value: object) -> None:
    if callable(value):
        value()
    elif value is None or value == "":
        safe_text(NOTHING, "soft")
    else:
        safe_text(value)


def empty_state(symbol: str, title: str, explanation: str = "") -> ui.element:
    with box("empty-state") as surface:
        icon(symbol)
        safe_text(title, "title", tag="div")
        if explanation:
            safe_text(explanation, "why", tag="div")
    return surface


def notice(text: str, tone: Tone = "", symbol: str = "info", *more: str) -> ui.element:
    """One or more sentences that should be read."""
    with box(f"notice {tone}") as surface:
        icon(symbol)
        with box("what"):
            for sentence in (text, *more):
                safe_text(sentence, tag="div")
    return surface


def skeleton(lines: int = 4) -> None:
    """Stands in for content that is still being read."""
    with box("skeleton").props('role=status aria-label="Loading"'):
        for line in range(lines):
            box().style(f"width: {94 - line * 37 % 48}%")


def button(text: str, on_click: Click, *, kind: str = "secondary", symbol: str | None = None) -> ui.button:
    """`kind`: `primary`, `secondary` or `quiet`, and `danger` beside it."""
    element = ui.button(text, on_click=on_click, icon=symbol, color=None).classes(kind)
    return element.props("unelevated no-caps dense")


def icon_button(symbol: str, on_click: Click, name: str) -> ui.button:
    element = ui.button(icon=symbol, on_click=on_click, color=None).classes("quiet round")
    element.props("flat dense")
    element.props.update({"aria-label": name, "title": name})
    return element


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


def copy_button(text: str, name: str) -> ui.element:
    """Copies `text` in the browser, without asking the server. `name` says what it copies."""
    element = box("copy", tag="button")
    label = f"Copy {name}"
    element.props.update({"type": "button", "data-copy": text, "title": label, "aria-label": label})
    element.on("click.stop", js_handler=_COPY)
    return element


def copyable_text(text: str, name: str, classes: str = "mono") -> None:
    """Text with a button that copies it."""
    with box("line tied copyable", tag="span"):
        safe_text(text, classes)
        copy_button(text, name)


def open_dialog(title: str, draw: Draw, *, classes: str = "") -> None:
    """Opens a dialog. The page forgets it once it is closed."""
    with ui.dialog() as dialog, ui.card().classes(classes), box("dialog-body"):
        safe_text(title, tag="h2")
        draw()
        with box("actions"):
            button("Close", dialog.close)
    dialog.on("hide", dialog.delete)
    dialog.open()


def redraw(place: ui.element, draw: Draw) -> None:
    """Draws the content of an element anew."""
    place.clear()
    with place:
        draw()
