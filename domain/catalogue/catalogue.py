"""The catalogue's facts about some offers, products and organisations at one moment, without any I/O."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Self, assert_never

from domain.catalogue.epochs import is_withdrawn, recency
from domain.catalogue.facts import AvailabilityFact, Fact, OfferFact, PriceFact
from domain.catalogue.offer_index import NO_OFFER, NO_PRODUCT, OfferEntry, OfferQuote, OfferSnapshot, ProductEntry
from domain.catalogue.policies import PolicyFact
from domain.catalogue.pricing import PriceQuote
from domain.shared.values import LineOffer, Market, OfferRef


class Catalogue:
    """Looks up offers, prices, availability and policies; the newest fact about a subject counts."""

    def __init__(self, facts: Iterable[Fact] = (), position: int | None = None) -> None:
        """`position` is the position of the last fact that was recorded; None where it is not known."""
        self.position = position
        self._offers: dict[str, OfferEntry] = {}
        self._products: dict[str, ProductEntry] = {}
        self._policies: dict[str | None, PolicyFact] = {}
        if facts:
            self.add(facts)

    @classmethod
    def from_entries(
        cls,
        offers: Mapping[str, OfferEntry],
        products: Mapping[str, ProductEntry],
        policies: Iterable[PolicyFact],
        position: int | None = None,
    ) -> Self:
        """A catalogue that shares entries: offers by id, products by code."""
        catalogue = cls(policies, position)
        catalogue._offers.update(offers)
        catalogue._products.update(products)
        return catalogue

    def add(self, facts: Iterable[Fact]) -> None:
        """Adds facts in any order."""
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
            self._offers[id] = OfferEntry([*self.offer_entry(id).facts(), *about_offer])
        for code, about_product in products.items():
            product = self.product_entry(code)
            self._products[code] = ProductEntry([*product.facts, *product.withdrawn, *about_product])

    def offers(self) -> Iterator[OfferFact]:
        """Every version of every offer."""
        for offer in self._offers.values():
            yield from offer.versions

    def facts(self) -> Iterator[Fact]:
        """The newest fact of each subject, withdrawals included where they are known."""
        for offer in self._offers.values():
            yield from offer.facts()
        for product in self._products.values():
            yield from product.facts
            yield from product.withdrawn
        yield from self._policies.values()

    def offer_entry(self, offer_id: str) -> OfferEntry:
        """The same object as long as nothing changes; `NO_OFFER` for an unknown offer."""
        return self._offers.get(offer_id, NO_OFFER)

    def product_entry(self, product_code: str) -> ProductEntry:
        """The same object as long as nothing changes; `NO_PRODUCT` for an unknown product."""
        return self._products.get(product_code, NO_PRODUCT)

    def offer(self, ref: OfferRef) -> OfferFact | None:
        return self.offer_entry(ref.id).version(ref.version)

    def successor(self, ref: OfferRef) -> OfferFact | None:
        """The published version that supersedes this one."""
        return self.offer_entry(ref.id).successor(ref.version)

    def price(self, ref: OfferRef, market: Market, now: datetime) -> PriceQuote:
        return self.offer_entry(ref.id).price(ref.version, market, now)

    def quote(self, ref: OfferRef, market: Market, now: datetime) -> OfferQuote:
        """The offer, its successor, its price and the price after that one."""
        return self.offer_entry(ref.id).quote(ref.version, market, now)

    def availability(self, product_code: str, market: Market, now: datetime) -> AvailabilityFact | None:
        """The fact that holds in this market; None means no limit."""
        return self.product_entry(product_code).availability(market, now)

    def policies(self, partner: str) -> tuple[PolicyFact, ...]:
        """The organisation's own policy, then the policy for all."""
        if not self._policies:
            return ()
        policies = (self._policies.get(partner), self._policies.get(None))
        return tuple(policy for policy in policies if policy is not None and not is_withdrawn(policy))

    def describe(self, ref: OfferRef, market: Market, now: datetime) -> OfferSnapshot:
        """What a basket line keeps of an offer."""
        known = self.quote(ref, market, now).snapshot
        if known is not None:
            return known
        return OfferSnapshot(
            LineOffer.construct_trusted(id=ref.id, version=ref.version, name=None, path=None, products=())
        )
