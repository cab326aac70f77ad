"""Checks of which lines may be in one basket together: add-ons with their parents, and incompatible offers."""

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
    "The offers to which it may be added; null for an offer that is no add-on.",
    or_null=True,
)


@check(
    looks_at="the line's type and parent, and the offer's `addOnTo`",
    data=[_ADD_ON_TO],
    rests_on=["offers"],
    scope="lines",
)
def add_on_without_parent(check: Check, context: ValidationContext) -> Iterator[Finding]:
    """An add-on, by the line's type or by the catalogue, has no parent line in the basket."""
    for line in context.lines_to_check:
        if line.offer is None or line.item.parent_id in context.basket.items:
            continue
        if line.item.type == "add_on" or line.offer.add_on_to is not None:
            message = f"the add-on {line.item.offer} hangs under no offer"
            yield check.about_line(line, message, ".parentId", addOnTo=_ids(line.offer.add_on_to))


@check(
    looks_at="the offer's `addOnTo` and the offer of its parent line",
    data=[DataField("parentOfferId", "text", "The offer of the parent line."), _ADD_ON_TO],
    rests_on=["offers"],
    scope="lines",
)
def add_on_not_allowed_here(check: Check, context: ValidationContext) -> Iterator[Finding]:
    """The offer may not be an add-on of its parent line's offer, or is no add-on at all."""
    for line in context.lines_to_check:
        parent = context.basket.items.get(line.item.parent_id or "")
        if line.offer is None or parent is None or parent.offer.id in (line.offer.add_on_to or ()):
            continue
        yield check.about_line(
            line,
            f"the offer {line.item.offer} may not hang under {parent.offer.id}",
            ".parentId",
            parentOfferId=parent.offer.id,
            addOnTo=_ids(line.offer.add_on_to),
        )


@check(
    looks_at="each offer's `incompatibleWith` and the other offers of the basket",
    data=[
        DataField("incompatibleWith", "texts", "The offers of the basket that it excludes, sorted."),
        DataField("orderItemIds", "texts", "The lines of all these offers, its own first."),
    ],
    rests_on=["offers"],
    scope="lines",
)
def offers_incompatible(check: Check, context: ValidationContext) -> Iterator[Finding]:
    """Two offers of the basket exclude each other; it is enough that one of them says so. Each pair yields one
    finding: about the offer that says so, or about the first by id if both do."""
    if not any(line.offer.incompatible_with for line in context.lines_to_check if line.offer):
        return
    held: dict[str, list[BasketLine]] = {}
    for line in context.lines:
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
            both = sorted([*lines, *(line for o in others for line in held[o])], key=lambda line: line.item_index)
            both = [lines[0], *(line for line in both if line is not lines[0])]
            message = f"the offer {offer_id} does not go together with {', '.join(others)}"
            yield check.about_lines(both, message, ".offer", incompatibleWith=[*others])


def _ids(offer_ids: tuple[str, ...] | None) -> list[JsonValue] | None:
    return None if offer_ids is None else [*offer_ids]
