"""Writing catalogue facts: a batch is a handful of statements, however many facts it has."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

import asyncpg
from pydantic import Field, TypeAdapter

from adapters.postgres.catalogue import statements as sql
from domain.catalogue.epochs import recency
from domain.catalogue.facts import AvailabilityFact, Fact, OfferFact, PriceFact
from domain.catalogue.policies import PolicyFact
from domain.shared.values import MessageSource

FACTS: TypeAdapter[list[Fact]] = TypeAdapter(list[Annotated[Fact, Field(discriminator="kind")]])
"""Reads a JSON array of facts in one go."""

MAX_NOTIFICATION_BYTES = 7_900
"""PostgreSQL takes payloads under 8,000 bytes."""


NO_LIMITS = ("", "")
"""The validity of what holds from ever and for ever."""


@dataclass(slots=True, eq=False)
class FactRow:
    """A fact on its way into the tables, with what is asked of it more than once."""

    fact: Fact
    source: MessageSource
    fact_id: str
    subject: str
    content: str
    validity: tuple[str, str]

    @classmethod
    def of(cls, fact: Fact, source: MessageSource) -> FactRow:
        fact_id = fact.fact_id
        # The id is the subject with the sequence behind it; to make a subject is the dearest part of both.
        subject, _, _ = fact_id.rpartition("#")
        validity = _validity(fact) if isinstance(fact, PriceFact) else NO_LIMITS
        return cls(fact, source, fact_id, subject, fact.model_dump_json(), validity)

    def row(self) -> tuple[str, ...]:
        """What RECORD_FACTS takes."""
        fact, source = self.fact, self.source
        where = (source.topic, str(source.partition), str(source.offset))
        said = (fact.kind, self.subject, str(fact.epoch), str(fact.sequence), self.content, *self.validity)
        return (self.fact_id, *said, *where)


def read_facts(documents: Iterable[bytes]) -> list[Fact]:
    """Facts from their stored JSON; a document may be several with commas between."""
    return FACTS.validate_json(b"[" + b",".join(documents) + b"]")


async def record(connection: asyncpg.Connection, entries: Sequence[FactRow]) -> list[FactRow]:
    """Records those facts whose id is new, and returns them."""
    if not entries:
        return []
    rows = await connection.fetch(sql.RECORD_FACTS, *columns([entry.row() for entry in entries]))
    new = {row["fact_id"] for row in rows}
    return [entry for entry in entries if entry.fact_id in new]


async def find_recorded(connection: asyncpg.Connection, fact_ids: Collection[str]) -> Mapping[str, Fact]:
    """What is recorded under these ids."""
    rows = await connection.fetch(sql.RECORDED_FACTS, [*fact_ids]) if fact_ids else []
    facts = read_facts(row["data"] for row in rows)
    return {row["fact_id"]: fact for row, fact in zip(rows, facts, strict=True)}


async def project(connection: asyncpg.Connection, entries: Sequence[FactRow]) -> Collection[str]:
    """Derives the projections from facts, in whatever order they come; returns the offers that they touch."""
    offers: list[tuple[str, ...]] = []
    prices: list[tuple[str, ...]] = []
    availability: list[tuple[str, ...]] = []
    policies: list[tuple[str, ...]] = []
    touched: set[str] = set()
    for entry in _newest(entries):
        evidence = (entry.fact_id, str(entry.fact.epoch), str(entry.fact.sequence), entry.content)
        match entry.fact:
            case OfferFact() as fact:
                codes = sql.CODE_SEPARATOR.join([product.product_code for product in fact.products])
                offers.append((fact.id, fact.version, codes, *evidence))
                touched.add(fact.id)
            case PriceFact() as fact:
                market = (fact.country or "", fact.currency, *entry.validity)
                prices.append((entry.subject, fact.offer_id, fact.offer_version, *market, *evidence))
                touched.add(fact.offer_id)
            case AvailabilityFact() as fact:
                availability.append((entry.subject, fact.product_code, *evidence))
            case PolicyFact():
                policies.append((entry.subject, *evidence))
    for statement, rows in (
        (sql.PROJECT_OFFERS, offers),
        (sql.PROJECT_PRICES, prices),
        (sql.PROJECT_AVAILABILITY, availability),
        (sql.PROJECT_POLICIES, policies),
    ):
        if rows:
            await connection.execute(statement, *columns(rows))
    return touched


def notification(offer_ids: Collection[str]) -> str:
    """What other processes are told of the offers that were touched."""
    names = json.dumps(sorted(offer_ids))
    return names if len(names) <= MAX_NOTIFICATION_BYTES else sql.EVERYTHING


def columns(rows: Iterable[tuple[str, ...]]) -> list[str]:
    """Rows as the statements take them: a text for each column."""
    # The driver looks at every element of an array in Python; at a text it looks once.
    return [sql.SEPARATOR.join(column) for column in zip(*rows, strict=True)]


def _validity(fact: PriceFact) -> tuple[str, str]:
    return (_moment(fact.valid_from), _moment(fact.valid_until))


def _moment(moment: datetime | None) -> str:
    return moment.isoformat() if moment else ""


def _newest(entries: Iterable[FactRow]) -> list[FactRow]:
    """The newest fact of each subject, in the order of the subjects: a statement may touch a row only once."""
    newest: dict[str, FactRow] = {}
    for entry in entries:
        held = newest.get(entry.subject)
        if held is None or recency(entry.fact) > recency(held.fact):
            newest[entry.subject] = entry
    return [newest[subject] for subject in sorted(newest)]
