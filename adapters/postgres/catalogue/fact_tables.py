"""Writes facts and their projections. A batch takes a handful of statements, however many facts it has."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import asyncpg

from adapters.postgres.catalogue import statements as sql
from domain.catalogue.epochs import recency
from domain.catalogue.facts import FACTS, AvailabilityFact, Fact, OfferFact, PriceFact
from domain.catalogue.policies import PolicyFact
from domain.shared.values import MessageSource

MAX_NOTIFICATION_BYTES = 7_900
"""PostgreSQL takes payloads under 8,000 bytes."""

UNLIMITED = ("", "")
"""The validity of a fact without beginning and end."""


@dataclass(slots=True, eq=False)
class FactRow:
    """A fact with its column values, computed once."""

    fact: Fact
    source: MessageSource
    fact_id: str
    subject: str
    content: str
    validity: tuple[str, str]

    @classmethod
    def of(cls, fact: Fact, source: MessageSource, content: str | None = None) -> FactRow:
        """`content` is the fact's stored document, if it was recorded before."""
        fact_id = fact.fact_id
        # The id begins with the subject; building the subject again would be the slowest part.
        subject, _, _ = fact_id.rpartition("#")
        validity = UNLIMITED
        if isinstance(fact, PriceFact | AvailabilityFact):
            validity = (_text(fact.valid_from), _text(fact.valid_until))
        return cls(fact, source, fact_id, subject, content or fact.model_dump_json(), validity)

    def values(self) -> tuple[str, ...]:
        """The values for RECORD_FACTS."""
        fact, source = self.fact, self.source
        position = (source.topic, str(source.partition), str(source.offset))
        version = (str(fact.epoch), str(fact.sequence))
        return (self.fact_id, fact.kind, self.subject, *version, self.content, *self.validity, *position)


def read_facts(documents: Iterable[bytes]) -> list[Fact]:
    """Facts from stored JSON; each document may be several, separated by commas."""
    return FACTS.validate_json(b"[" + b",".join(documents) + b"]")


async def record(connection: asyncpg.Connection, rows: Sequence[FactRow]) -> list[FactRow]:
    """Records the facts whose id is new, and returns them."""
    if not rows:
        return []
    recorded = await connection.fetch(sql.RECORD_FACTS, *columns([row.values() for row in rows]))
    new = {record["fact_id"] for record in recorded}
    return [row for row in rows if row.fact_id in new]


async def find_recorded(connection: asyncpg.Connection, fact_ids: Collection[str]) -> Mapping[str, Fact]:
    """The recorded facts, by these ids."""
    records = await connection.fetch(sql.RECORDED_FACTS, [*fact_ids]) if fact_ids else []
    facts = read_facts(record["data"] for record in records)
    return {record["fact_id"]: fact for record, fact in zip(records, facts, strict=True)}


async def project(connection: asyncpg.Connection, rows: Sequence[FactRow]) -> Collection[str]:
    """Updates the projections by facts in any order; returns the ids of the offers that they touch."""
    values: dict[str, list[tuple[str, ...]]] = defaultdict(list)
    touched: set[str] = set()
    for row in _newest(rows):
        evidence = (row.fact_id, str(row.fact.epoch), str(row.fact.sequence), row.content)
        match row.fact:
            case OfferFact() as fact:
                codes = sql.CODE_SEPARATOR.join([product.product_code for product in fact.products])
                values[sql.PROJECT_OFFERS].append((fact.id, fact.version, codes, *evidence))
                touched.add(fact.id)
            case PriceFact() as fact:
                market = (fact.partner or "", fact.country or "", fact.currency, *row.validity)
                offer = (fact.offer_id, fact.offer_version)
                values[sql.PROJECT_PRICES].append((row.subject, *offer, *market, *evidence))
                touched.add(fact.offer_id)
            case AvailabilityFact() as fact:
                values[sql.PROJECT_AVAILABILITY].append((row.subject, fact.product_code, row.validity[1], *evidence))
            case PolicyFact():
                values[sql.PROJECT_POLICIES].append((row.subject, *evidence))
    # Always in this order, so that two writers never wait for each other in a circle.
    for statement in (
        sql.PROJECT_OFFERS,
        sql.PROJECT_PRICES,
        sql.PROJECT_AVAILABILITY,
        sql.PROJECT_POLICIES,
    ):
        if values[statement]:
            await connection.execute(statement, *columns(values[statement]))
    return touched


def notification(offer_ids: Collection[str]) -> str:
    """The payload that tells other processes which offers were touched."""
    names = json.dumps(sorted(offer_ids))
    return names if len(names) <= MAX_NOTIFICATION_BYTES else sql.EVERYTHING


def columns(rows: Iterable[tuple[str, ...]]) -> list[str]:
    """Transposes rows: one text for each column."""
    # The driver encodes each element of an array in Python, but a text in one step.
    return [sql.SEPARATOR.join(column) for column in zip(*rows, strict=True)]


def _text(moment: datetime | None) -> str:
    return moment.isoformat() if moment else ""


def _newest(rows: Iterable[FactRow]) -> list[FactRow]:
    """The newest fact of each subject, sorted by subject: a statement may touch a row only once."""
    newest: dict[str, FactRow] = {}
    for row in rows:
        held = newest.get(row.subject)
        if held is None or recency(row.fact) > recency(held.fact):
            newest[row.subject] = row
    return [newest[subject] for subject in sorted(newest)]
