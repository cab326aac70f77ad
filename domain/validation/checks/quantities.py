"""Checks of how many of an offer are asked for.

A seller who says "at most 10" means the order, not a line of it: two lines of 6, one of them as an add-on,
are 12. So an offer's rules count the sum over all lines of the same offer version.
"""

from __future__ import annotations

from collections.abc import Iterator

from domain.shared.findings import Finding
from domain.validation.check import Check, check
from domain.validation.context import ValidationContext
from domain.validation.finding_schema import DataField

_REQUESTED = [
    DataField("requested", "number", "How many all lines of the offer version ask for."),
    DataField("orderItemIds", "texts", "Those lines."),
]


@check(
    looks_at="the offer's `quantity.min`, against the sum over its lines",
    data=[DataField("minimum", "number", "The fewest that one may order."), *_REQUESTED],
    rests_on=["offers"],
    goes_through="demands",
)
def quantity_below_minimum(check: Check, sight: ValidationContext) -> Iterator[Finding]:
    """Fewer are asked for than the offer is sold by, summed over its lines."""
    for demand in sight.demands:
        rule = demand.offer.quantity
        if rule is not None and rule.min is not None and demand.requested < rule.min:
            yield check.about_lines(
                demand.lines,
                f"of the offer {demand.lines[0].item.offer} one orders at least {rule.min}",
                ".quantity",
                minimum=rule.min,
                requested=demand.requested,
            )


@check(
    looks_at="the offer's `quantity.max`, against the sum over its lines",
    data=[DataField("maximum", "number", "The most that one may order."), *_REQUESTED],
    rests_on=["offers"],
    goes_through="demands",
)
def quantity_above_maximum(check: Check, sight: ValidationContext) -> Iterator[Finding]:
    """More are asked for than the offer allows, summed over its lines."""
    for demand in sight.demands:
        rule = demand.offer.quantity
        if rule is not None and rule.max is not None and demand.requested > rule.max:
            yield check.about_lines(
                demand.lines,
                f"of the offer {demand.lines[0].item.offer} one orders at most {rule.max}",
                ".quantity",
                maximum=rule.max,
                requested=demand.requested,
            )


@check(
    looks_at="the offer's `quantity.step`, against the sum over its lines",
    data=[DataField("step", "number", "The offer is sold in multiples of it."), *_REQUESTED],
    rests_on=["offers"],
    goes_through="demands",
)
def quantity_not_a_multiple(check: Check, sight: ValidationContext) -> Iterator[Finding]:
    """What is asked for, summed over the offer's lines, is no multiple of the step that it is sold in."""
    for demand in sight.demands:
        rule = demand.offer.quantity
        if rule is not None and rule.step is not None and demand.requested % rule.step:
            yield check.about_lines(
                demand.lines,
                f"the offer {demand.lines[0].item.offer} is sold in multiples of {rule.step}",
                ".quantity",
                step=rule.step,
                requested=demand.requested,
            )
