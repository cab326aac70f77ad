"""What the catalogue says of some offers and products at one moment. Pure: made of facts, asked with a market
and a time."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Self, assert_never

from domain.catalogue.epochs import is_withdrawn, recency
from domain.catalogue.facts import AvailabilityFact, Fact, OfferFact, PriceFact
from domain.catalogue.offer_index import (
    NO_QUOTE,
    OfferEntry,
    OfferQuote,
    ProductEntry,
)
from domain.catalogue.policies import PolicyFact
from domain.catalogue.pricing import NO_PRICE, PriceQuote
from domain.shared.values import LineOffer, Market, Money, OfferRef


@dataclass(frozen=True, slots=True)
class OfferSnapshot:
    """An offer as a new line of a basket records it. An unknown offer has no name, products or price."""

    offer: LineOffer
    price: Money | None = None


class Catalogue:
    """What is known of some offers, products and organisations; of each fact's subject the newest counts."""

    def __init__(self, facts: Iterable[Fact] = (), position: int | None = None) -> None:
        """`position` is that of the last fact that was known of anything; None where that is not known."""
        self.position = position
        self._offers: dict[str, OfferEntry] = {}
        self._products: dict[str, ProductEntry] = {}
        self._policies: dict[str | None, PolicyFact] = {}
        self.add(facts)

    @classmethod
    def of_known(
        cls,
        offers: Mapping[str, OfferEntry],
        products: Mapping[str, ProductEntry],
        policies: Iterable[PolicyFact],
        position: int | None = None,
    ) -> Self:
        """Made of what others may hold as well: offers by their ids, products by their codes."""
        catalogue = cls(policies, position)
        catalogue._offers.update(offers)
        catalogue._products.update(products)
        return catalogue

    def add(self, facts: Iterable[Fact]) -> None:
        """Takes in more facts; of one subject the newest counts, in whatever order they come."""
        offers: dict[str, list[OfferFact | PriceFact]] = defaultdict(list)
        products: dict[str, list[AvailabilityFact]] = defaultdict(list)
        for fact in facts:
            match fact:
                case OfferFact():
                    offers[fact.id].append(fact)
                case PriceFact():
                    offers[fact.offer_id].append(fact)
                case AvailabilityFact():
                    products[fact.product_code].append(fact)
                case PolicyFact():
                    held = self._policies.get(fact.partner)
                    if held is None or recency(fact) > recency(held):
                        self._policies[fact.partner] = fact
                case _:
                    assert_never(fact)
        for id, about_offer in offers.items():
            offer = self._offers.get(id)
            self._offers[id] = OfferEntry([*offer.facts(), *about_offer] if offer else about_offer)
        for code, about_product in products.items():
            product = self._products.get(code)
            self._products[code] = ProductEntry(
                [*product.facts, *product.withdrawn, *about_product] if product else about_product
            )

    def offers(self) -> Iterator[OfferFact]:
        """Every version of every offer that is known."""
        for offer in self._offers.values():
            yield from offer.versions

    def facts(self) -> Iterator[Fact]:
        """All that is known, the newest of each subject; withdrawals are among them where they are known."""
        for offer in self._offers.values():
            yield from offer.facts()
        for product in self._products.values():
            yield from product.facts
            yield from product.withdrawn
        yield from self._policies.values()

    def offer(self, ref: OfferRef) -> OfferFact | None:
        known = self._offers.get(ref.id)
        return known.version(ref.version) if known else None

    def successor(self, ref: OfferRef) -> OfferFact | None:
        """The published version that supersedes this one."""
        known = self._offers.get(ref.id)
        return known.successor(ref.version) if known else None

    def price(self, ref: OfferRef, market: Market, now: datetime) -> PriceQuote:
        """The price in this market and its currency."""
        known = self._offers.get(ref.id)
        return known.price(ref.version, market, now) if known else NO_PRICE

    def answer(self, ref: OfferRef, market: Market, now: datetime) -> OfferQuote:
        """All of these at once, and the price after the present one."""
        known = self._offers.get(ref.id)
        return known.answer(ref.version, market, now) if known else NO_QUOTE

    def known_offer(self, offer_id: str) -> OfferEntry | None:
        return self._offers.get(offer_id)

    def known_product(self, product_code: str) -> ProductEntry | None:
        return self._products.get(product_code)

    def availability(self, product_code: str, market: Market) -> AvailabilityFact | None:
        """What holds for this product in this market; None where nothing is said, which is no limit."""
        known = self._products.get(product_code)
        return known.availability(market) if known else None

    def policies(self, partner: str) -> tuple[PolicyFact, ...]:
        """The policies that hold for an organisation, its own before that of all."""
        if not self._policies:
            return ()
        said = (self._policies.get(partner), self._policies.get(None))
        return tuple(fact for fact in said if fact is not None and not is_withdrawn(fact))

    def describe(self, ref: OfferRef, market: Market, now: datetime) -> OfferSnapshot:
        """What is known of an offer as it is put into a basket."""
        answer = self.answer(ref, market, now)
        offer, price = answer.offer, answer.price.current
        if offer is None:
            return OfferSnapshot(LineOffer(id=ref.id, version=ref.version))
        line_offer = LineOffer(
            id=ref.id, version=ref.version, name=offer.name, path=offer.path, products=offer.products
        )
        return OfferSnapshot(line_offer, price.money if price else None)
