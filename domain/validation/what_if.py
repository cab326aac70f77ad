"""What baskets would become if some facts were known on top of all recorded facts. Changes nothing."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from domain.basket.basket import Basket
from domain.basket.references import offers_of, products_of
from domain.catalogue.catalogue import Catalogue
from domain.catalogue.epochs import placed_after, recency
from domain.catalogue.facts import AvailabilityFact, Fact, OfferFact, PriceFact
from domain.catalogue.policies import PolicyFact, PolicyTerms
from domain.ports.catalogue import CatalogueHistory
from domain.validation.validate import error_codes

FACTS_PER_QUERY = 2_000

Consequence = Literal["stays_ready", "was_not_ready", "becomes_not_ready"]


@dataclass(frozen=True, slots=True)
class WhatIfResult:
    """The consequence for one basket; `codes` are its errors if it becomes not ready."""

    consequence: Consequence
    codes: tuple[str, ...] = ()


class WhatIfValidator:
    """Validates baskets at one moment and catalogue position, with and without the assumed facts.

    It keeps what it has read of the catalogue for the baskets that follow.
    """

    def __init__(
        self,
        facts: Sequence[Fact],
        history: CatalogueHistory,
        position: int,
        at: datetime,
        defaults: PolicyTerms,
    ) -> None:
        """`facts` are those of `effective_facts`."""
        self._history = history
        self._position = position
        self._at = at
        self._defaults = defaults
        self._known = Catalogue(position=position)
        self._assumed = Catalogue(facts)
        # An assumed offer may contain products that no basket lists: they are read together with the offer.
        self._assumed_products = {
            fact.id: {product.product_code for product in fact.products}
            for fact in facts
            if isinstance(fact, OfferFact)
        }
        self._read_offers: set[str] = set()
        self._read_products: set[str] = set()
        self._read_partners: set[str] = set()

    async def prepare(self, baskets: Collection[Basket]) -> None:
        """Reads the facts about these baskets that were not read before."""
        offers = {id for basket in baskets for id in offers_of(basket)} - self._read_offers
        products = {code for basket in baskets for code in products_of(basket)}
        products.update(*(self._assumed_products.get(id, ()) for id in offers))
        products -= self._read_products
        partners = {basket.partner for basket in baskets} - self._read_partners
        if offers or products:
            await self._read(offers, products, None)
        for partner in partners:
            await self._read((), (), partner)
        self._read_offers |= offers
        self._read_products |= products
        self._read_partners |= partners

    def consequence_for(self, basket: Basket) -> WhatIfResult:
        """The consequence for a basket that was prepared."""
        basket = basket.as_seen_at(self._at)
        after = error_codes(basket, self._assumed, self._at, defaults=self._defaults)
        if not after:
            return WhatIfResult("stays_ready")
        if error_codes(basket, self._known, self._at, defaults=self._defaults):
            return WhatIfResult("was_not_ready")
        return WhatIfResult("becomes_not_ready", tuple(sorted(after)))

    async def _read(self, offers: Collection[str], codes: Collection[str], partner: str | None) -> None:
        read = await self._history.catalogue_as_of(offers, codes, self._position, partner)
        facts = [*read.facts()]
        self._known.add(facts)
        self._assumed.add(facts)


async def effective_facts(
    facts: Sequence[Fact], history: CatalogueHistory, position: int
) -> tuple[Sequence[Fact], int]:
    """The facts that are newer than those at a position, in the epochs in which they would be recorded; and how
    many are not newer."""
    newest: dict[str, Fact] = {}
    for start in range(0, len(facts), FACTS_PER_QUERY):
        known = await _known_about(facts[start : start + FACTS_PER_QUERY], history, position)
        newest |= {fact.subject: fact for fact in known}
    placed = [(placed_after(fact, newest.get(fact.subject)), newest.get(fact.subject)) for fact in facts]
    effective = [fact for fact, held in placed if held is None or recency(fact) > recency(held)]
    return effective, len(facts) - len(effective)


async def _known_about(facts: Sequence[Fact], history: CatalogueHistory, position: int) -> Sequence[Fact]:
    offers = {fact.id for fact in facts if isinstance(fact, OfferFact)}
    offers |= {fact.offer_id for fact in facts if isinstance(fact, PriceFact)}
    codes = {fact.product_code for fact in facts if isinstance(fact, AvailabilityFact)}
    known = [*(await history.catalogue_as_of(offers, codes, position)).facts()]
    for partner in {fact.partner for fact in facts if isinstance(fact, PolicyFact)}:
        # With the policy of an organisation comes the policy for all.
        known += (await history.catalogue_as_of((), (), position, partner or "")).facts()
    return known
