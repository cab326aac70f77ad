"""Validates baskets by the catalogue and the clock as they are now."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from domain.basket.basket import Basket
from domain.basket.references import offers_of, products_of
from domain.catalogue.policies import PolicyTerms
from domain.ports.catalogue import CatalogueFacts
from domain.ports.promises import BasketPromise
from domain.shared.findings import Verdict
from domain.shared.values import Clock
from domain.validation.promise import make_promise
from domain.validation.validate import NO_POLICY_TERMS, build_context, run_checks
from domain.validation.verdict_cache import VerdictCache


@dataclass(frozen=True, slots=True)
class ValidatedBasket:
    """A verdict and the basket as it was at that moment. Until before `valid_until` time alone does not change the
    verdict."""

    basket: Basket
    verdict: Verdict
    at: datetime
    valid_until: datetime
    catalogue_position: int | None

    def record_on(self, basket: Basket, promise: str | None) -> None:
        """Records the verdict as an event of the basket that was validated."""
        basket.record_verdict(self.verdict, self.at, self.catalogue_position, promise)

    def promise(self, lifetime: timedelta) -> BasketPromise | None:
        """What the verdict promises for `lifetime` at most; None if it is not ready."""
        return make_promise(self.basket, self.verdict, self.at, self.valid_until, lifetime)


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
        cached = self._verdicts.find(basket, catalogue, now)
        if cached is None:
            context = build_context(basket, catalogue, now, self._defaults)
            cached = self._verdicts.keep(context, catalogue, run_checks(context))
        return ValidatedBasket(basket, cached.verdict, now, cached.until, catalogue.position)
