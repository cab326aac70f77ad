"""Recent verdicts, for partners who validate an unchanged basket again.

A verdict depends on the basket, on the facts about its offers, products and organisation, and on the time. Catalogue
entries never change but are replaced, and time matters only when something begins or ends. So a verdict stays valid
while all its inputs are the same objects or equal, until the next such moment.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from cachetools import LRUCache

from domain.basket.basket import Basket
from domain.basket.events import BasketDetails, OrderItem
from domain.catalogue.catalogue import Catalogue
from domain.catalogue.offer_index import OfferEntry, ProductEntry
from domain.catalogue.policies import PolicyFact
from domain.shared.findings import Verdict
from domain.validation.context import ValidationContext

MAX_CACHED_LINES = 10_000


@dataclass(frozen=True, slots=True)
class _CacheKey:
    """All inputs of a verdict but the time."""

    partner: str
    status: str
    expires_at: datetime
    order_id: str | None
    details: BasketDetails
    items: tuple[OrderItem, ...]
    offers: tuple[OfferEntry, ...]
    products: tuple[ProductEntry, ...]
    policies: tuple[PolicyFact, ...]

    @classmethod
    def of(cls, basket: Basket, catalogue: Catalogue, product_codes: tuple[str, ...]) -> _CacheKey:
        items = tuple(basket.items.values())
        return cls(
            basket.partner,
            basket.status,
            basket.expires_at,
            basket.order_id,
            basket.details,
            items,
            tuple([catalogue.offer_entry(item.offer.id) for item in items]),
            tuple([catalogue.product_entry(code) for code in product_codes]),
            catalogue.policies(basket.partner),
        )


@dataclass(frozen=True, slots=True)
class _CachedVerdict:
    """A verdict that is valid from `since` until before `until`; items and offers determine `product_codes`."""

    key: _CacheKey
    product_codes: tuple[str, ...]
    since: datetime
    until: datetime
    verdict: Verdict


class VerdictCache:
    """The last verdict on recent baskets, bounded by the sum of their lines and findings.

    All verdicts of a cache come from the same checks and the same default terms.
    """

    def __init__(self, lines: int = MAX_CACHED_LINES) -> None:
        self._verdicts: LRUCache[str, _CachedVerdict] = LRUCache(lines, getsizeof=_size)

    def drop(self) -> None:
        self._verdicts.clear()

    def find(self, basket: Basket, catalogue: Catalogue, now: datetime) -> Verdict | None:
        """The verdict that validating the basket at `now` would give, if it is cached."""
        found = self._verdicts.get(basket.id)
        if found is None or not found.since <= now < found.until:
            return None
        return found.verdict if found.key == _CacheKey.of(basket, catalogue, found.product_codes) else None

    def keep(self, context: ValidationContext, catalogue: Catalogue, verdict: Verdict) -> None:
        basket, codes = context.basket, context.product_codes
        cached = _CachedVerdict(_CacheKey.of(basket, catalogue, codes), codes, *context.validity, verdict)
        if _size(cached) <= self._verdicts.maxsize:
            self._verdicts[basket.id] = cached
        else:
            self._verdicts.pop(basket.id, None)


def _size(cached: _CachedVerdict) -> int:
    verdict = cached.verdict
    return 1 + len(cached.key.items) + len(verdict.blocked_products) + len(verdict.validation_errors)
