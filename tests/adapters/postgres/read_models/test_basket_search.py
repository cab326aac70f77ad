from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from adapters.postgres.pool import DatabasePool
from adapters.postgres.read_models.basket_search import FIND, PostgresBasketSearch, query_parameters
from adapters.postgres.read_models.basket_views import PostgresBasketViews
from domain.operators.history.search import BasketQuery, Cursor
from domain.shared.errors import StoreUnavailable
from tests.contracts.basket_search import NOON, BasketSearchContract, BasketSearchFixture


class TestPostgresBasketSearch(BasketSearchContract):
    @pytest.fixture
    async def place(self, database: DatabasePool) -> AsyncIterator[BasketSearchFixture]:
        finder = PostgresBasketSearch(database)
        yield BasketSearchFixture(PostgresBasketViews(database), finder)
        await finder.close()


async def test_a_search_raises_when_the_store_is_away() -> None:
    finder = PostgresBasketSearch(DatabasePool("postgresql://postgres@127.0.0.1:1/none", timeout=1.0))
    with pytest.raises(StoreUnavailable):
        await finder.find(BasketQuery())
    await finder.close()


# Enough views for the planner to see a difference: one created each minute, most of them finished, some kinds rare.
MANY = """
INSERT INTO basket_views (basket_id, version, partner, external_id, status, created, modified, expires_at, snapshot,
                          offers, products, finding_codes)
SELECT 'basket-' || n, 1, 'partner-' || n % 100, 'E-' || n,
       CASE WHEN n % 500 = 0 THEN 'completed' WHEN n > 19000 THEN 'open' ELSE 'expired' END,
       made.at, made.at + interval '1 hour', made.at + interval '14 days', convert_to(repeat('x', 300), 'UTF8'),
       ARRAY['o-' || n % 2000], ARRAY['SKU-' || n % 2000, 'SKU-all'],
       CASE WHEN n % 1000 = 0 THEN ARRAY['price_missing'] ELSE ARRAY['price_changed'] END
  FROM generate_series(1, 20000) AS n, LATERAL (SELECT $1::timestamptz + n * interval '1 minute' AS at) AS made
"""


async def test_no_search_reads_every_basket(database: DatabasePool) -> None:
    async with database.connection() as connection:
        await connection.execute(MANY, NOON)
        await connection.execute("ANALYZE basket_views")
    late = NOON + timedelta(minutes=9_000)
    rows_read = {}
    for query in (
        BasketQuery(),
        BasketQuery(partner="partner-7"),
        BasketQuery(external_id="E-7"),
        BasketQuery(status="completed"),
        BasketQuery(offer="o-7"),
        BasketQuery(product="SKU-7"),
        BasketQuery(product="SKU-all"),
        BasketQuery(product="SKU-none"),
        BasketQuery(finding_code="price_missing"),
        BasketQuery(finding_code="price_changed", partner="partner-7"),
        BasketQuery(product="SKU-all", finding_code="price_missing", partner="partner-0"),
        BasketQuery(created_from=late, created_until=late + timedelta(hours=2)),
        BasketQuery(modified_from=late, modified_until=late + timedelta(hours=2)),
    ):
        for cursor in (None, Cursor(late, "basket-x").encode(query)):
            async with database.connection() as connection, connection.transaction():
                # In a transaction, a session sees its own counts at once.
                before = await connection.fetchval(ROWS_READ)
                await connection.execute("SET LOCAL plan_cache_mode = force_custom_plan")
                await connection.fetch(FIND, *query_parameters(query, cursor, 51))
                rows_read[query.model_dump_json(exclude_none=True), cursor is None] = (
                    await connection.fetchval(ROWS_READ) - before
                )
    assert {question: rows for question, rows in rows_read.items() if rows > 1_000} == {}


# How many rows this transaction read, by a scan or by an index.
ROWS_READ = """
SELECT pg_stat_get_xact_tuples_returned('basket_views'::regclass)
       + pg_stat_get_xact_tuples_fetched('basket_views'::regclass)
"""
