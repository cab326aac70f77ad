"""The items that checks go through: lines, offers with a quantity rule, and products."""

from __future__ import annotations

from typing import Literal, NamedTuple

from domain.basket.events import OrderItem
from domain.catalogue.facts import AvailabilityFact, OfferFact, QuantityRule
from domain.catalogue.offer_index import OfferQuote
from domain.catalogue.pricing import PriceQuote
from domain.shared.money import Price
from domain.shared.values import Product

EvidenceKind = Literal["offers", "successors", "prices", "next_prices", "availability"]
"""The kinds of facts that a check can rest on."""

Scope = Literal["basket", "closed", "limits", "lines", "demands", "stocks"]
"""The items that a check goes through. `basket` is the basket as a whole, `closed` a basket that is not open, and
`limits` are those that a policy sets for the whole basket."""


class BasketLine(NamedTuple):
    """A line, its index in `orderItems` and the catalogue's facts about its offer.

    `next_price` is the price at the moment at which the current one ends; it is set only if the price `ends_soon`.
    """

    item_index: int
    item: OrderItem
    offer: OfferFact | None
    successor: OfferFact | None
    price: PriceQuote
    next_price: PriceQuote
    ends_soon: bool
    quote: OfferQuote

    @property
    def path(self) -> str:
        return f"$.orderItems[{self.item_index}]"

    def evidence(self, kind: EvidenceKind) -> tuple[str, ...]:
        """The ids of the facts of this kind about the line's offer."""
        match kind:
            case "offers":
                return self.quote.offer_ids
            case "successors":
                return self.quote.successor_ids
            case "prices":
                return self.quote.price_ids
            case "next_prices":
                return self.quote.next_price_ids if self.ends_soon else ()
            case "availability":
                return ()

    @property
    def products(self) -> tuple[Product, ...]:
        """The offer's products in the catalogue; those kept on the line if the catalogue has no such offer."""
        return self.offer.products if self.offer else self.item.offer.products

    @property
    def needs_check(self) -> bool:
        """False for an ordinary line of an offer without conditions, at the offer's price, which does not end soon."""
        price, item = self.quote.plain_price, self.item
        return (
            price is None
            or self.ends_soon
            or (item.price is not price and not _are_equal(item.price, price))
            or item.expected_price is not None
            or item.parent_id is not None
            or item.type != "offer"
        )


def _are_equal(one: Price | None, other: Price) -> bool:
    """As `==`, which takes longer."""
    return (
        one is not None
        and one.amount == other.amount
        and one.currency == other.currency
        and one.interval == other.interval
    )


class OfferDemand(NamedTuple):
    """The quantity rule of an offer version, its lines, and their total quantity."""

    rule: QuantityRule
    lines: tuple[BasketLine, ...]
    requested: int


class ProductStock(NamedTuple):
    """A product, the total quantity that the basket needs, the lines that need it, and its availability."""

    code: str
    requested: int
    lines: tuple[BasketLine, ...]
    availability: AvailabilityFact | None

    @property
    def path(self) -> str:
        """The product's path on the first line that needs it, or that line's path if it lists no such product."""
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
        """How many are left; None is no limit."""
        quantity = self.availability.quantity if self.availability else None
        return None if quantity is None else max(quantity, 0)
