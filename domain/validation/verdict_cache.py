"""Recent verdicts with their remedies, for partners who validate an unchanged basket again.

A verdict depends on the basket, on the facts about its offers, products and organisation, and on the time; a remedy
also on the products of versions that it swaps in. Catalogue entries never change but are replaced, and time matters
only when something begins or ends. So a verdict stays valid while all its inputs are the same objects or equal, until
the next such moment.
"""

from __future__ import annotations

from collections import OrderedDict
from datetime import datetime

from msgspec import Struct

from domain.basket.basket import Basket
from domain.basket.weight import weigh
from domain.catalogue.catalogue import Catalogue
from domain.shared.findings import Assessment
from domain.validation.context import ValidationContext
from domain.validation.remedy.finder import FoundRemedy

MAX_CACHED_LINES = 10_000


class CachedVerdict(Struct, frozen=True):
    """A verdict and its remedy, valid from `since` until before `until`; lines and offers determine `product_codes`.
    `explains` says whether the verdict has its evidence and what passed."""

    inputs: tuple[object, ...]
    product_codes: tuple[str, ...]
    since: datetime
    until: datetime
    assessment: Assessment
    size: int
    explains: bool


class VerdictCache:
    """The last verdict on recent baskets, bounded by the sum of their weights (`weight.py`) and findings.

    All verdicts of a cache come from the same checks, default terms and limits.
    """

    def __init__(self, lines: int = MAX_CACHED_LINES) -> None:
        self._max_size = lines
        self._size = 0
        self._verdicts: OrderedDict[str, CachedVerdict] = OrderedDict()

    def drop(self) -> None:
        self._verdicts.clear()
        self._size = 0

    def find(self, basket: Basket, catalogue: Catalogue, now: datetime) -> CachedVerdict | None:
        """The verdict that validating the basket at `now` would give, if it is cached."""
        found = self._verdicts.get(basket.id)
        if found is None or not found.since <= now < found.until:
            return None
        self._verdicts.move_to_end(basket.id)
        return found if found.inputs == _inputs(basket, catalogue, found.product_codes) else None

    def keep(
        self,
        context: ValidationContext,
        catalogue: Catalogue,
        assessment: Assessment,
        found: FoundRemedy,
        *,
        explains: bool = True,
    ) -> CachedVerdict:
        """Returns the entry, which is not kept where it is larger than the cache. `found` says what verdict and remedy
        rest on."""
        basket, codes, remedy = context.basket, found.product_codes, found.remedy
        size = weigh(basket) + len(assessment.verdict.findings)
        size += len(remedy.order_item_actions) if remedy is not None else 0
        inputs = _inputs(basket, catalogue, codes)
        entry = CachedVerdict(inputs, codes, found.since, found.until, assessment, size, explains)
        former = self._verdicts.pop(basket.id, None)
        self._size -= former.size if former is not None else 0
        if size <= self._max_size:
            self._verdicts[basket.id] = entry
            self._size += size
            while self._size > self._max_size:
                _, unused = self._verdicts.popitem(last=False)
                self._size -= unused.size
        return entry


def _inputs(basket: Basket, catalogue: Catalogue, product_codes: tuple[str, ...]) -> tuple[object, ...]:
    """All inputs of a verdict but the time."""
    items = tuple(basket.items.values())
    return (
        basket.partner,
        basket.status,
        basket.expires_at,
        basket.order_id,
        basket.cancel_reason,
        basket.details,
        items,
        tuple([catalogue.offer_entry(item.offer.id) for item in items]),
        tuple([catalogue.product_entry(code) for code in product_codes]),
        catalogue.policies(basket.partner),
    )
