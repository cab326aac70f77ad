"""Checks of the products that a basket needs. What is asked for is summed over all lines, and of each
product at most one thing is told."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from domain.shared.findings import Finding
from domain.validation.check import Check, check
from domain.validation.context import ValidationContext
from domain.validation.finding_schema import DataField

_check_products = partial(check, about_products=True)

_REASON = DataField("reason", "text", "Why, in the seller's words.", or_null=True)
_AVAILABLE = DataField("available", "number", "How many are left.")
_REQUESTED = [
    DataField("requested", "number", "How many all lines need."),
    DataField("orderItemIds", "texts", "The lines that need the product."),
]


@_check_products(
    looks_at="the product's availability in this market",
    resolution="contact_seller",
    data=[_REASON, *_REQUESTED],
    rests_on=["availability"],
    goes_through="stocks",
)
def product_blocked(check: Check, sight: ValidationContext) -> Iterator[Finding]:
    """The seller blocked the product here."""
    for stock in sight.stocks_in_question:
        if stock.status == "blocked":
            reason = stock.availability.reason if stock.availability else None
            because = f": {reason}" if reason else ""
            yield check.about_stock(stock, f"the product {stock.code} is blocked{because}", reason=reason)


@_check_products(
    looks_at="the product's availability in this market",
    data=[_REASON, *_REQUESTED],
    rests_on=["availability"],
    goes_through="stocks",
)
def product_discontinued(check: Check, sight: ValidationContext) -> Iterator[Finding]:
    """The product is no longer made or sold, whatever is left of it."""
    for stock in sight.stocks_in_question:
        if stock.status == "discontinued":
            reason = stock.availability.reason if stock.availability else None
            because = f": {reason}" if reason else ""
            yield check.about_stock(
                stock, f"the product {stock.code} is discontinued{because}", reason=reason
            )


@_check_products(
    looks_at="the product's availability in this market",
    data=[_AVAILABLE, *_REQUESTED],
    rests_on=["availability"],
    goes_through="stocks",
)
def product_out_of_stock(check: Check, sight: ValidationContext) -> Iterator[Finding]:
    """None of the product is left."""
    for stock in sight.stocks_in_question:
        if stock.status == "out_of_stock" or (stock.status == "available" and stock.available == 0):
            yield check.about_stock(stock, f"the product {stock.code} is out of stock", available=0)


@_check_products(
    looks_at="the available quantity, against the sum over all lines that need the product",
    data=[_AVAILABLE, *_REQUESTED],
    rests_on=["availability"],
    goes_through="stocks",
)
def product_insufficient_stock(check: Check, sight: ValidationContext) -> Iterator[Finding]:
    """Less of the product is left than the basket asks for."""
    for stock in sight.stocks_in_question:
        available = stock.available
        if stock.status == "available" and available is not None and 0 < available < stock.requested:
            yield check.about_stock(
                stock,
                f"of the product {stock.code} {available} are left and {stock.requested} are asked for",
                available=available,
            )


@_check_products(
    looks_at="the available quantity, against the policy's threshold",
    severity="warning",
    data=[_AVAILABLE, *_REQUESTED],
    rests_on=["availability"],
    goes_through="stocks",
)
def product_low_stock(check: Check, sight: ValidationContext) -> Iterator[Finding]:
    """Enough of the product is left, but fewer than the policy's threshold (5 unless said otherwise)."""
    for stock in sight.stocks_in_question:
        available = stock.available
        if stock.status != "available" or available is None or available < stock.requested:
            continue
        if available < sight.policy.low_stock:
            yield check.about_stock(
                stock, f"of the product {stock.code} only {available} are left", available=available
            )
