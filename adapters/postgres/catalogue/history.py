"""The recorded facts in PostgreSQL as of any position, and how far their readers have come."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

import asyncpg

from adapters.postgres.catalogue.fact_tables import read_facts
from adapters.postgres.pool import DatabasePool
from domain.catalogue.catalogue import Catalogue
from domain.catalogue.fact_ids import fact_ids_about, fact_ids_of
from domain.catalogue.facts import Fact, OfferFact
from domain.catalogue.policies import policy_subject

LAST_POSITION = "SELECT coalesce(max(position), 0) FROM catalogue_facts"

# The last position that was recorded by $1. It searches back from the newest fact, which is near for workers.
# Operators may ask for a time long ago; an index for them would slow down every recording.
POSITION_AT = """
SELECT coalesce((SELECT position FROM catalogue_facts WHERE learned_at <= $1
                  ORDER BY position DESC LIMIT 1), 0)
"""
POSITION_QUERY_SECONDS = 120.0

# The newest fact of each subject up to position $3, withdrawals included, from the ranges of ids from $1 to $2.
AS_OF = """
SELECT DISTINCT ON (fact.subject) fact.data
  FROM unnest($1::text[], $2::text[]) AS wanted (beginning, ending),
       LATERAL (SELECT subject, epoch, sequence, data FROM catalogue_facts
                 WHERE fact_id >= wanted.beginning AND fact_id < wanted.ending AND position <= $3
                OFFSET 0) AS fact
 ORDER BY fact.subject, fact.epoch DESC, fact.sequence DESC
"""

RECORDED_AFTER = "SELECT position, data FROM catalogue_facts WHERE position > $1 ORDER BY position LIMIT $2"

BY_ID = "SELECT data FROM catalogue_facts WHERE fact_id = ANY($1::text[])"

# Offers that contain some products. It has no index: it runs once for a batch of facts, and every recorded offer
# version would have to update the index.
OFFERS_MADE_OF = """
SELECT DISTINCT offer.offer_id
  FROM catalogue_offers offer, unnest(offer.product_codes) AS made_of (code)
  JOIN unnest($1::text[]) AS wanted (code) USING (code)
"""

READ_CHECKPOINT = "SELECT position FROM catalogue_readers WHERE reader = $1"

# A checkpoint never moves back, because a reader that was thought dead may still write.
WRITE_CHECKPOINT = """
INSERT INTO catalogue_readers AS held (reader, position) VALUES ($1, $2)
ON CONFLICT (reader) DO UPDATE SET position = excluded.position, recorded_at = clock_timestamp()
WHERE held.position < excluded.position
"""


class PostgresCatalogueHistory:
    """CatalogueHistory. It does not cache, because only operators and workers use it."""

    def __init__(self, database: DatabasePool) -> None:
        self._database = database

    async def position_at(self, moment: datetime | None = None) -> int:
        async with self._database.connection() as connection:
            position: int = await (
                connection.fetchval(LAST_POSITION)
                if moment is None
                else connection.fetchval(POSITION_AT, moment, timeout=POSITION_QUERY_SECONDS)
            )
            return position

    async def catalogue_as_of(
        self,
        offer_ids: Collection[str],
        product_codes: Collection[str],
        position: int,
        partner: str | None = None,
    ) -> Catalogue:
        ranges = [
            *(fact_ids_about("offer", id) for id in offer_ids),
            *(fact_ids_about("price", id) for id in offer_ids),
            *(fact_ids_of(policy_subject(each)) for each in (partner, None) if partner is not None),
        ]
        async with self._database.connection() as connection:
            facts = await _facts_as_of(connection, ranges, position)
            offers = [fact for fact in facts if isinstance(fact, OfferFact)]
            codes = {product.product_code for offer in offers for product in offer.products}
            products = [fact_ids_about("availability", code) for code in codes.union(product_codes)]
            return Catalogue([*facts, *await _facts_as_of(connection, products, position)], position)

    async def recorded_after(self, position: int, limit: int) -> Sequence[tuple[int, Fact]]:
        async with self._database.connection() as connection:
            rows = await connection.fetch(RECORDED_AFTER, position, limit)
        facts = read_facts(row["data"] for row in rows)
        return [(row["position"], fact) for row, fact in zip(rows, facts, strict=True)]

    async def recorded_facts(self, fact_ids: Collection[str]) -> Sequence[Fact]:
        async with self._database.connection() as connection:
            return read_facts(row["data"] for row in await connection.fetch(BY_ID, [*fact_ids]))

    async def offers_made_of(self, product_codes: Collection[str]) -> Collection[str]:
        async with self._database.connection() as connection:
            rows = await connection.fetch(OFFERS_MADE_OF, [*product_codes])
        return {row["offer_id"] for row in rows}


async def _facts_as_of(connection: asyncpg.Connection, ranges: Sequence[tuple[str, str]], position: int) -> list[Fact]:
    if not ranges:
        return []
    beginnings, endings = zip(*ranges, strict=True)
    return read_facts(row["data"] for row in await connection.fetch(AS_OF, beginnings, endings, position))


class PostgresCatalogueCheckpoints:
    """CatalogueCheckpoints."""

    def __init__(self, database: DatabasePool) -> None:
        self._database = database

    async def read(self, reader: str) -> int | None:
        async with self._database.connection() as connection:
            position: int | None = await connection.fetchval(READ_CHECKPOINT, reader)
            return position

    async def write(self, reader: str, position: int) -> None:
        async with self._database.connection() as connection:
            await connection.execute(WRITE_CHECKPOINT, reader, position)
