"""A basket drawn with its differences marked: what came in green, what left struck out, what changed with what
stood there before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

from api.console.basket_diff_view import (
    DiffMark,
    MarkedBasket,
    MarkedLine,
    MarkedValue,
)
from api.console.components.widgets import (
    PagedList,
    Table,
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

TONES: dict[DiffMark, Tone] = {"": "", "added": "good", "removed": "bad", "changed": "news"}
LINES_AT_ONCE = 50
_MEANINGS: dict[str, Tone] = {
    "ready": "good",
    "not ready": "bad",
    "open": "news",
    "completed": "good",
    "expired": "",
}
"""Words that have a colour of their own, whatever stood there before."""

_SIGNS: dict[DiffMark, str] = {"": "", "added": "new", "removed": "removed", "changed": "changed"}


def draw_facts(basket: MarkedBasket) -> None:
    """What the basket says beside its lines; what it does not say, and did not say, is left out."""
    with box("facts", tag="dl"):
        for name, value in basket.facts:
            if value.value is None and value.before is None:
                continue
            safe_text(name, tag="dt")
            with box(tag="dd"):
                draw_value(value, tones=_MEANINGS if name in ("Status", "Verdict") else None)


def draw_lines(basket: MarkedBasket) -> None:
    if not basket.lines:
        empty_state("remove_shopping_cart", "The basket is empty at this version")
        return
    table = Table(
        ("Offer", "lead"),
        ("Quantity", "number"),
        ("Price", "number"),
        ("Expected", "number"),
        ("Line total", "number"),
        name="Lines",
    )
    # What differs is what one looks for: it comes first, each in the basket's order.
    lines = sorted(basket.lines, key=lambda line: not line.mark)
    PagedList(lines, partial(_line, table), table.body, LINES_AT_ONCE)


def _line(table: Table, line: MarkedLine) -> None:
    row = table.row(
        partial(_offer, line),
        *(
            partial(draw_value, value, line.mark) if value.value or value.before else None
            for value in (line.quantity, line.price, line.expected_price, line.total)
        ),
        classes=f"mark-{line.mark}" if line.mark else "",
    )
    row.props["data-line"] = line.id


def draw_value(value: MarkedValue, around: DiffMark = "", tones: Mapping[str, Tone] | None = None) -> None:
    """`around` is the mark of the whole line: within one that came or left, nothing is marked again. `tones`
    gives words the colour of what they mean; else the colour says that they came, left or changed."""
    with box("value-change", tag="span"):
        if value.mark and around in ("", "changed"):
            if value.before is not None:
                safe_text(value.before, f"was {value.mark}", tag="del")
            if value.value is not None:
                ink = f"badge {tones.get(value.value, '')}" if tones is not None else f"is-now {value.mark}"
                safe_text(value.value, ink, tag="ins")
        elif value.value is None:
            safe_text("–", "soft")
        elif tones is not None:
            badge(value.value, tones.get(value.value, ""))
        else:
            safe_text(value.value, "was removed" if around == "removed" else "")


def _offer(line: MarkedLine) -> None:
    with box():
        with box("line"):
            safe_text(
                line.name or "unknown to the catalogue",
                "strong was removed" if line.mark == "removed" else "strong",
            )
            if line.add_on:
                badge("add-on")
            if line.mark:
                badge(_SIGNS[line.mark], TONES[line.mark])
        with box("line small"):
            safe_text(line.offer, "mono soft")
            copy_button(line.id, f"the line's id {line.id}")
        for code in dict.fromkeys(line.products):
            copyable_text(code, "the product code", "mono soft small")


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
                    dot(TONES[each.kind])
                    safe_text(each.words)
