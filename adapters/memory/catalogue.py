"""Catalogue facts in a process's memory."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from domain.catalogue.catalogue import Catalogue
from domain.catalogue.facts import AvailabilityFact, Fact, OfferFact, PriceFact
from domain.catalogue.policies import PolicyFact
from domain.ports import Learned, Source


class MemoryCatalogueFacts:
    """CatalogueFacts, durable as long as the process."""

    def __init__(self) -> None:
        self._facts: dict[str, Fact] = {}

    async def learn(self, facts: Sequence[tuple[Fact, Source]]) -> Learned:
        new = known = 0
        contradicts: list[Fact] = []
        for fact, _ in facts:
            held = self._facts.get(fact.fact_id)
            if held is None:
                self._facts[fact.fact_id] = fact
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
        offers = [
            fact for fact in self._facts.values() if isinstance(fact, OfferFact) and fact.id in offer_ids
        ]
        codes = {*product_codes, *(product.product_code for offer in offers for product in offer.products)}
        return Catalogue(
            [
                *offers,
                *(
                    fact
                    for fact in self._facts.values()
                    if (isinstance(fact, PriceFact) and fact.offer_id in offer_ids)
                    or (isinstance(fact, AvailabilityFact) and fact.product_code in codes)
                    or (isinstance(fact, PolicyFact) and partner and fact.partner in (partner, None))
                ),
            ]
        )
