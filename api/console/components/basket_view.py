"""Draws a basket with its differences: added in green, removed struck out, changed with the value before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

from api.console.basket_diff_view import DiffMark, MarkedBasket, MarkedLine, MarkedValue
from api.console.components.tables import PagedList, Table
from api.console.components.widgets import (
    Tone,
    badge,
    box,
    copy_button,
    copyable_text,
    dot,
    empty_state,
    notice,
    safe_text,
)
from domain.operators.history.basket_diff import FieldDifference
from domain.shared.formatting import NOTHING

LINES_SHOWN = 50
_TONES: dict[DiffMark, Tone] = {"": "", "added": "good", "removed": "bad", "changed": "info"}
_LABELS: dict[DiffMark, str] = {"added": "new", "removed": "removed", "changed": "changed"}
_STATUS_TONES: dict[str, Tone] = {
    "ready": "good",
    "not ready": "bad",
    "open": "info",
    "completed": "good",
    "expired": "",
    "cancelled": "warn",
}
"""Values with a colour of their own, whatever stood there before."""


def draw_facts(basket: MarkedBasket) -> None:
    """All of the basket beside its lines. Leaves out what is empty in both versions."""
    with box("facts", tag="dl"):
        for name, value in basket.facts:
            if value.value is None and value.before is None:
                continue
            safe_text(name, tag="dt")
            with box(tag="dd"):
                draw_value(value, tones=_STATUS_TONES if name in ("Status", "Verdict") else None)


def draw_lines(basket: MarkedBasket) -> None:
    if not basket.lines:
        empty_state("remove_shopping_cart", "The basket is empty at this version")
        return
    columns = [(title, "number") for title in ("Quantity", "Price", "Expected", "Line total")]
    table = Table(("Offer", "lead"), *columns, name="Lines")
    # The reader looks for differences: marked lines come first, each in the basket's order.
    lines = sorted(basket.lines, key=lambda line: not line.mark)
    PagedList(lines, partial(_draw_line, table), table.body, LINES_SHOWN)


def _draw_line(table: Table, line: MarkedLine) -> None:
    row = table.row(
        partial(_draw_offer, line),
        *(
            partial(draw_value, value, line.mark) if value.value or value.before else None
            for value in (line.quantity, line.price, line.expected_price, line.total)
        ),
        classes=f"mark-{line.mark}" if line.mark else "",
    )
    row.props["data-line"] = line.id


def draw_value(value: MarkedValue, line_mark: DiffMark = "", tones: Mapping[str, Tone] | None = None) -> None:
    """Values of an added or removed line are not marked again. `tones` colours values by what they mean."""
    with box("value-change", tag="span"):
        if value.mark and line_mark in ("", "changed"):
            if value.before is not None:
                safe_text(value.before, f"was {value.mark}", tag="del")
            if value.value is not None:
                classes = f"is-now {value.mark}" if tones is None else f"badge {tones.get(value.value, '')}"
                safe_text(value.value, classes, tag="ins")
        elif value.value is None:
            safe_text(NOTHING, "soft")
        elif tones is not None:
            badge(value.value, tones.get(value.value, ""))
        else:
            safe_text(value.value, "was removed" if line_mark == "removed" else "")


def _draw_offer(line: MarkedLine) -> None:
    with box():
        with box("line"):
            name = line.name or "unknown to the catalogue"
            safe_text(name, "strong was removed" if line.mark == "removed" else "strong")
            if line.add_on:
                badge("add-on")
            if line.mark:
                badge(_LABELS[line.mark], _TONES[line.mark])
        with box("line small"):
            with box("mono soft", tag="span"):
                draw_value(line.offer, line.mark)
            copy_button(line.id, f"the line's id {line.id}")
        for code, count in line.products.items():
            with box("line small"):
                copyable_text(code, "the product code", "mono soft small")
                if count > 1:
                    safe_text(f"×{count}", "soft")


def draw_basket_diff(found: Sequence[FieldDifference], *, compared: bool) -> None:
    if not compared:
        notice("The first version: there is nothing to compare it with.")
    elif not found:
        notice("Nothing but the version and the time of the last change.")
    else:
        with box("differences", tag="ul"):
            for each in found:
                with box("line tied", tag="li") as row:
                    row.props["title"] = each.path
                    dot(_TONES[each.kind])
                    safe_text(each.words)
