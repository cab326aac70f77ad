"""Catalogue facts in a process's memory."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import UTC, datetime
from itertools import islice

from domain.catalogue.catalogue import Catalogue
from domain.catalogue.facts import AvailabilityFact, Fact, OfferFact, PriceFact
from domain.catalogue.policies import PolicyFact
from domain.ports import Clock, Learned, Source


def _utc_now() -> datetime:
    return datetime.now(UTC)


class MemoryCatalogueFacts:
    """CatalogueFacts and CatalogueHistory, durable as long as the process."""

    def __init__(self, clock: Clock = _utc_now) -> None:
        self._clock = clock
        self._facts: dict[str, Fact] = {}
        """In the order in which they were learned: the first has position 1."""
        self._learned_at: list[datetime] = []

    async def learn(self, facts: Sequence[tuple[Fact, Source]]) -> Learned:
        new = known = 0
        contradicts: list[Fact] = []
        for fact, _ in facts:
            held = self._facts.get(fact.fact_id)
            if held is None:
                self._facts[fact.fact_id] = fact
                self._learned_at.append(self._clock())
                new += 1
            elif held == fact:
                known += 1
            else:
                contradicts.append(fact)
        return Learned(new, known, tuple(contradicts))

    async def catalogue(
        self,
        offer_ids: Collection[str],
        product_codes: Collection[str],
        *,
        fresh: bool,
        at: datetime | None = None,
        partner: str | None = None,
    ) -> Catalogue:
        return await self.catalogue_as_of(offer_ids, product_codes, len(self._facts), partner)

    async def catalogue_as_of(
        self,
        offer_ids: Collection[str],
        product_codes: Collection[str],
        position: int,
        partner: str | None = None,
    ) -> Catalogue:
        known = [*islice(self._facts.values(), position)]
        offers = [fact for fact in known if isinstance(fact, OfferFact) and fact.id in offer_ids]
        # Of each version only the newest counts: a product that it is made of no more is not asked for.
        newest = Catalogue(offers).offers()
        codes = {*product_codes, *(product.product_code for offer in newest for product in offer.products)}
        about = [fact for fact in known if _is_about(fact, offer_ids, codes, partner)]
        return Catalogue([*offers, *about], min(position, len(self._facts)))

    async def position_at(self, moment: datetime | None = None) -> int:
        positions = (
            at for at, learned in enumerate(self._learned_at, 1) if moment is None or learned <= moment
        )
        return max(positions, default=0)

    async def learned_after(self, position: int, limit: int) -> Sequence[tuple[int, Fact]]:
        return [*islice(enumerate(self._facts.values(), 1), position, position + limit)]

    async def recorded_facts(self, fact_ids: Collection[str]) -> Sequence[Fact]:
        return [self._facts[fact_id] for fact_id in fact_ids if fact_id in self._facts]

    async def offers_made_of(self, product_codes: Collection[str]) -> Collection[str]:
        newest = Catalogue(self._facts.values()).offers()
        return {offer.id for offer in newest if _is_made_of(offer, product_codes)}


def _is_about(
    fact: Fact, offer_ids: Collection[str], product_codes: Collection[str], partner: str | None
) -> bool:
    return (
        (isinstance(fact, PriceFact) and fact.offer_id in offer_ids)
        or (isinstance(fact, AvailabilityFact) and fact.product_code in product_codes)
        or (isinstance(fact, PolicyFact) and partner is not None and fact.partner in (partner, None))
    )


def _is_made_of(offer: OfferFact, product_codes: Iterable[str]) -> bool:
    return any(product.product_code in product_codes for product in offer.products)
