"""What checks see of a basket: its lines with what the catalogue says of their offers, how many of each
offer, and its products with what can be had of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from domain.basket.basket import Basket
from domain.basket.events import OrderItem
from domain.catalogue.catalogue import Catalogue, PriceAnswer
from domain.catalogue.facts import AvailabilityFact, OfferFact, PriceFact
from domain.validation.policy import ValidationPolicy
from domain.values import Market, Product

_NO_PRICE = PriceAnswer()

FactKind = Literal["offers", "successors", "prices", "next_prices", "availability"]
"""What checks look at beside the basket. Each says which of these it rests on."""


@dataclass(frozen=True, slots=True)
class Line:
    """A line with its place in `checkout` and what the catalogue says of its offer. `next_price` is the
    answer for the moment at which the current price ends, where that is soon."""

    index: int
    item: OrderItem
    offer: OfferFact | None
    successor: OfferFact | None
    price: PriceAnswer
    next_price: PriceAnswer = _NO_PRICE

    @property
    def path(self) -> str:
        return f"$.orderItems[{self.index}]"

    def facts(self, kind: FactKind) -> Sequence[OfferFact | PriceFact]:
        match kind:
            case "offers":
                return (self.offer,) if self.offer else ()
            case "successors":
                return (self.successor,) if self.successor else ()
            case "prices":
                return self.price.facts
            case "next_prices":
                return self.next_price.holding
            case "availability":
                return ()

    @property
    def products(self) -> tuple[Product, ...]:
        """By the catalogue, or as the line remembers them where the catalogue knows the offer no more."""
        return self.offer.products if self.offer else self.item.offer.products


@dataclass(frozen=True, slots=True)
class Demand:
    """An offer version that the catalogue knows: its lines, and how many they ask for together."""

    offer: OfferFact
    lines: tuple[Line, ...]
    requested: int


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
    policy: ValidationPolicy
    lines: tuple[Line, ...]
    demands: tuple[Demand, ...]
    stocks: tuple[Stock, ...]

    @classmethod
    def of(cls, basket: Basket, catalogue: Catalogue, now: datetime, policy: ValidationPolicy) -> Sight:
        looking = _Looking(catalogue, basket.market, now, policy)
        lines = tuple(looking.line(index, item) for index, item in enumerate(basket.items.values()))
        return cls(basket, now, policy, lines, _demands(lines), looking.stocks(lines))

    def evidence(self, kind: FactKind) -> set[str]:
        """The ids of all facts of this kind that were looked at."""
        if kind == "availability":
            return {stock.availability.fact_id for stock in self.stocks if stock.availability}
        return {fact.fact_id for line in self.lines for fact in line.facts(kind)}


@dataclass(frozen=True, slots=True)
class _Looking:
    """Looks lines and products up in the catalogue."""

    catalogue: Catalogue
    market: Market
    now: datetime
    policy: ValidationPolicy

    def line(self, index: int, item: OrderItem) -> Line:
        offer = self.catalogue.offer(item.offer)
        if offer is None:
            return Line(index, item, None, None, _NO_PRICE)
        price = self.catalogue.price(item.offer, self.market, self.now)
        ends = price.current.valid_until if price.current else None
        soon = ends is not None and ends - self.now <= self.policy.price_expires_within
        next_price = self.catalogue.price(item.offer, self.market, ends) if ends and soon else _NO_PRICE
        return Line(index, item, offer, self.catalogue.successor(item.offer), price, next_price)

    def stocks(self, lines: Iterable[Line]) -> tuple[Stock, ...]:
        requested: Counter[str] = Counter()
        needing: dict[str, dict[int, Line]] = {}
        for line in lines:
            for product in line.products:
                requested[product.product_code] += line.item.quantity
                needing.setdefault(product.product_code, {})[line.index] = line
        return tuple(
            Stock(
                code,
                requested[code],
                tuple(needing[code].values()),
                self.catalogue.availability(code, self.market),
            )
            for code in needing
        )


def _demands(lines: Iterable[Line]) -> tuple[Demand, ...]:
    asking: dict[tuple[str, str], list[Line]] = {}
    for line in lines:
        asking.setdefault((line.item.offer.id, line.item.offer.version), []).append(line)
    return tuple(
        Demand(same[0].offer, tuple(same), sum([line.item.quantity for line in same]))
        for same in asking.values()
        if same[0].offer is not None
    )
