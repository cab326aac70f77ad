"""One query for all callers that wait at the same time. For cached entries it only asks for changes."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

import asyncpg
from msgspec import Struct
from msgspec.structs import replace

from adapters.postgres.catalogue.cache import CacheVersion, CatalogueCache, Entries, PriceWindow
from adapters.postgres.catalogue.fact_tables import read_facts
from adapters.postgres.catalogue.statements import SEPARATOR
from domain.catalogue.catalogue import Catalogue
from domain.catalogue.policies import PolicyFact, policy_subject
from domain.shared.eventsourcing import trim

CACHE_AHEAD = timedelta(minutes=10)
"""Entries are cached with the prices of so much longer than they are needed for."""


class CatalogueRequest(Struct, frozen=True):
    """What one caller asks for; `partner` asks for policies, `window` says which prices are needed."""

    offers: Collection[str]
    product_codes: Collection[str]
    partner: str | None
    window: PriceWindow

    def __len__(self) -> int:
        return len(self.offers) + len(self.product_codes)


@dataclass(slots=True)
class CatalogueQuery:
    """The union of several requests: the cached entries, and the names of the missing ones by kind.

    `needed` are the prices that the requests need, `window` those that are read, so that entries can be cached for a
    while, and for all organisations that take turns.
    """

    seen: CacheVersion
    needed: PriceWindow
    window: PriceWindow
    cached: Entries = field(default_factory=Entries)
    missing: dict[str, set[str]] = field(
        default_factory=lambda: {"offer": set(), "availability": set(), "policy": set()}
    )

    @classmethod
    def of(cls, requests: Sequence[CatalogueRequest], cache: CatalogueCache) -> CatalogueQuery:
        needed = PriceWindow.covering([request.window for request in requests])
        query = cls(cache.version, needed, PriceWindow.covering([needed, _ahead_of(needed)]))
        cached, missing = query.cached, query.missing
        codes = {code for request in requests for code in request.product_codes}
        for id in {id for request in requests for id in request.offers}:
            offer = cache.offer(id, query.needed)
            if offer is None:
                missing["offer"].add(id)
                query.read_also_for(cache.partners_of(id))
            else:
                cached.offers[id] = offer
                codes.update(offer.product_codes)
        for code in codes:
            product = cache.product(code, query.needed)
            if product is None:
                missing["availability"].add(code)
            else:
                cached.products[code] = product
        for partner in {request.partner for request in requests if request.partner is not None}:
            for subject in (policy_subject(partner), policy_subject(None)):
                policy = cache.policy(subject)
                if policy is None:
                    missing["policy"].add(subject)
                else:
                    (cached.policies[subject],) = policy
        return query

    def read_also_for(self, partners: frozenset[str]) -> None:
        if partners and self.window.partners is not None:
            self.window = replace(self.window, partners=self.window.partners | partners)

    def from_memory(self) -> Catalogue | None:
        """The catalogue if every entry is cached."""
        if any(self.missing.values()):
            return None
        policies = [policy for policy in self.cached.policies.values() if policy is not None]
        return Catalogue.from_entries(self.cached.offers, self.cached.products, policies, self.seen.position)

    @property
    def parameters(self) -> tuple[object, ...]:
        """The parameters of the statement READ_CATALOGUE."""
        return (
            *(SEPARATOR.join(names) for names in self.missing.values()),
            self.window.start,
            self.window.end,
            self.seen.position,
            *(SEPARATOR.join(entries) for entries in self.cached.by_kind.values()),
            None if self.window.partners is None else SEPARATOR.join(self.window.partners),
        )

    def answer(self, row: asyncpg.Record, cache: CatalogueCache) -> Catalogue:
        """The catalogue for all requests as of one position; it also moves the cache."""
        position, is_full, kinds, names, documents, incomplete = row
        touched = None if is_full else [*zip(kinds or (), names or (), strict=True)]
        self._evict(touched)
        read = self._read(documents, frozenset(incomplete or ()))
        cache.advance(position, self.window, read, touched, self.seen)
        policies = [*self.cached.policies.values(), *read.policies.values()]
        return Catalogue.from_entries(
            self.cached.offers | read.offers,
            self.cached.products | read.products,
            [policy for policy in policies if policy is not None],
            position,
        )

    def _evict(self, touched: Sequence[tuple[str, str]] | None) -> None:
        """Counts touched entries as missing, because the query has read them again; None: all were touched."""
        cached = self.cached.by_kind
        if touched is None:
            touched = [(kind, name) for kind in cached for name in cached[kind]]
        for kind, name in touched:
            if name in cached[kind]:
                del cached[kind][name]
                self.missing[kind].add(name)

    def _read(self, documents: bytes | None, incomplete: frozenset[str]) -> Entries:
        """An entry for each missing name, also for those of which nothing is known."""
        facts = read_facts([documents]) if documents else []
        for fact in facts:
            trim(fact)
        found = Catalogue(facts)
        codes = {product.product_code for offer in found.offers() for product in offer.products}
        policies = {fact.subject: fact for fact in facts if isinstance(fact, PolicyFact)}
        return Entries(
            {id: found.offer_entry(id) for id in self.missing["offer"]},
            {code: found.product_entry(code) for code in self.missing["availability"] | codes},
            {subject: policies.get(subject) for subject in self.missing["policy"]},
            incomplete,
        )


def _ahead_of(window: PriceWindow) -> PriceWindow:
    return replace(PriceWindow.at(window.end, CACHE_AHEAD), partners=window.partners)
