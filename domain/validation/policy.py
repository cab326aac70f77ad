"""The validation policy of a partner organisation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal

from cachetools import LRUCache

from domain.catalogue.policies import Level, PolicyFact, PolicyTerms, PriceTolerance
from domain.shared.money import EXACT_DECIMAL, Money, Price

_HUNDRED = Decimal(100)


@dataclass(frozen=True, slots=True)
class ValidationPolicy:
    """The terms for one organisation; `evidence` holds the ids of the policy facts."""

    levels: Mapping[str, Level] = field(default_factory=dict)
    """The level of each check that a policy names, by its code."""
    price_tolerance: PriceTolerance | None = None
    maximum_lines: int | None = None
    maximum_total: tuple[Money, ...] = ()
    price_expires_within: timedelta = timedelta(hours=24)
    """How long before its end a price counts as expiring soon; the first moment is included."""
    low_stock: int = 5
    """Stock is low when fewer than these are left."""
    crashed_check_blocks: bool = True
    evidence: tuple[str, ...] = ()

    @classmethod
    def resolve(cls, facts: Sequence[PolicyFact], defaults: PolicyTerms) -> ValidationPolicy:
        """Combines policies; `facts` hold the more specific first. The same facts are combined once."""
        # By identity: facts are large, and never change. An entry holds them, so that nothing else gets their place.
        key = (id(defaults), *map(id, facts))
        kept = _RESOLVED.get(key)
        if kept is None:
            kept = _RESOLVED[key] = (cls._combine(facts, defaults), facts, defaults)
        return kept[0]

    @classmethod
    def _combine(cls, facts: Sequence[PolicyFact], defaults: PolicyTerms) -> ValidationPolicy:
        levels: dict[str, Level] = {}
        values: dict[str, object] = {}
        for terms in (defaults, *reversed(facts)):
            levels.update(terms.checks.items())
            for name in _TERMS:
                value = getattr(terms, name)
                if value is not None:
                    values[name] = timedelta(seconds=value) if name == "price_expires_within" else value
        evidence = tuple(sorted(fact.fact_id for fact in facts))
        return cls(levels=levels, evidence=evidence, **values)  # type: ignore[arg-type]

    def tolerates(self, before: Price | None, now: Price) -> bool:
        """Whether this change of a price needs no finding. Another currency or interval always needs one."""
        if before is None or before.currency != now.currency or before.interval != now.interval:
            return False
        if before.amount == now.amount or self.price_tolerance is None:
            return before.amount == now.amount
        difference = abs(EXACT_DECIMAL.subtract(now.amount, before.amount))
        limits = [each.amount for each in self.price_tolerance.amounts if each.currency == now.currency]
        within = [difference <= limit for limit in limits]
        if self.price_tolerance.percent is not None:
            most = EXACT_DECIMAL.multiply(self.price_tolerance.percent, before.amount)
            within.append(EXACT_DECIMAL.multiply(difference, _HUNDRED) <= most)
        return bool(within) and all(within)


_RESOLVED: LRUCache[tuple[int, ...], tuple[ValidationPolicy, Sequence[PolicyFact], PolicyTerms]] = LRUCache(256)
_TERMS = tuple(PolicyTerms.model_fields.keys() - {"checks"})
