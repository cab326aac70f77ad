"""One query for all who ask at the same time: what memory knows is only asked for changes since."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

import asyncpg

from adapters.postgres.catalogue.cache import CacheVersion, CatalogueCache, CatalogueRead
from adapters.postgres.catalogue.fact_tables import read_facts
from adapters.postgres.catalogue.price_window import PriceWindow, covering
from adapters.postgres.catalogue.statements import SEPARATOR
from domain.catalogue.catalogue import Catalogue
from domain.catalogue.offer_index import OfferEntry, ProductEntry
from domain.catalogue.policies import PolicyFact, policy_subject
from domain.shared.eventsourcing import trim

CACHE_AHEAD = timedelta(minutes=10)
"""For how long prices are kept in memory; those that begin in that time are among them."""


@dataclass(frozen=True, slots=True)
class CatalogueRequest:
    """What one caller asks for: ids of offers, product codes, whose policies, and when it looks at prices."""

    offers: Collection[str]
    codes: Collection[str]
    partner: str | None
    window: PriceWindow

    def __len__(self) -> int:
        return len(self.offers) + len(self.codes)


@dataclass(slots=True)
class CatalogueQuery:
    """What all of them ask for: what was known as of `state`, and the names of what is missing."""

    state: CacheVersion
    needed: PriceWindow
    offers: dict[str, OfferEntry] = field(default_factory=dict)
    products: dict[str, ProductEntry] = field(default_factory=dict)
    policies: dict[str, PolicyFact | None] = field(default_factory=dict)
    missing_offers: set[str] = field(default_factory=set)
    missing_codes: set[str] = field(default_factory=set)
    missing_policies: set[str] = field(default_factory=set)

    @classmethod
    def of(cls, asked: Sequence[CatalogueRequest], cache: CatalogueCache) -> CatalogueQuery:
        question = cls(cache.state, covering([each.window for each in asked]))
        codes: set[str] = set()
        for id in {id for each in asked for id in each.offers}:
            known = cache.offer(id, question.needed)
            if known is None:
                question.missing_offers.add(id)
            else:
                question.offers[id] = known
                codes.update(known.product_codes)
        for code in codes.union(*(each.codes for each in asked)):
            product = cache.product(code)
            if product is None:
                question.missing_codes.add(code)
            else:
                question.products[code] = product
        for partner in {each.partner for each in asked if each.partner is not None}:
            for subject in (policy_subject(partner), policy_subject(None)):
                policy = cache.policy(subject)
                if policy is None:
                    question.missing_policies.add(subject)
                else:
                    (question.policies[subject],) = policy
        return question

    @property
    def window(self) -> PriceWindow:
        """What is read is kept a while: prices that begin in that time are among it."""
        return covering([self.needed, PriceWindow.at(self.needed.start, CACHE_AHEAD)])

    @property
    def parameters(self) -> tuple[object, ...]:
        """What the statement CATALOGUE takes."""
        missing = (self.missing_offers, self.missing_codes, self.missing_policies)
        known = (self.offers, self.products, self.policies)
        return (
            *(SEPARATOR.join(names) for names in missing),
            self.window.start,
            self.window.end,
            self.state.position,
            *(SEPARATOR.join(names) for names in known),
        )

    def answered(self, row: asyncpg.Record, cache: CatalogueCache) -> Catalogue:
        """What all of them are told, as of one position; kept in memory as far as it may be."""
        position, anew, kinds, names, documents = row
        touched = None if anew else [*zip(kinds or (), names or (), strict=True)]
        missing = self._forgetting(touched)
        read = _read(position, self.window, missing, documents)
        cache.advance(read, touched, self.state)
        policies = [*self.policies.values(), *read.policies.values()]
        return Catalogue.from_entries(
            self.offers | read.offers,
            self.products | read.products,
            [policy for policy in policies if policy is not None],
            position,
        )

    def _forgetting(self, touched: Sequence[tuple[str, str]] | None) -> dict[str, set[str]]:
        """Takes what was touched out of what is known; all names that were read, by their kinds."""
        known: dict[str, dict[str, object]] = {
            "offer": self.offers,  # type: ignore[dict-item]
            "availability": self.products,  # type: ignore[dict-item]
            "policy": self.policies,  # type: ignore[dict-item]
        }
        missing = {
            "offer": self.missing_offers,
            "availability": self.missing_codes,
            "policy": self.missing_policies,
        }
        if touched is None:
            touched = [(kind, name) for kind in known for name in known[kind]]
        for kind, name in touched:
            if name in known[kind]:
                del known[kind][name]
                missing[kind].add(name)
        return missing


def _read(
    position: int, window: PriceWindow, named: dict[str, set[str]], documents: bytes | None
) -> CatalogueRead:
    """What a query found of what it was asked for by these names; of some there is nothing."""
    facts = read_facts([documents]) if documents else []
    for fact in facts:
        trim(fact)
    found = Catalogue(facts)
    offers = {id: found.offer_entry(id) or OfferEntry(()) for id in named["offer"]}
    codes = {product.product_code for offer in found.offers() for product in offer.products}
    policies = {fact.subject: fact for fact in facts if isinstance(fact, PolicyFact)}
    return CatalogueRead(
        position,
        window,
        offers,
        {code: found.product_entry(code) or ProductEntry(()) for code in named["availability"] | codes},
        {subject: policies.get(subject) for subject in named["policy"]},
    )
