"""What checks see of a basket: its lines with what the catalogue says of their offers, and its products
with what can be had of them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime

from domain.basket.basket import Basket
from domain.basket.events import OrderItem
from domain.catalogue.catalogue import Catalogue, PriceAnswer
from domain.catalogue.facts import AvailabilityFact, OfferFact
from domain.values import Product


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
        needing: dict[str, dict[int, Line]] = {}
        for line in lines:
            for product in line.products:
                requested[product.product_code] += line.item.quantity
                needing.setdefault(product.product_code, {})[line.index] = line
        stocks = tuple(
            Stock(code, requested[code], tuple(needing[code].values()), catalogue.availability(code, market))
            for code in needing
        )
        return cls(basket, now, lines, stocks)

    def evidence(self) -> tuple[str, ...]:
        """The ids of all facts that were looked at, sorted."""
        facts = (
            *(line.offer for line in self.lines),
            *(line.successor for line in self.lines),
            *(price for line in self.lines for price in line.price.facts),
            *(stock.availability for stock in self.stocks),
        )
        return tuple(sorted({fact.fact_id for fact in facts if fact is not None}))
