"""The checks. Each is a pure, named function of what it sees: the basket, the catalogue as known, and
the time. `CHECKS` lists them in the order of their findings."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from functools import partial

from pydantic import JsonValue

from domain.validation.check import Check, Find
from domain.validation.findings import Finding, Resolution, Severity
from domain.validation.sight import Sight
from domain.values import Money

_CHECKS: list[Check] = []


def _check(
    *,
    looks_at: str,
    resolution: Resolution = "change_basket",
    severity: Severity = "error",
    about_products: bool = False,
) -> Callable[[Find], Find]:
    def register(function: Find) -> Find:
        code = function.__name__
        _CHECKS.append(Check(code, severity, resolution, about_products, looks_at, function))
        return function

    return register


_check_products = partial(_check, about_products=True)


def _moment(time: datetime | None) -> str | None:
    return None if time is None else time.isoformat().replace("+00:00", "Z")


def _money(money: Money | None) -> JsonValue:
    return None if money is None else {"amount": str(money.amount), "currency": money.currency}


@_check(looks_at="the number of lines")
def basket_empty(check: Check, sight: Sight) -> Iterator[Finding]:
    """A basket without lines can't become an order."""
    if not sight.lines:
        yield check.about_basket("the basket is empty", "$.orderItems")


@_check(looks_at="the basket's status and `expiresAt`")
def basket_expired(check: Check, sight: Sight) -> Iterator[Finding]:
    """From `expiresAt` on the basket is expired, also before an event says so."""
    if sight.basket.status_at(sight.now) == "expired":
        yield check.about_basket(
            "the basket has expired", "$.expiresAt", expiresAt=_moment(sight.basket.expires_at)
        )


@_check(looks_at="the offer version in the catalogue")
def offer_unknown(check: Check, sight: Sight) -> Iterator[Finding]:
    """The catalogue has no such version of the offer."""
    for line in sight.lines:
        if line.offer is None:
            offer = line.item.offer
            yield check.about_line(
                line, f"the offer {offer} is not in the catalogue", ".offer", offerVersion=offer.version
            )


@_check(looks_at="the offer version's status")
def offer_not_published(check: Check, sight: Sight) -> Iterator[Finding]:
    """Drafts and withdrawn offers are not sold."""
    for line in sight.lines:
        if line.offer is not None and line.offer.status != "published":
            yield check.about_line(
                line,
                f"the offer {line.item.offer} is {line.offer.status}",
                ".offer",
                status=line.offer.status,
            )


@_check(looks_at="newer published versions of the offer")
def offer_version_superseded(check: Check, sight: Sight) -> Iterator[Finding]:
    """A published offer with a higher sequence and another version supersedes the older version."""
    for line in sight.lines:
        if line.successor is not None:
            yield check.about_line(
                line,
                f"version {line.successor.version} superseded the offer {line.item.offer}",
                ".offer.version",
                offerVersion=line.item.offer.version,
                currentVersion=line.successor.version,
            )


@_check(
    looks_at="prices of the offer version in the basket's country and currency", resolution="contact_seller"
)
def price_missing(check: Check, sight: Sight) -> Iterator[Finding]:
    """A known offer has no price in this market: none was ever said, or it begins later, or the basket
    names no currency and there are prices in several."""
    for line in sight.lines:
        if line.offer is not None and line.price.current is None and line.price.expired is None:
            upcoming, undecided = line.price.upcoming, line.price.undecided
            currencies: list[JsonValue] = [price.currency for price in undecided]
            when = f" before {_moment(upcoming.valid_from)}" if upcoming else ""
            which = " without a currency" if undecided else ""
            yield check.about_line(
                line,
                f"the offer {line.item.offer} has no price here{when}{which}",
                ".price",
                country=sight.basket.details.country,
                currency=sight.basket.details.currency,
                currencies=currencies,
                validFrom=_moment(upcoming.valid_from) if upcoming else None,
            )


@_check(looks_at="the line's price and the current one")
def price_changed(check: Check, sight: Sight) -> Iterator[Finding]:
    """The price differs from the one the line was added at (or the line was added without one). Removing
    the line and adding it again accepts the current price."""
    for line in sight.lines:
        current = line.price.current
        if current is not None and line.item.price != current.money:
            before = line.item.price or "no price"
            yield check.about_line(
                line,
                f"the price of the offer {line.item.offer} changed from {before} to {current.money}",
                ".price",
                expectedPrice=_money(line.item.price),
                currentPrice=_money(current.money),
                validFrom=_moment(current.valid_from),
                validUntil=_moment(current.valid_until),
            )


@_check(looks_at="the end of the price's validity")
def price_expired(check: Check, sight: Sight) -> Iterator[Finding]:
    """The last price in this market has ended and no other has begun."""
    for line in sight.lines:
        expired = line.price.expired
        if expired is not None:
            yield check.about_line(
                line,
                f"the price of the offer {line.item.offer} ended at {_moment(expired.valid_until)}",
                ".price",
                expectedPrice=_money(line.item.price),
                validFrom=_moment(expired.valid_from),
                validUntil=_moment(expired.valid_until),
            )


@_check_products(looks_at="the product's availability in this market", resolution="contact_seller")
def product_blocked(check: Check, sight: Sight) -> Iterator[Finding]:
    """The seller blocked the product here."""
    for stock in sight.stocks:
        if stock.status == "blocked":
            reason = stock.availability.reason if stock.availability else None
            because = f": {reason}" if reason else ""
            yield check.about_stock(stock, f"the product {stock.code} is blocked{because}", reason=reason)


@_check_products(looks_at="the product's availability in this market")
def product_out_of_stock(check: Check, sight: Sight) -> Iterator[Finding]:
    """None of the product is left."""
    for stock in sight.stocks:
        if stock.status == "out_of_stock" or (stock.status == "available" and stock.available == 0):
            yield check.about_stock(stock, f"the product {stock.code} is out of stock", available=0)


@_check_products(looks_at="the available quantity, against the sum over all lines that need the product")
def product_insufficient_stock(check: Check, sight: Sight) -> Iterator[Finding]:
    """Less of the product is left than the basket asks for."""
    for stock in sight.stocks:
        available = stock.available
        if stock.status == "available" and available is not None and 0 < available < stock.requested:
            yield check.about_stock(
                stock,
                f"of the product {stock.code} {available} are left and {stock.requested} are asked for",
                available=available,
            )


CHECKS: tuple[Check, ...] = tuple(_CHECKS)
