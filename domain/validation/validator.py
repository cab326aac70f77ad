"""Validates baskets by the catalogue and the clock as they are now."""

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
    """A verdict and the basket as it was at that moment."""

    basket: Basket
    verdict: Verdict
    at: datetime
    catalogue_position: int | None

    def record_on(self, basket: Basket) -> None:
        """Records the verdict as an event of the basket that was validated."""
        basket.record_verdict(self.verdict, self.at, self.catalogue_position)


class BasketValidator:
    """Reads the catalogue before the clock, then validates or returns the cached verdict."""

    def __init__(self, facts: CatalogueFacts, clock: Clock, defaults: PolicyTerms = NO_POLICY_TERMS) -> None:
        self._facts = facts
        self._clock = clock
        self._defaults = defaults
        self._verdicts = VerdictCache()

    def drop(self) -> None:
        """Clears the cache, because it holds baskets."""
        self._verdicts.drop()

    async def validate(self, basket: Basket) -> ValidatedBasket:
        catalogue = await self._facts.catalogue(
            offers_of(basket), products_of(basket), fresh=True, at=self._clock(), partner=basket.partner
        )
        now = self._clock()
        basket = basket.as_seen_at(now)
        verdict = self._verdicts.find(basket, catalogue, now)
        if verdict is None:
            context = build_context(basket, catalogue, now, self._defaults)
            verdict = run_checks(context)
            self._verdicts.keep(context, catalogue, verdict)
        return ValidatedBasket(basket, verdict, now, catalogue.position)
