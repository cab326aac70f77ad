"""The catalogue in a process's memory, trusted only while PostgreSQL says what changes."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from adapters.postgres.catalogue.lru_cache import LruCache
from adapters.postgres.catalogue.price_window import ALWAYS, PriceWindow
from adapters.postgres.catalogue.statements import EVERYTHING
from domain.catalogue.offer_index import OfferEntry, ProductEntry
from domain.catalogue.policies import PolicyFact


@dataclass(frozen=True, slots=True)
class CacheVersion:
    """Which memory it was that somebody looked into: as of the catalogue's position (None: it knew nothing), and
    after so many things that were forgotten."""

    position: int | None
    generation: int


@dataclass(frozen=True, slots=True)
class CatalogueRead:
    """What was read as of a position: whole offers with the prices of a time, whole products, and what is kept
    under policies' subjects, None where there is none."""

    position: int
    window: PriceWindow
    offers: dict[str, OfferEntry]
    products: dict[str, ProductEntry]
    policies: dict[str, PolicyFact | None]


class CatalogueCache:
    """Offers, products and policies used lately, all as they were at one position of the catalogue; also that
    there is no such thing. Whoever reads what was learned since says so by `advance`, and all is as of then.

    Who can do with what was known a moment ago finds the offers as they are, for notifications make them be
    forgotten. Bounded by the number of offers, and of products.
    """

    def __init__(self, size: int) -> None:
        self._offers: LruCache[str, tuple[OfferEntry, PriceWindow]] = LruCache(size)
        self._products: LruCache[str, ProductEntry] = LruCache(size)
        self._policies: LruCache[str, tuple[PolicyFact | None]] = LruCache(size)
        self._position: int | None = None
        self._generation = 0
        self.trusted = False

    @property
    def state(self) -> CacheVersion:
        return CacheVersion(self._position, self._generation)

    def offer(self, offer_id: str, window: PriceWindow = ALWAYS) -> OfferEntry | None:
        """The offer, with the prices that somebody may look at in that time; None where it must be read."""
        found = self._offers.get(offer_id)
        return found[0] if found is not None and found[1].covers(window) else None

    def product(self, code: str) -> ProductEntry | None:
        return self._products.get(code)

    def policy(self, subject: str) -> tuple[PolicyFact | None] | None:
        """The policy or that there is none, in a tuple; None where it must be read."""
        return self._policies.get(subject)

    def advance(
        self, read: CatalogueRead, touched: Sequence[tuple[str, str]] | None, looked_at: CacheVersion
    ) -> None:
        """Takes in what was read, and forgets what was `touched` (kind and name) since the memory that was
        `looked_at`; None: anything may have been. Of two who looked at the same memory the first is heard.

        What is not heard is only not kept: it was right as of its position, and would not be as of another's.
        """
        if not self.trusted or looked_at.position != self._position:
            return
        if touched is None:
            self._clear()
        else:
            for kind, name in touched:
                self._forget(kind, name)
        self._position = read.position
        # What was forgotten meanwhile may have been read before it changed, and nobody would say so again.
        if looked_at.generation == self._generation:
            for id, offer in read.offers.items():
                self._offers.keep(id, (offer, read.window))
            for code, product in read.products.items():
                self._products.keep(code, product)
            for subject, policy in read.policies.items():
                self._policies.keep(subject, (policy,))

    def forget(self, touched: str) -> None:
        """Forgets what a notification names."""
        self._generation += 1
        if touched == EVERYTHING:
            self._clear()
            return
        for offer_id in json.loads(touched):
            self._offers.forget(offer_id)

    def trust(self, trusted: bool) -> None:
        """Begins anew: changes may have gone unheard until now, or will from now on."""
        self.trusted = trusted
        self.forget(EVERYTHING)

    def _forget(self, kind: str, name: str) -> None:
        match kind:
            case "offer":
                self._offers.forget(name)
            case "availability":
                self._products.forget(name)
            case _:
                self._policies.forget(name)

    def _clear(self) -> None:
        self._position = None
        self._offers.clear()
        self._products.clear()
        self._policies.clear()
