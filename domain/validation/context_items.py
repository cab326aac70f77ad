"""What checks go through: lines, what is asked for of an offer, and what is left of a product."""

from __future__ import annotations

from typing import Literal, NamedTuple

from domain.basket.events import OrderItem
from domain.catalogue.facts import AvailabilityFact, OfferFact
from domain.catalogue.offer_index import OfferQuote
from domain.catalogue.pricing import PriceQuote
from domain.shared.values import Product

EvidenceKind = Literal["offers", "successors", "prices", "next_prices", "availability"]
"""What checks look at beside the basket. Each says which of these it rests on."""


Scope = Literal["basket", "lines", "demands", "stocks"]
"""What a check goes through. The basket as a whole is always in question."""


class BasketLine(NamedTuple):
    """A line with its place in `checkout` and what the catalogue says of its offer. `next_price` is the
    answer for the moment at which the current price ends, where it `ends_soon`."""

    at: int
    item: OrderItem
    offer: OfferFact | None
    successor: OfferFact | None
    price: PriceQuote
    next_price: PriceQuote
    ends_soon: bool
    answer: OfferQuote

    @property
    def path(self) -> str:
        return f"$.orderItems[{self.at}]"

    def evidence(self, kind: EvidenceKind) -> tuple[str, ...]:
        """The ids of the facts of this kind about the line's offer."""
        match kind:
            case "offers":
                return self.answer.offer_ids
            case "successors":
                return self.answer.successor_ids
            case "prices":
                return self.answer.price_ids
            case "next_prices":
                return self.answer.following_ids if self.ends_soon else ()
            case "availability":
                return ()

    @property
    def products(self) -> tuple[Product, ...]:
        """By the catalogue, or as the line remembers them where the catalogue knows the offer no more."""
        return self.offer.products if self.offer else self.item.offer.products

    @property
    def is_in_question(self) -> bool:
        """Whether there may be anything to say of the line: not where it is a plain one of an offer that has no
        conditions, at the offer's price, which does not end soon."""
        price, item = self.answer.unconditional_at, self.item
        return (
            price is None
            or self.ends_soon
            or item.price is None
            or item.price.amount != price.amount
            or item.price.currency != price.currency
            or item.expected_price is not None
            or item.parent_id is not None
            or item.type != "offer"
        )


class OfferDemand(NamedTuple):
    """An offer version that says how many one may order: its lines, and how many they ask for together."""

    offer: OfferFact
    lines: tuple[BasketLine, ...]
    requested: int


class ProductStock(NamedTuple):
    """A product that the basket needs: how many over all lines, on which lines, and its availability."""

    code: str
    requested: int
    lines: tuple[BasketLine, ...]
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
        quantity = self.availability.quantity if self.availability else None
        return None if quantity is None else max(quantity, 0)
