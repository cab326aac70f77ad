"""Searches baskets by their views, in PostgreSQL."""

from __future__ import annotations

from adapters.postgres.pool import DatabasePool
from domain.operators.history.search import BasketQuery, BasketSummary, Cursor, SearchPage, check_page_size

_SETTINGS = {
    # Each call is planned for its own values. Which conditions there are, and how rare their values are, decides
    # between walking along the order and collecting by an index.
    "plan_cache_mode": "force_custom_plan",
}

CONNECTIONS = 2

# The next baskets after a cursor ($11, $12), newest created first. A null condition is not applied. The bound on
# `created` beside `modified` saves a walk along newer baskets: a basket is created before it is modified, with an hour
# for clocks that differ.
FIND = """
SELECT basket_id, version, partner, external_id, status, ready, finding_codes, created, modified, expires_at
  FROM basket_views
 WHERE ($1::text IS NULL OR partner = $1)
   AND ($2::text IS NULL OR external_id = $2)
   AND ($3::text IS NULL OR products @> ARRAY[$3])
   AND ($4::text IS NULL OR offers @> ARRAY[$4])
   AND ($5::text IS NULL OR status = $5)
   AND ($6::text IS NULL OR finding_codes @> ARRAY[$6])
   AND ($7::timestamptz IS NULL OR created >= $7)
   AND ($8::timestamptz IS NULL OR created < $8)
   AND ($9::timestamptz IS NULL OR modified >= $9)
   AND ($10::timestamptz IS NULL OR (modified < $10 AND created < $10 + interval '1 hour'))
   AND ($11::timestamptz IS NULL OR (created, basket_id) < ($11, $12::text))
 ORDER BY created DESC, basket_id DESC
 LIMIT $13
"""


class PostgresBasketSearch:
    """BasketSearch, on a small pool of its own."""

    def __init__(self, database: DatabasePool) -> None:
        self._pool = database.sibling("checkout finder", CONNECTIONS, _SETTINGS)

    async def find(self, query: BasketQuery, cursor: str | None = None, limit: int = 50) -> SearchPage:
        check_page_size(limit)
        parameters = query_parameters(query, cursor, limit + 1)
        async with self._pool.connection() as connection:
            rows = await connection.fetch(FIND, *parameters)
        return SearchPage.of([BasketSummary.model_validate(dict(row)) for row in rows], query, limit)

    async def close(self) -> None:
        await self._pool.close()


def query_parameters(query: BasketQuery, cursor: str | None, limit: int) -> tuple[object, ...]:
    """The parameters of FIND. Raises InvalidPage."""
    after = Cursor.decode(cursor, query) if cursor is not None else None
    return (
        query.partner,
        query.external_id,
        query.product,
        query.offer,
        query.status,
        query.finding_code,
        query.created_from,
        query.created_until,
        query.modified_from,
        query.modified_until,
        after and after.moment,
        after and after.basket_id,
        limit,
    )
