"""Validates baskets by the catalogue and the clock as they are now."""

from __future__ import annotations

from datetime import datetime, timedelta

from msgspec import Struct

from domain.basket.basket import Basket
from domain.basket.decision import BasketLimits
from domain.basket.references import offers_of, products_of
from domain.catalogue.catalogue import Catalogue
from domain.catalogue.policies import PolicyTerms
from domain.ports.catalogue import CatalogueFacts
from domain.ports.promises import BasketPromise
from domain.shared.findings import Assessment, Remedy, Verdict
from domain.shared.values import Clock
from domain.validation.promise import make_promise
from domain.validation.remedy.finder import find_remedy
from domain.validation.validate import NO_POLICY_TERMS, build_context, run_checks
from domain.validation.verdict_cache import CachedVerdict, VerdictCache


class ValidatedBasket(Struct, frozen=True):
    """A verdict and the basket as it was at that moment. Until before `valid_until` time alone does not change the
    verdict."""

    basket: Basket
    verdict: Verdict
    remedy: Remedy | None
    at: datetime
    valid_until: datetime
    catalogue_position: int | None

    def record_on(self, basket: Basket, promise: str | None) -> None:
        """Records the verdict as an event of the basket that was validated."""
        basket.record_verdict(self.verdict, self.at, self.catalogue_position, promise, self.remedy)

    def promise(self, lifetime: timedelta) -> BasketPromise | None:
        """What the verdict promises for `lifetime` at most; None if it is not ready."""
        return make_promise(self.basket, self.verdict, self.at, self.valid_until, lifetime)


class BasketValidator:
    """Reads the catalogue before the clock, then validates or returns the cached verdict."""

    def __init__(
        self,
        facts: CatalogueFacts,
        clock: Clock,
        defaults: PolicyTerms = NO_POLICY_TERMS,
        limits: BasketLimits | None = None,
    ) -> None:
        self._facts = facts
        self._clock = clock
        self._defaults = defaults
        self._limits = limits or BasketLimits()
        self._verdicts = VerdictCache()

    def drop(self) -> None:
        """Clears the cache, because it holds baskets."""
        self._verdicts.drop()

    async def validate(self, basket: Basket) -> ValidatedBasket:
        catalogue = await self._facts.catalogue(
            offers_of(basket), products_of(basket), fresh=True, at=self._clock(), partner=basket.partner
        )
        now = self._clock()
        # A copy, because the verdict will be recorded on the basket.
        basket = basket.copy().as_seen_at(now)
        cached = self._find_or_validate(basket, catalogue, now, explain=True)
        verdict, remedy = cached.assessment.verdict, cached.assessment.remedy
        return ValidatedBasket(basket, verdict, remedy, now, cached.until, catalogue.position)

    async def assess(self, basket: Basket) -> Assessment:
        """The findings and their remedy by what is remembered of the catalogue, which may be a moment old. The verdict
        may not be explained (`run_checks`)."""
        catalogue = await self._facts.catalogue(
            offers_of(basket), products_of(basket), fresh=False, at=self._clock(), partner=basket.partner
        )
        now = self._clock()
        return self._find_or_validate(basket.as_seen_at(now), catalogue, now, explain=False).assessment

    def _find_or_validate(self, basket: Basket, catalogue: Catalogue, now: datetime, *, explain: bool) -> CachedVerdict:
        cached = self._verdicts.find(basket, catalogue, now)
        if cached is not None and (cached.explains or not explain):
            return cached
        context = build_context(basket, catalogue, now, self._defaults)
        verdict = run_checks(context, explain=explain)
        found = find_remedy(context, catalogue, verdict.findings, self._limits)
        return self._verdicts.keep(context, catalogue, Assessment(verdict, found.remedy), found, explains=explain)
