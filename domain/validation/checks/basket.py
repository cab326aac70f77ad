"""Checks of the basket as a whole."""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import JsonValue

from domain.shared.findings import Finding
from domain.shared.formatting import format_interval
from domain.validation.check import Check, check
from domain.validation.context import ValidationContext
from domain.validation.finding_schema import DataField, money_json, time_json


@check(looks_at="the number of lines")
def basket_empty(check: Check, context: ValidationContext) -> Iterator[Finding]:
    """A basket without lines cannot become an order."""
    if not context.lines:
        yield check.about_basket("the basket is empty", "$.orderItems")


@check(
    looks_at="the basket's status and `expiresAt`",
    data=[DataField("expiresAt", "time", "When the basket expires.")],
    scope="closed",
)
def basket_expired(check: Check, context: ValidationContext) -> Iterator[Finding]:
    """The basket has expired: `expiresAt` has passed, even if no event has recorded it yet."""
    basket = context.basket
    if basket.status_at(context.now) == "expired":
        yield check.about_basket("the basket has expired", "$.expiresAt", expiresAt=time_json(basket.expires_at))


@check(
    looks_at="the basket's status",
    data=[DataField("orderId", "text", "The order, if the order service named it.", or_null=True)],
    scope="closed",
)
def basket_completed(check: Check, context: ValidationContext) -> Iterator[Finding]:
    """An order was placed from the basket, so it cannot become another one."""
    basket = context.basket
    if basket.status_at(context.now) == "completed":
        yield check.about_basket("an order was placed from the basket", "$.status", orderId=basket.order_id)


@check(
    looks_at="the basket's status",
    data=[DataField("reason", "text", "The organisation's own code for why.", or_null=True)],
    scope="closed",
)
def basket_cancelled(check: Check, context: ValidationContext) -> Iterator[Finding]:
    """The organisation cancelled the basket, so no order can be placed from it."""
    basket = context.basket
    if basket.status_at(context.now) == "cancelled":
        yield check.about_basket("the basket was cancelled", "$.status", reason=basket.cancel_reason)


@check(
    looks_at="the number of lines and the policy's maximum",
    data=[
        DataField("lines", "number", "How many lines the basket has."),
        DataField("maximum", "number", "How many it may have."),
    ],
    scope="limits",
)
def too_many_lines(check: Check, context: ValidationContext) -> Iterator[Finding]:
    """The basket has more lines than the policy allows. Without a policy there is no limit."""
    lines, most = len(context.lines), context.policy.maximum_lines
    if most is not None and lines > most:
        message = f"the basket has {lines} lines and may have {most}"
        yield check.about_basket(message, "$.orderItems", lines=lines, maximum=most)


@check(
    looks_at="the prices of all lines and the policy's maximum",
    data=[
        DataField("total", "money", "The total of the lines that are priced in this currency, for this interval."),
        DataField("maximum", "money", "The highest total that the policy allows."),
    ],
    scope="limits",
)
def total_above_maximum(check: Check, context: ValidationContext) -> Iterator[Finding]:
    """One of the basket's totals is higher than the policy allows. Lines count at the prices at which they were
    added, and each currency and each interval counts separately."""
    if not context.policy.maximum_total:
        return
    sums = context.basket.sums
    for most in context.policy.maximum_total:
        for index, summed in enumerate(sums.totals):
            if summed.currency == most.currency and summed.amount > most.amount:
                yield check.about_basket(
                    f"the basket comes to {summed} and may come to {most}",
                    f"$.totals[{index}]" if sums.total is None else "$.total",
                    total=money_json(summed),
                    maximum=money_json(most),
                )


@check(
    looks_at="the prices of all lines",
    data=[DataField("currencies", "texts", "The currencies of the lines, sorted.")],
)
def mixed_currencies(check: Check, context: ValidationContext) -> Iterator[Finding]:
    """Lines are priced in several currencies, so the basket has no total. Lines that are added again to a basket
    with a currency are priced in that currency."""
    prices = [line.item.price for line in context.lines]
    currencies: list[JsonValue] = [*sorted({price.currency for price in prices if price is not None})]
    if len(currencies) > 1:
        yield check.about_basket(
            f"the lines are priced in {len(currencies)} currencies", "$.orderItems", currencies=currencies
        )


@check(
    looks_at="the intervals of the prices of all lines",
    data=[DataField("intervals", "intervals", "The intervals of the lines: once first, then by length.")],
    severity="warning",
    is_optional=True,
)
def mixed_rates(check: Check, context: ValidationContext) -> Iterator[Finding]:
    """Lines are paid at several intervals, such as once and every month, so the basket has no total but several
    totals. A policy may say that such a basket is not wanted."""
    totals = context.basket.sums.totals
    intervals: list[JsonValue] = [*dict.fromkeys(total.interval for total in totals)]
    if len(intervals) > 1:
        words = ["once" if interval is None else f"per {format_interval(str(interval))}" for interval in intervals]
        message = f"the lines are paid at {len(intervals)} intervals: {', '.join(words)}"
        yield check.about_basket(message, "$.orderItems", intervals=intervals)
