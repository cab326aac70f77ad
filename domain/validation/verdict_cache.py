"""Verdicts that were given lately, for partners who validate the same basket again.

A verdict is a function of the basket, of what is known about its offers, products and organisation, and of the time.
What is known never changes but is replaced, and the time matters only where something begins or ends: so a
verdict stays as it is while all that it was made of is the same, and until the next such moment.
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
    """What a verdict was made of. Equal where all of it is the same."""

    partner: str
    status: str
    expires_at: datetime
    order_id: str | None
    details: BasketDetails
    items: tuple[OrderItem, ...]
    offers: tuple[OfferEntry | None, ...]
    products: tuple[ProductEntry | None, ...]
    policies: tuple[PolicyFact, ...]

    @classmethod
    def of(cls, basket: Basket, catalogue: Catalogue, codes: tuple[str, ...]) -> _CacheKey:
        items = tuple(basket.items.values())
        return cls(
            basket.partner,
            basket.status,
            basket.expires_at,
            basket.order_id,
            basket.details,
            items,
            tuple([catalogue.known_offer(item.offer.id) for item in items]),
            tuple([catalogue.known_product(code) for code in codes]),
            catalogue.policies(basket.partner),
        )


@dataclass(frozen=True, slots=True)
class _Remembered:
    """`codes` are those of the products that were looked at; offers and lines decide which these are."""

    grounds: _CacheKey
    codes: tuple[str, ...]
    since: datetime
    until: datetime
    verdict: Verdict


class VerdictCache:
    """The last verdict on each of the baskets that were judged lately, as many as have so many lines and findings
    together. All are given by the same checks, and by the same terms where no policy says it."""

    def __init__(self, lines: int = MAX_CACHED_LINES) -> None:
        self._verdicts: LRUCache[str, _Remembered] = LRUCache(lines, getsizeof=_size)

    def drop(self) -> None:
        """Remembers nothing any longer."""
        self._verdicts.clear()

    def find(self, basket: Basket, catalogue: Catalogue, now: datetime) -> Verdict | None:
        """What judging the basket (as it is seen at `now`) would come to, where that is known."""
        found = self._verdicts.get(basket.id)
        if found is None or not found.since <= now < found.until:
            return None
        same = found.grounds == _CacheKey.of(basket, catalogue, found.codes)
        return found.verdict if same else None

    def keep(self, sight: ValidationContext, catalogue: Catalogue, verdict: Verdict) -> None:
        """Remembers what a basket came to."""
        basket, codes = sight.basket, sight.codes
        since, until = sight.unchanged
        grounds = _CacheKey.of(basket, catalogue, codes)
        remembered = _Remembered(grounds, codes, since, until, verdict)
        if _size(remembered) <= self._verdicts.maxsize:
            self._verdicts[basket.id] = remembered
        else:
            self._verdicts.pop(basket.id, None)


def _size(remembered: _Remembered) -> int:
    verdict = remembered.verdict
    return 1 + len(remembered.grounds.items) + len(verdict.blocked_products) + len(verdict.validation_errors)
