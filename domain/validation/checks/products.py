"""Checks of the products that a basket needs, summed over all lines. Each product gets at most one finding."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from domain.shared.findings import Finding
from domain.validation.check import Check, check
from domain.validation.context import ValidationContext
from domain.validation.context_items import ProductStock
from domain.validation.finding_schema import DataField

_check_products = partial(check, about_products=True, rests_on=["availability"], scope="stocks")

_REASON = DataField("reason", "text", "The reason, in the seller's words.", or_null=True)
_AVAILABLE = DataField("available", "number", "How many are left.")
_REQUESTED = [
    DataField("requested", "number", "The total quantity that the basket needs."),
    DataField("orderItemIds", "texts", "The lines that need the product."),
    DataField("validFrom", "time", "When the seller's statement of it begins to hold.", or_null=True),
    DataField("validUntil", "time", "When it ceases to hold; this moment is excluded.", or_null=True),
]


@_check_products(
    looks_at="the product's availability in this market",
    resolution="contact_seller",
    data=[_REASON, *_REQUESTED],
)
def product_blocked(check: Check, context: ValidationContext) -> Iterator[Finding]:
    """The seller blocked the product in this market."""
    for stock in context.stocks_to_check:
        if stock.status == "blocked":
            yield _with_reason(check, stock, f"the product {stock.code} is blocked")


@_check_products(looks_at="the product's availability in this market", data=[_REASON, *_REQUESTED])
def product_discontinued(check: Check, context: ValidationContext) -> Iterator[Finding]:
    """The product is no longer made or sold, even if some are left."""
    for stock in context.stocks_to_check:
        if stock.status == "discontinued":
            yield _with_reason(check, stock, f"the product {stock.code} is discontinued")


@_check_products(looks_at="the product's availability in this market", data=[_AVAILABLE, *_REQUESTED])
def product_out_of_stock(check: Check, context: ValidationContext) -> Iterator[Finding]:
    """None of the product is left."""
    for stock in context.stocks_to_check:
        if stock.status == "out_of_stock" or (stock.status == "available" and stock.available == 0):
            yield check.about_stock(stock, f"the product {stock.code} is out of stock", available=0)


@_check_products(
    looks_at="the available quantity, against the sum over all lines that need the product",
    data=[_AVAILABLE, *_REQUESTED],
)
def product_insufficient_stock(check: Check, context: ValidationContext) -> Iterator[Finding]:
    """Fewer of the product are left than the basket needs."""
    for stock in context.stocks_to_check:
        available = stock.available
        if stock.status == "available" and available is not None and 0 < available < stock.requested:
            message = f"of the product {stock.code} {available} are left and {stock.requested} are asked for"
            yield check.about_stock(stock, message, available=available)


@_check_products(
    looks_at="the available quantity, against the policy's threshold",
    severity="warning",
    data=[_AVAILABLE, *_REQUESTED],
)
def product_low_stock(check: Check, context: ValidationContext) -> Iterator[Finding]:
    """Enough of the product is left, but fewer than the policy's threshold (5 by default)."""
    for stock in context.stocks_to_check:
        available = stock.available
        if stock.status != "available" or available is None or available < stock.requested:
            continue
        if available < context.policy.low_stock:
            message = f"of the product {stock.code} only {available} are left"
            yield check.about_stock(stock, message, available=available)


def _with_reason(check: Check, stock: ProductStock, message: str) -> Finding:
    reason = stock.availability.reason if stock.availability else None
    return check.about_stock(stock, f"{message}: {reason}" if reason else message, reason=reason)
