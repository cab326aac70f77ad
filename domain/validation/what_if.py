"""What baskets would come to if some facts held, on top of all that is known. Changes nothing."""

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
    """What would become of a basket; with the codes of its errors where it would become not ready."""

    consequence: Consequence
    codes: tuple[str, ...] = ()


class WhatIfValidator:
    """Judges baskets at one moment, by the facts up to one position, with and without the supposed ones.

    What is known of an offer or product is read once and kept for the baskets that come after.
    """

    def __init__(
        self,
        facts: Sequence[Fact],
        history: CatalogueHistory,
        position: int,
        at: datetime,
        defaults: PolicyTerms,
    ) -> None:
        """`facts` are those of `that_would_count`."""
        self._history = history
        self._position = position
        self._at = at
        self._defaults = defaults
        self._known = Catalogue(position=position)
        self._supposed = Catalogue(facts)
        # A supposed offer may be made of products that no basket remembers: they are read with its own.
        self._made_of = {
            fact.id: {product.product_code for product in fact.products}
            for fact in facts
            if isinstance(fact, OfferFact)
        }
        self._seen: tuple[set[str], set[str], set[str]] = (set(), set(), set())

    async def learn_about(self, baskets: Collection[Basket]) -> None:
        """Reads what is known about these baskets and was not read before."""
        offers, products, partners = self._seen
        new_offers = {id for basket in baskets for id in offers_of(basket)} - offers
        codes = {code for basket in baskets for code in products_of(basket)}
        codes.update(*(self._made_of.get(id, ()) for id in new_offers))
        new_partners = {basket.partner for basket in baskets} - partners
        if new_offers or codes - products:
            await self._learn(new_offers, codes - products, None)
        for partner in new_partners:
            await self._learn((), (), partner)
        offers |= new_offers
        products |= codes
        partners |= new_partners

    def consequence_for(self, basket: Basket) -> WhatIfResult:
        """What would become of a basket that was learned about."""
        seen = basket.as_seen_at(self._at)
        after = error_codes(seen, self._supposed, self._at, defaults=self._defaults)
        if not after:
            return WhatIfResult("stays_ready")
        if error_codes(seen, self._known, self._at, defaults=self._defaults):
            return WhatIfResult("was_not_ready")
        return WhatIfResult("becomes_not_ready", tuple(sorted(after)))

    async def _learn(self, offers: Collection[str], codes: Collection[str], partner: str | None) -> None:
        read = await self._history.catalogue_as_of(offers, codes, self._position, partner)
        facts = [*read.facts()]
        self._known.add(facts)
        self._supposed.add(facts)


async def effective_facts(
    facts: Sequence[Fact], history: CatalogueHistory, position: int
) -> tuple[Sequence[Fact], int]:
    """The facts that would change what is known at a position, as they would be recorded then, and how many would
    not: as new a fact, or a newer one, about the same is known already."""
    newest: dict[str, Fact] = {}
    for start in range(0, len(facts), FACTS_PER_QUERY):
        known = await _known_about(facts[start : start + FACTS_PER_QUERY], history, position)
        newest |= {fact.subject: fact for fact in known}
    said = [(placed_after(fact, newest.get(fact.subject)), newest.get(fact.subject)) for fact in facts]
    counting = [fact for fact, held in said if held is None or recency(fact) > recency(held)]
    return counting, len(facts) - len(counting)


async def _known_about(facts: Sequence[Fact], history: CatalogueHistory, position: int) -> Sequence[Fact]:
    offers = {fact.id for fact in facts if isinstance(fact, OfferFact)}
    offers |= {fact.offer_id for fact in facts if isinstance(fact, PriceFact)}
    codes = {fact.product_code for fact in facts if isinstance(fact, AvailabilityFact)}
    known = [*(await history.catalogue_as_of(offers, codes, position)).facts()]
    for partner in {fact.partner for fact in facts if isinstance(fact, PolicyFact)}:
        # The policy of all is told beside that of any organisation.
        known += (await history.catalogue_as_of((), (), position, partner or "")).facts()
    return known
