"""Checks of the basket itself."""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import JsonValue

from domain.shared.findings import Finding
from domain.shared.values import total
from domain.validation.check import Check, check
from domain.validation.context import ValidationContext
from domain.validation.finding_schema import DataField, money_json, time_json


@check(looks_at="the number of lines")
def basket_empty(check: Check, sight: ValidationContext) -> Iterator[Finding]:
    """A basket without lines can't become an order."""
    if not sight.lines:
        yield check.about_basket("the basket is empty", "$.orderItems")


@check(
    looks_at="the basket's status and `expiresAt`",
    data=[DataField("expiresAt", "time", "From when on the basket is expired.")],
)
def basket_expired(check: Check, sight: ValidationContext) -> Iterator[Finding]:
    """From `expiresAt` on the basket is expired, also before an event says so."""
    if sight.basket.status_at(sight.now) == "expired":
        yield check.about_basket(
            "the basket has expired", "$.expiresAt", expiresAt=time_json(sight.basket.expires_at)
        )


@check(
    looks_at="the basket's status",
    data=[DataField("orderId", "text", "The order, where the order service named it.", or_null=True)],
)
def basket_completed(check: Check, sight: ValidationContext) -> Iterator[Finding]:
    """An order was placed from the basket; it can't become another one."""
    if sight.basket.status_at(sight.now) == "completed":
        yield check.about_basket(
            "an order was placed from the basket", "$.status", orderId=sight.basket.order_id
        )


@check(
    looks_at="the number of lines and the policy's maximum",
    data=[
        DataField("lines", "number", "How many lines the basket has."),
        DataField("maximum", "number", "The most that it may have."),
    ],
)
def too_many_lines(check: Check, sight: ValidationContext) -> Iterator[Finding]:
    """The basket has more lines than the policy allows; without a policy there is no such limit."""
    most = sight.policy.maximum_lines
    if most is not None and len(sight.lines) > most:
        yield check.about_basket(
            f"the basket has {len(sight.lines)} lines and may have {most}",
            "$.orderItems",
            lines=len(sight.lines),
            maximum=most,
        )


@check(
    looks_at="the prices of all lines and the policy's maximum",
    data=[
        DataField("total", "money", "What the lines come to that are priced in this currency."),
        DataField("maximum", "money", "The most that a basket may come to."),
    ],
)
def total_above_maximum(check: Check, sight: ValidationContext) -> Iterator[Finding]:
    """The lines come to more than the policy allows, at the prices that they were added at; each currency is
    counted for itself."""
    for most in sight.policy.maximum_total:
        totals = [line.item.line_total for line in sight.lines]
        summed = total([each for each in totals if each is not None and each.currency == most.currency])
        if summed is not None and summed.amount > most.amount:
            yield check.about_basket(
                f"the basket comes to {summed} and may come to {most}",
                "$.total",
                total=money_json(summed),
                maximum=money_json(most),
            )


@check(
    looks_at="the prices of all lines",
    data=[DataField("currencies", "texts", "The currencies of the lines, sorted.")],
)
def mixed_currencies(check: Check, sight: ValidationContext) -> Iterator[Finding]:
    """Lines are priced in several currencies; such a basket has no total. Adding the lines again, in a
    basket that names its currency, prices them in that one."""
    prices = [line.item.price for line in sight.lines]
    currencies: list[JsonValue] = [*sorted({price.currency for price in prices if price is not None})]
    if len(currencies) > 1:
        yield check.about_basket(
            f"the lines are priced in {len(currencies)} currencies", "$.orderItems", currencies=currencies
        )
