"""Checks of the basket itself."""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import JsonValue

from domain.validation.check import Check, check
from domain.validation.data import Datum, time_data
from domain.validation.findings import Finding
from domain.validation.sight import Sight


@check(looks_at="the number of lines")
def basket_empty(check: Check, sight: Sight) -> Iterator[Finding]:
    """A basket without lines can't become an order."""
    if not sight.lines:
        yield check.about_basket("the basket is empty", "$.orderItems")


@check(
    looks_at="the basket's status and `expiresAt`",
    data=[Datum("expiresAt", "time", "From when on the basket is expired.")],
)
def basket_expired(check: Check, sight: Sight) -> Iterator[Finding]:
    """From `expiresAt` on the basket is expired, also before an event says so."""
    if sight.basket.status_at(sight.now) == "expired":
        yield check.about_basket(
            "the basket has expired", "$.expiresAt", expiresAt=time_data(sight.basket.expires_at)
        )


@check(
    looks_at="the basket's status",
    data=[Datum("orderId", "text", "The order, where the order service named it.", or_null=True)],
)
def basket_completed(check: Check, sight: Sight) -> Iterator[Finding]:
    """An order was placed from the basket; it can't become another one."""
    if sight.basket.status_at(sight.now) == "completed":
        yield check.about_basket(
            "an order was placed from the basket", "$.status", orderId=sight.basket.order_id
        )


@check(
    looks_at="the prices of all lines",
    data=[Datum("currencies", "texts", "The currencies of the lines, sorted.")],
)
def mixed_currencies(check: Check, sight: Sight) -> Iterator[Finding]:
    """Lines are priced in several currencies; such a basket has no total. Adding the lines again, in a
    basket that names its currency, prices them in that one."""
    prices = [line.item.price for line in sight.lines]
    currencies: list[JsonValue] = [*sorted({price.currency for price in prices if price is not None})]
    if len(currencies) > 1:
        yield check.about_basket(
            f"the lines are priced in {len(currencies)} currencies", "$.orderItems", currencies=currencies
        )
