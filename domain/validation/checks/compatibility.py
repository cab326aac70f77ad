"""Checks of what may be in one basket together: add-ons and what they hang under, and offers that exclude
each other. Each looks at the whole basket."""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import JsonValue

from domain.shared.findings import Finding
from domain.validation.check import Check, check
from domain.validation.context import ValidationContext
from domain.validation.context_items import BasketLine
from domain.validation.finding_schema import DataField

_ADD_ON_TO = DataField(
    "addOnTo",
    "texts",
    "The offers that it may hang under; null for an offer that is no add-on.",
    or_null=True,
)


@check(
    looks_at="the line's type and parent, and the offer's `addOnTo`",
    data=[_ADD_ON_TO],
    rests_on=["offers"],
    goes_through="lines",
)
def add_on_without_parent(check: Check, sight: ValidationContext) -> Iterator[Finding]:
    """An add-on, by the line's type or by the catalogue, hangs under no line of the basket."""
    for line in sight.lines_in_question:
        if line.offer is None or line.item.parent_id in sight.basket.items:
            continue
        if line.item.type == "add_on" or line.offer.add_on_to is not None:
            yield check.about_line(
                line,
                f"the add-on {line.item.offer} hangs under no offer",
                ".parentId",
                addOnTo=_names(line.offer.add_on_to),
            )


@check(
    looks_at="the offer's `addOnTo` and the offer that it hangs under",
    data=[DataField("parentOfferId", "text", "The offer that it hangs under."), _ADD_ON_TO],
    rests_on=["offers"],
    goes_through="lines",
)
def add_on_not_allowed_here(check: Check, sight: ValidationContext) -> Iterator[Finding]:
    """An add-on hangs under an offer that it is not for, or is no add-on at all."""
    for line in sight.lines_in_question:
        parent = sight.basket.items.get(line.item.parent_id or "")
        if line.offer is None or parent is None or parent.offer.id in (line.offer.add_on_to or ()):
            continue
        yield check.about_line(
            line,
            f"the offer {line.item.offer} may not hang under {parent.offer.id}",
            ".parentId",
            parentOfferId=parent.offer.id,
            addOnTo=_names(line.offer.add_on_to),
        )


@check(
    looks_at="each offer's `incompatibleWith` and the other offers of the basket",
    data=[
        DataField(
            "incompatibleWith", "texts", "Offers of the basket that exclude it or that it excludes, sorted."
        ),
        DataField("orderItemIds", "texts", "The lines of all these offers, its own first."),
    ],
    rests_on=["offers"],
    goes_through="lines",
)
def offers_incompatible(check: Check, sight: ValidationContext) -> Iterator[Finding]:
    """Two offers of the basket exclude each other; it is enough that one of them says so. Each pair is told
    once, with the offer that says it, or with the first by name where both do."""
    if not any(line.offer.incompatible_with for line in sight.lines_in_question if line.offer):
        return
    held: dict[str, list[BasketLine]] = {}
    for line in sight.lines:
        if line.offer is not None:
            held.setdefault(line.item.offer.id, []).append(line)
    excluded = {
        offer_id: {
            other
            for line in lines
            for other in (line.offer.incompatible_with if line.offer else ())
            if other in held and other != offer_id
        }
        for offer_id, lines in held.items()
    }
    for offer_id, lines in held.items():
        others = sorted(o for o in excluded[offer_id] if offer_id < o or offer_id not in excluded[o])
        if others:
            both = sorted([*lines, *(line for o in others for line in held[o])], key=lambda line: line.at)
            yield check.about_lines(
                [lines[0], *(each for each in both if each is not lines[0])],
                f"the offer {offer_id} does not go together with {', '.join(others)}",
                ".offer",
                incompatibleWith=[*others],
            )


def _names(names: tuple[str, ...] | None) -> list[JsonValue] | None:
    return None if names is None else [*names]
