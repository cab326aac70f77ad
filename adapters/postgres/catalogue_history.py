"""What was known of the catalogue at any moment, from the facts as they were learned."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime

import asyncpg

from adapters.postgres.catalogue_learning import read_facts
from adapters.postgres.database import Database
from domain.catalogue.catalogue import Catalogue
from domain.catalogue.facts import Fact, OfferFact, subject_prefix

# The last position of all.
LAST_POSITION = "SELECT coalesce(max(position), 0) FROM catalogue_facts"

# The last position that was learned by $1.
POSITION_AT = """
SELECT coalesce((SELECT position FROM catalogue_facts WHERE learned_at <= $1
                  ORDER BY learned_at DESC, position DESC LIMIT 1), 0)
"""

# Of the facts up to position $2 whose ids begin with one of $1: the newest of each subject. The ids are in an
# index already. '0' is the character after '/', with which a beginning ends.
AS_OF = """
SELECT DISTINCT ON (fact.subject) fact.data
  FROM unnest($1::text[]) AS wanted (beginning),
       LATERAL (SELECT subject, sequence, data FROM catalogue_facts
                 WHERE fact_id >= wanted.beginning AND fact_id < left(wanted.beginning, -1) || '0'
                   AND position <= $2
                OFFSET 0) AS fact
 ORDER BY fact.subject, fact.sequence DESC
"""

# The next facts in the order in which they were learned.
LEARNED_AFTER = "SELECT position, data FROM catalogue_facts WHERE position > $1 ORDER BY position LIMIT $2"

# Some facts by their ids.
BY_ID = "SELECT data FROM catalogue_facts WHERE fact_id = ANY($1::text[])"

# Offers that are made of some products. There is no index for it: it is asked about a batch of facts at a time,
# and every offer version learned would have to keep one.
OFFERS_MADE_OF = "SELECT DISTINCT offer_id FROM catalogue_offers WHERE product_codes && $1::text[]"


class PostgresCatalogueHistory:
    """CatalogueHistory. Each answer is read: it is asked for by operators and workers, not by callers."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def position_at(self, moment: datetime | None = None) -> int:
        async with self._database.connection() as connection:
            position: int = await (
                connection.fetchval(LAST_POSITION)
                if moment is None
                else connection.fetchval(POSITION_AT, moment)
            )
            return position

    async def catalogue_as_of(
        self, offer_ids: Collection[str], product_codes: Collection[str], position: int
    ) -> Catalogue:
        async with self._database.connection() as connection:
            of_offers = await _known(connection, ("offer", "price"), offer_ids, position)
            offers = [fact for fact in of_offers if isinstance(fact, OfferFact)]
            codes = {
                *product_codes,
                *(product.product_code for offer in offers for product in offer.products),
            }
            return Catalogue(
                [*of_offers, *await _known(connection, ("availability",), codes, position)], position
            )

    async def learned_after(self, position: int, limit: int) -> Sequence[tuple[int, Fact]]:
        async with self._database.connection() as connection:
            rows = await connection.fetch(LEARNED_AFTER, position, limit)
        facts = read_facts(row["data"] for row in rows)
        return [(row["position"], fact) for row, fact in zip(rows, facts, strict=True)]

    async def recorded_facts(self, fact_ids: Collection[str]) -> Sequence[Fact]:
        async with self._database.connection() as connection:
            return read_facts(row["data"] for row in await connection.fetch(BY_ID, [*fact_ids]))

    async def offers_made_of(self, product_codes: Collection[str]) -> Collection[str]:
        async with self._database.connection() as connection:
            rows = await connection.fetch(OFFERS_MADE_OF, [*product_codes])
        return {row["offer_id"] for row in rows}


async def _known(
    connection: asyncpg.Connection, kinds: Iterable[str], keys: Collection[str], position: int
) -> list[Fact]:
    beginnings = [subject_prefix(kind, key) for kind in kinds for key in keys]
    return read_facts(row["data"] for row in await connection.fetch(AS_OF, beginnings, position))
