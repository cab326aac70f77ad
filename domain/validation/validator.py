"""Judging a basket by what is known now."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from domain.basket.basket import Basket
from domain.basket.references import offers_of, products_of
from domain.catalogue.policies import PolicyTerms
from domain.ports.catalogue import CatalogueFacts
from domain.shared.findings import Verdict
from domain.shared.values import Clock
from domain.validation.validate import NO_POLICY_TERMS, build_context, run_checks
from domain.validation.verdict_cache import VerdictCache


@dataclass(frozen=True, slots=True)
class ValidatedBasket:
    """`basket` is as it was seen `at` the moment of judging."""

    basket: Basket
    verdict: Verdict
    at: datetime
    catalogue_position: int | None

    def record_on(self, basket: Basket) -> None:
        """Leaves the verdict as an event of the basket that was judged."""
        basket.record_verdict(self.verdict, self.at, self.catalogue_position)


class BasketValidator:
    """Reads the catalogue, then looks at the clock, then judges; what it would come to again, it remembers."""

    def __init__(self, facts: CatalogueFacts, clock: Clock, defaults: PolicyTerms = NO_POLICY_TERMS) -> None:
        self._facts = facts
        self._clock = clock
        self._defaults = defaults
        self._verdicts = VerdictCache()

    def drop(self) -> None:
        """Remembers nothing any longer: what it remembers holds baskets."""
        self._verdicts.drop()

    async def judge(self, basket: Basket) -> ValidatedBasket:
        catalogue = await self._facts.catalogue(
            offers_of(basket), products_of(basket), fresh=True, at=self._clock(), partner=basket.partner
        )
        now = self._clock()
        seen = basket.as_seen_at(now)
        verdict = self._verdicts.find(seen, catalogue, now)
        if verdict is None:
            sight = build_context(seen, catalogue, now, self._defaults)
            verdict = run_checks(sight)
            self._verdicts.keep(sight, catalogue, verdict)
        return ValidatedBasket(seen, verdict, now, catalogue.position)
