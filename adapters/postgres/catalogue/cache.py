"""The catalogue in a process's memory, used only while PostgreSQL notifies of changes."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from time import monotonic
from typing import Any

from lru import LRU
from msgspec import Struct
from msgspec.structs import replace

from adapters.postgres.catalogue.statements import EVERYTHING
from domain.catalogue.offer_index import OfferEntry, ProductEntry
from domain.catalogue.policies import PolicyFact

EARLIEST = datetime.min.replace(tzinfo=UTC)
LATEST = datetime.max.replace(tzinfo=UTC)


class PriceWindow(Struct, frozen=True):
    """The period for which prices are read, both ends included, and the partner organisations for which they are read
    (None: all). A year of prices may be published in advance, and a moment needs one or two of them. Availability is
    read from its start on."""

    start: datetime
    end: datetime
    partners: frozenset[str] | None = None

    @classmethod
    def at(cls, moment: datetime | None, ahead: timedelta = timedelta(), partner: str | None = None) -> PriceWindow:
        """A moment and the time `ahead` of it, None stands for all time; for one partner, None stands for all."""
        partners = None if partner is None else frozenset((partner,))
        if moment is None:
            return cls(EARLIEST, LATEST, partners)
        return cls(moment, min(moment, LATEST - ahead) + ahead, partners)

    @classmethod
    def covering(cls, windows: Iterable[PriceWindow]) -> PriceWindow:
        """The smallest window that covers all of these; there must be at least one."""
        those = [*windows]
        named = [window.partners for window in those if window.partners is not None]
        partners = frozenset().union(*named) if len(named) == len(those) else None
        return cls(min(window.start for window in those), max(window.end for window in those), partners)

    def covers(self, other: PriceWindow) -> bool:
        if not (self.start <= other.start and other.end <= self.end):
            return False
        return self.partners is None or (other.partners is not None and other.partners <= self.partners)


ALWAYS = PriceWindow(EARLIEST, LATEST)


@dataclass(frozen=True, slots=True)
class CacheVersion:
    """Identifies the content of a cache: the catalogue's position (None: empty), and how often notifications evicted
    entries."""

    position: int | None
    generation: int


@dataclass(slots=True)
class Entries:
    """Whole offers with the prices of a period, products from its start on, and policies by subject (None: there is
    none)."""

    offers: dict[str, OfferEntry] = field(default_factory=dict)
    products: dict[str, ProductEntry] = field(default_factory=dict)
    policies: dict[str, PolicyFact | None] = field(default_factory=dict)
    incomplete_offers: frozenset[str] = frozenset()
    """The offers with prices for organisations that the window does not name; those were not read."""

    @property
    def by_kind(self) -> Mapping[str, dict[str, Any]]:
        """The three by the names that statements use."""
        return {"offer": self.offers, "availability": self.products, "policy": self.policies}


class CatalogueCache:
    """Recently used offers, products and policies as of one position; unknown ones are cached as such. The size
    limits each of the three.

    `advance` moves the cache to a later position. Offers can also be used as they are, without asking for changes:
    notifications evict them. Entries go into lru-dict, because validating the largest basket looks up a thousand
    names: its look-up takes 0.09 µs, that of cachetools 0.31 µs.
    """

    def __init__(self, size: int, now: Callable[[], float] = monotonic) -> None:
        """`now` counts seconds."""
        self._now = now
        self._moved_at = -math.inf
        self._offers: LRU[str, tuple[OfferEntry, PriceWindow]] = LRU(size)
        self._products: LRU[str, tuple[ProductEntry, datetime]] = LRU(size)
        self._policies: LRU[str, tuple[PolicyFact | None]] = LRU(size)
        self._by_kind: Mapping[str, LRU[str, Any]] = {
            "offer": self._offers,
            "availability": self._products,
            "policy": self._policies,
        }
        self._position: int | None = None
        self._generation = 0
        self.trusted = False

    @property
    def version(self) -> CacheVersion:
        return CacheVersion(self._position, self._generation)

    def moved_within(self, seconds: float) -> bool:
        """Whether the entries were up to date so short a time ago."""
        return self.trusted and self._position is not None and self._now() - self._moved_at <= seconds

    def outdate(self) -> None:
        """The entries may be behind from now on."""
        self._moved_at = -math.inf

    def offer(self, offer_id: str, window: PriceWindow = ALWAYS) -> OfferEntry | None:
        """The offer with at least the prices of the window; None if it must be read."""
        found = self._offers.get(offer_id)
        return found[0] if found is not None and found[1].covers(window) else None

    def all_offers(self, offer_ids: Collection[str], window: PriceWindow) -> dict[str, OfferEntry] | None:
        """These offers as `offer` gives them; None if one of them must be read."""
        offers: dict[str, OfferEntry] = {}
        covering: PriceWindow | None = None
        for id in offer_ids:
            found = self._offers.get(id)
            if found is None:
                return None
            offers[id], held = found
            # What was read together has one window.
            if held is not covering and not held.covers(window):
                return None
            covering = held
        return offers

    def partners_of(self, offer_id: str) -> frozenset[str]:
        """The organisations whose own prices of this offer are cached, as far as they were named."""
        found = self._offers.get(offer_id)
        return (found[1].partners if found is not None else None) or frozenset()

    def product(self, code: str, window: PriceWindow = ALWAYS) -> ProductEntry | None:
        """The product with at least the availability from the start of the window on; None if it must be read."""
        found = self._products.get(code)
        return found[0] if found is not None and found[1] <= window.start else None

    def policy(self, subject: str) -> tuple[PolicyFact | None] | None:
        """The policy in a tuple, (None,) if there is none; None if it must be read."""
        return self._policies.get(subject)

    def advance(
        self,
        position: int,
        window: PriceWindow,
        read: Entries,
        touched: Sequence[tuple[str, str]] | None,
        seen: CacheVersion,
    ) -> None:
        """Moves the cache to the position of a query: adds what it `read` and evicts what was `touched` (kind and
        name) since the version that it had `seen`. None as `touched` evicts everything.

        Of two queries that saw the same version, only the first one to end moves the cache.
        """
        if not self.trusted or seen.position != self._position:
            return
        if touched is None:
            self._clear()
        else:
            for kind, name in touched:
                self._by_kind[kind].pop(name, None)
        self._position, self._moved_at = position, self._now()
        # Entries that a notification evicted meanwhile may have been read before the change, and no other
        # notification would evict them.
        if seen.generation == self._generation:
            for_all = replace(window, partners=None)
            incomplete = read.incomplete_offers
            self._offers.update(
                {id: (offer, window if id in incomplete else for_all) for id, offer in read.offers.items()}
            )
            self._products.update({code: (product, window.start) for code, product in read.products.items()})
            self._policies.update({subject: (policy,) for subject, policy in read.policies.items()})

    def evict(self, notification: str) -> None:
        """Evicts the offers that a notification names."""
        self._generation += 1
        if notification == EVERYTHING:
            self._clear()
            return
        for offer_id in json.loads(notification):
            self._offers.pop(offer_id, None)

    def trust(self, trusted: bool) -> None:
        """Starts empty: changes may have been missed until now, or will be missed from now on."""
        self.trusted = trusted
        self.evict(EVERYTHING)

    def _clear(self) -> None:
        self._position = None
        for entries in self._by_kind.values():
            entries.clear()
