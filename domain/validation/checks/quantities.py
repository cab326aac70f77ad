"""Checks of each offer's quantity rule.

A rule limits the order, not a single line: two lines of 6 exceed "at most 10", even if one is an add-on. So the
checks sum the quantity over all lines of the same offer version.
"""

from __future__ import annotations

from collections.abc import Iterator

from domain.shared.findings import Finding
from domain.validation.check import Check, check
from domain.validation.context import ValidationContext
from domain.validation.finding_schema import DataField

_REQUESTED = [
    DataField("requested", "number", "The total quantity of all lines of the offer version."),
    DataField("orderItemIds", "texts", "These lines."),
]


@check(
    looks_at="the offer's `quantity.min`, against the sum over its lines",
    data=[DataField("minimum", "number", "The smallest quantity that may be ordered."), *_REQUESTED],
    rests_on=["offers"],
    scope="demands",
)
def quantity_below_minimum(check: Check, context: ValidationContext) -> Iterator[Finding]:
    """The total quantity of the offer's lines is below its minimum."""
    for demand in context.demands:
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
    data=[DataField("maximum", "number", "The largest quantity that may be ordered."), *_REQUESTED],
    rests_on=["offers"],
    scope="demands",
)
def quantity_above_maximum(check: Check, context: ValidationContext) -> Iterator[Finding]:
    """The total quantity of the offer's lines is above its maximum."""
    for demand in context.demands:
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
    data=[DataField("step", "number", "The quantity must be a multiple of this."), *_REQUESTED],
    rests_on=["offers"],
    scope="demands",
)
def quantity_not_a_multiple(check: Check, context: ValidationContext) -> Iterator[Finding]:
    """The total quantity of the offer's lines is no multiple of its step."""
    for demand in context.demands:
        rule = demand.offer.quantity
        if rule is not None and rule.step is not None and demand.requested % rule.step:
            yield check.about_lines(
                demand.lines,
                f"the offer {demand.lines[0].item.offer} is sold in multiples of {rule.step}",
                ".quantity",
                step=rule.step,
                requested=demand.requested,
            )
