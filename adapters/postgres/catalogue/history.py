"""What was known of the catalogue at any moment, from the facts as they were learned."""

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

# The last position of all.
LAST_POSITION = "SELECT coalesce(max(position), 0) FROM catalogue_facts"

# The last position that was learned by $1: looks back from the newest fact, which is a short way for workers.
# An index for moments long ago, which operators ask for, would be a burden to everything that is learned.
POSITION_AT = """
SELECT coalesce((SELECT position FROM catalogue_facts WHERE learned_at <= $1
                  ORDER BY position DESC LIMIT 1), 0)
"""
POSITION_QUERY_SECONDS = 120.0

# Of the facts up to position $3 whose ids lie between one of $1 and its neighbour in $2: the newest of each
# subject, be it a withdrawal. The ids are in an index already.
AS_OF = """
SELECT DISTINCT ON (fact.subject) fact.data
  FROM unnest($1::text[], $2::text[]) AS wanted (beginning, ending),
       LATERAL (SELECT subject, epoch, sequence, data FROM catalogue_facts
                 WHERE fact_id >= wanted.beginning AND fact_id < wanted.ending AND position <= $3
                OFFSET 0) AS fact
 ORDER BY fact.subject, fact.epoch DESC, fact.sequence DESC
"""

# The next facts in the order in which they were learned.
LEARNED_AFTER = "SELECT position, data FROM catalogue_facts WHERE position > $1 ORDER BY position LIMIT $2"

# Some facts by their ids.
BY_ID = "SELECT data FROM catalogue_facts WHERE fact_id = ANY($1::text[])"

# Offers that are made of some products. There is no index for it: it is asked about a batch of facts at a time,
# and every offer version learned would have to keep one.
OFFERS_MADE_OF = """
SELECT DISTINCT offer.offer_id
  FROM catalogue_offers offer, unnest(offer.product_codes) AS made_of (code)
  JOIN unnest($1::text[]) AS wanted (code) USING (code)
"""


class PostgresCatalogueHistory:
    """CatalogueHistory. Each answer is read: it is asked for by operators and workers, not by callers."""

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
        first = [
            *(fact_ids_about("offer", id) for id in offer_ids),
            *(fact_ids_about("price", id) for id in offer_ids),
            *(fact_ids_of(policy_subject(each)) for each in (partner, None) if partner is not None),
        ]
        async with self._database.connection() as connection:
            known = await _known(connection, first, position)
            offers = [fact for fact in known if isinstance(fact, OfferFact)]
            codes = {
                *product_codes,
                *(product.product_code for offer in offers for product in offer.products),
            }
            products = [fact_ids_about("availability", code) for code in codes]
            return Catalogue([*known, *await _known(connection, products, position)], position)

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
    connection: asyncpg.Connection, between: Sequence[tuple[str, str]], position: int
) -> list[Fact]:
    if not between:
        return []
    beginnings, endings = zip(*between, strict=True)
    return read_facts(row["data"] for row in await connection.fetch(AS_OF, beginnings, endings, position))
