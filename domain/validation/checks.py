"""The checks. Each is a pure, named function of what it sees: the basket, the catalogue as known, and
the time. `CHECKS` lists them in the order of their findings."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from pydantic import JsonValue

from domain.basket.basket import Basket
from domain.basket.events import OrderItem
from domain.catalogue.catalogue import Catalogue, PriceAnswer
from domain.catalogue.facts import AvailabilityFact, OfferFact
from domain.validation.findings import Finding, Resolution, Severity
from domain.values import Money, Product


@dataclass(frozen=True, slots=True)
class Line:
    """A line with its place in `checkout` and what the catalogue says of its offer."""

    index: int
    item: OrderItem
    offer: OfferFact | None
    successor: OfferFact | None
    price: PriceAnswer

    @property
    def path(self) -> str:
        return f"$.orderItems[{self.index}]"

    @property
    def products(self) -> tuple[Product, ...]:
        """By the catalogue, or as the line remembers them where the catalogue knows the offer no more."""
        return self.offer.products if self.offer else self.item.offer.products


@dataclass(frozen=True, slots=True)
class Stock:
    """A product that the basket needs: how many over all lines, on which lines, and its availability."""

    code: str
    requested: int
    lines: tuple[Line, ...]
    availability: AvailabilityFact | None

    @property
    def path(self) -> str:
        """The product's place on the first line that needs it, or that line where it shows no products."""
        line = self.lines[0]
        for index, product in enumerate(line.item.offer.products):
            if product.product_code == self.code:
                return f"{line.path}.offer.products[{index}]"
        return line.path

    @property
    def status(self) -> str:
        return self.availability.status if self.availability else "available"

    @property
    def available(self) -> int | None:
        """How many can be had; None is no limit."""
        return self.availability.quantity if self.availability else None


@dataclass(frozen=True, slots=True)
class Sight:
    """What a check sees."""

    basket: Basket
    now: datetime
    lines: tuple[Line, ...]
    stocks: tuple[Stock, ...]

    @classmethod
    def of(cls, basket: Basket, catalogue: Catalogue, now: datetime) -> Sight:
        market = basket.market
        lines = tuple(
            Line(
                index,
                item,
                catalogue.offer(item.offer),
                catalogue.successor(item.offer),
                catalogue.price(item.offer, market, now) if catalogue.offer(item.offer) else PriceAnswer(),
            )
            for index, item in enumerate(basket.items.values())
        )
        requested: Counter[str] = Counter()
        needing: dict[str, list[Line]] = {}
        for line in lines:
            for product in line.products:
                requested[product.product_code] += line.item.quantity
                lines_of_it = needing.setdefault(product.product_code, [])
                if line not in lines_of_it[-1:]:
                    lines_of_it.append(line)
        stocks = tuple(
            Stock(code, requested[code], tuple(needing[code]), catalogue.availability(code, market))
            for code in needing
        )
        return cls(basket, now, lines, stocks)

    def evidence(self) -> tuple[str, ...]:
        """The ids of all facts that were looked at, sorted."""
        facts = (
            *(line.offer for line in self.lines),
            *(line.successor for line in self.lines),
            *(line.price.fact for line in self.lines),
            *(stock.availability for stock in self.stocks),
        )
        return tuple(sorted({fact.fact_id for fact in facts if fact is not None}))


Find = Callable[["Check", Sight], Iterator[Finding]]


@dataclass(frozen=True, slots=True)
class Check:
    """A named check: the code of its findings, how grave they are, what the caller can do about them,
    and whether they are about products (`blockedProducts`) or not (`validationErrors`)."""

    code: str
    severity: Severity
    resolution: Resolution
    about_products: bool
    looks_at: str
    function: Find

    def find(self, sight: Sight) -> Iterator[Finding]:
        return self.function(self, sight)

    def about_basket(self, message: str, path: str = "$", **data: JsonValue) -> Finding:
        return self._finding(message=message, path=path, data=data)

    def about_line(self, line: Line, message: str, field: str, **data: JsonValue) -> Finding:
        return self._finding(
            message=message,
            path=f"{line.path}{field}",
            order_item_id=line.item.id,
            offer_id=line.item.offer.id,
            data=data,
        )

    def about_stock(self, stock: Stock, message: str, **data: JsonValue) -> Finding:
        ids: list[JsonValue] = [line.item.id for line in stock.lines]
        return self._finding(
            message=message,
            path=stock.path,
            order_item_id=stock.lines[0].item.id,
            offer_id=stock.lines[0].item.offer.id,
            product_code=stock.code,
            data={**data, "requested": stock.requested, "orderItemIds": ids},
        )

    def failed(self, error: Exception) -> Finding:
        """The finding in place of a crashed check's own. It blocks: what was not checked is not right."""
        return Finding(
            code="check_failed",
            severity="error",
            resolution="retry",
            message=f"the check {self.code} could not be made",
            path="$",
            data={"check": self.code, "error": type(error).__name__},
        )

    def _finding(self, **values: object) -> Finding:
        return Finding.model_validate(
            {"code": self.code, "severity": self.severity, "resolution": self.resolution, **values}
        )


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
    return None if time is None else time.isoformat()


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
    """A known offer has no price in this market: none was ever said, or it begins later."""
    for line in sight.lines:
        if line.offer is not None and line.price.current is None and line.price.expired is None:
            upcoming = line.price.upcoming
            yield check.about_line(
                line,
                f"the offer {line.item.offer} has no price here"
                + (f" before {_moment(upcoming.valid_from)}" if upcoming else ""),
                ".price",
                country=sight.basket.details.country,
                currency=sight.basket.details.currency,
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
