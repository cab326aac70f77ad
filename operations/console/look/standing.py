"""A basket drawn with its differences marked: what came in green, what left struck out, what changed with what
stood there before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

from domain.operating.differing import Difference
from operations.console.look.things import (
    Portions,
    Table,
    Tone,
    badge,
    box,
    copy_button,
    copyable,
    dot,
    nothing,
    told,
    words,
)
from operations.console.marked import Mark, Marked, MarkedBasket, MarkedLine

TONES: dict[Mark, Tone] = {"": "", "added": "good", "removed": "bad", "changed": "news"}
LINES_AT_ONCE = 50
_MEANINGS: dict[str, Tone] = {
    "ready": "good",
    "not ready": "bad",
    "open": "news",
    "completed": "good",
    "expired": "",
}
"""Words that have a colour of their own, whatever stood there before."""

_SIGNS: dict[Mark, str] = {"": "", "added": "new", "removed": "removed", "changed": "changed"}


def draw_facts(basket: MarkedBasket) -> None:
    """What the basket says beside its lines; what it does not say, and did not say, is left out."""
    with box("facts", tag="dl"):
        for name, value in basket.facts:
            if value.value is None and value.before is None:
                continue
            words(name, tag="dt")
            with box(tag="dd"):
                draw_value(value, tones=_MEANINGS if name in ("Status", "Verdict") else None)


def draw_lines(basket: MarkedBasket) -> None:
    if not basket.lines:
        nothing("remove_shopping_cart", "The basket is empty at this version")
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
    Portions(lines, partial(_line, table), table.body, LINES_AT_ONCE)


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


def draw_value(value: Marked, around: Mark = "", tones: Mapping[str, Tone] | None = None) -> None:
    """`around` is the mark of the whole line: within one that came or left, nothing is marked again. `tones`
    gives words the colour of what they mean; else the colour says that they came, left or changed."""
    with box("value-change", tag="span"):
        if value.mark and around in ("", "changed"):
            if value.before is not None:
                words(value.before, f"was {value.mark}", tag="del")
            if value.value is not None:
                ink = f"badge {tones.get(value.value, '')}" if tones is not None else f"is-now {value.mark}"
                words(value.value, ink, tag="ins")
        elif value.value is None:
            words("–", "soft")
        elif tones is not None:
            badge(value.value, tones.get(value.value, ""))
        else:
            words(value.value, "was removed" if around == "removed" else "")


def _offer(line: MarkedLine) -> None:
    with box():
        with box("line"):
            words(
                line.name or "unknown to the catalogue",
                "strong was removed" if line.mark == "removed" else "strong",
            )
            if line.add_on:
                badge("add-on")
            if line.mark:
                badge(_SIGNS[line.mark], TONES[line.mark])
        with box("line small"):
            words(line.offer, "mono soft")
            copy_button(line.id, f"the line's id {line.id}")
        for code in dict.fromkeys(line.products):
            copyable(code, "the product code", "mono soft small")


def draw_differences(found: Sequence[Difference], *, compared: bool) -> None:
    if not compared:
        told("The first version: there is nothing to compare it with.")
    elif not found:
        told("Nothing but the version and the time of the last change.")
    else:
        with box("differences", tag="ul"):
            for each in found:
                with box("line tied", tag="li") as row:
                    row.props["title"] = each.path
                    dot(TONES[each.kind])
                    words(each.words)
