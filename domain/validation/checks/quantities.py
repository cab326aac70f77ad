"""Checks of each offer's quantity rule.

A rule limits the order, not a single line: two lines of 6 exceed "at most 10", even if one is an add-on. So the
checks sum the quantity over all lines of the same offer version.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from domain.shared.findings import Finding
from domain.validation.check import Check, check
from domain.validation.context import ValidationContext
from domain.validation.context_items import OfferDemand
from domain.validation.finding_schema import DataField

_check_quantities = partial(check, rests_on=["offers"], scope="demands")

_REQUESTED = [
    DataField("requested", "number", "The total quantity of all lines of the offer version."),
    DataField("orderItemIds", "texts", "These lines."),
]


@_check_quantities(
    looks_at="the offer's `quantity.min`, against the sum over its lines",
    data=[DataField("minimum", "number", "The smallest quantity that may be ordered."), *_REQUESTED],
)
def quantity_below_minimum(check: Check, context: ValidationContext) -> Iterator[Finding]:
    """The total quantity of the offer's lines is below its minimum."""
    for demand in context.demands:
        least = demand.rule.min
        if least is not None and demand.requested < least:
            message = f"of the offer {demand.lines[0].item.offer} one orders at least {least}"
            yield _finding(check, demand, message, minimum=least)


@_check_quantities(
    looks_at="the offer's `quantity.max`, against the sum over its lines",
    data=[DataField("maximum", "number", "The largest quantity that may be ordered."), *_REQUESTED],
)
def quantity_above_maximum(check: Check, context: ValidationContext) -> Iterator[Finding]:
    """The total quantity of the offer's lines is above its maximum."""
    for demand in context.demands:
        most = demand.rule.max
        if most is not None and demand.requested > most:
            message = f"of the offer {demand.lines[0].item.offer} one orders at most {most}"
            yield _finding(check, demand, message, maximum=most)


@_check_quantities(
    looks_at="the offer's `quantity.step`, against the sum over its lines",
    data=[DataField("step", "number", "The quantity must be a multiple of this."), *_REQUESTED],
)
def quantity_not_a_multiple(check: Check, context: ValidationContext) -> Iterator[Finding]:
    """The total quantity of the offer's lines is no multiple of its step."""
    for demand in context.demands:
        step = demand.rule.step
        if step is not None and demand.requested % step:
            message = f"the offer {demand.lines[0].item.offer} is sold in multiples of {step}"
            yield _finding(check, demand, message, step=step)


def _finding(check: Check, demand: OfferDemand, message: str, **limit: int) -> Finding:
    return check.about_lines(demand.lines, message, ".quantity", **limit, requested=demand.requested)
