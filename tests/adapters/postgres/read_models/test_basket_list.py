from __future__ import annotations

import re
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from itertools import chain
from pathlib import Path
from typing import Any, get_args

import pytest

from adapters.postgres import migrations
from adapters.postgres.pool import DatabasePool
from adapters.postgres.read_models.basket_list import (
    BY_CHANGE,
    MAX_SNAPSHOT_BYTES,
    SESSION_SETTINGS,
    PostgresBasketList,
    statement_of,
)
from adapters.postgres.read_models.basket_views import PostgresBasketViews
from domain.basket.events import BasketStatus
from domain.ports.basket_list import ListMoment
from domain.shared.cursors import PagePosition
from domain.shared.errors import StoreUnavailable
from tests.contracts.basket_list import HOUR, MOMENT, NOON, BasketListContract, BasketListFixture, held, ids, wanted_by


class TestPostgresBasketList(BasketListContract):
    @pytest.fixture
    async def place(self, database: DatabasePool) -> AsyncIterator[BasketListFixture]:
        baskets = PostgresBasketList(database)
        yield BasketListFixture(PostgresBasketViews(database), baskets)
        await baskets.close()


@pytest.fixture
async def short_walks(database: DatabasePool) -> AsyncIterator[BasketListFixture]:
    """A list that reads at most four views a call."""
    baskets = PostgresBasketList(database, max_rows=4)
    yield BasketListFixture(PostgresBasketViews(database), baskets)
    await baskets.close()


async def test_a_walk_over_many_views_that_do_not_match_goes_on_with_the_next_page(
    short_walks: BasketListFixture,
) -> None:
    due = [held(20 - number / 10, expires_at=NOON) for number in range(11)]
    first, last = held(30), held(1)
    await short_walks.hold(first, *due, last)

    pages = await short_walks.pages(2, status="open")

    assert [*chain(*pages)] == ids(last, first)
    assert len(pages) == 4
    assert [] in pages
    assert [*chain(*await short_walks.pages(2, abandoned=True))] == ids(first, last)
    assert [*chain(*await short_walks.pages(2, modified_after=NOON - 50 * HOUR, created_after=NOON - 2 * HOUR))] == ids(
        last
    )


async def test_a_page_ends_before_its_baskets_are_too_large_together(database: DatabasePool) -> None:
    baskets = PostgresBasketList(database)
    place = BasketListFixture(PostgresBasketViews(database), baskets)
    sizes = [0.4, 0.4, 1.5, 0.3, 0.3]
    views = [held(hours, snapshot=b"x" * int(size * MAX_SNAPSHOT_BYTES)) for hours, size in enumerate(sizes)]
    await place.hold(*views)

    assert await place.pages() == [ids(*views[:2]), ids(views[2]), ids(*views[3:])]
    await baskets.close()


async def test_a_list_raises_when_the_store_is_away() -> None:
    baskets = PostgresBasketList(DatabasePool("postgresql://postgres@127.0.0.1:1/none", timeout=1.0))
    with pytest.raises(StoreUnavailable):
        await baskets.find(wanted_by(), MOMENT, None, 1)
    await baskets.close()


def test_every_status_has_its_branch() -> None:
    branches = set(re.findall(r"AND status = '(\w+)'", BY_CHANGE))
    assert branches >= set(get_args(BasketStatus))
    assert branches <= {*get_args(BasketStatus), "cancelled"}


# Enough views for the planner to see a difference: one created each minute, most of them finished. The first hundredth
# of the organisations hold half of them.
MANY = """
INSERT INTO basket_views (basket_id, version, partner, external_id, status, created, modified, expires_at, snapshot)
SELECT 'basket-' || n, 1, CASE WHEN n % 2 = 0 THEN 'acme' ELSE 'partner-' || n % 100 END, 'E-' || n / 2,
       CASE WHEN n % 500 = 0 THEN 'cancelled' WHEN n > 18000 OR n % 400 = 2 THEN 'open'
            WHEN n % 3 = 0 THEN 'completed' ELSE 'expired' END,
       made.at, made.at + interval '1 hour', made.at + interval '14 days', convert_to(repeat('x', 300), 'UTF8')
  FROM generate_series(1, 20000) AS n, LATERAL (SELECT $1::timestamptz + n * interval '1 minute' AS at) AS made
"""

LATE = NOON + timedelta(minutes=15_000)

CONDITIONS: Sequence[dict[str, Any]] = (
    {},
    {"status": "open"},
    {"status": "completed"},
    {"status": "expired"},
    {"status": "cancelled"},
    {"external_id": "E-77"},
    {"external_id": "E-none", "status": "open"},
    {"external_id": "E-77", "modified_after": NOON},
    {"created_after": LATE},
    {"created_after": LATE, "status": "expired"},
    {"modified_after": NOON},
    {"modified_after": LATE, "status": "completed"},
    {"modified_after": LATE, "status": "expired"},
    {"modified_after": NOON, "created_after": LATE},
    {"abandoned": True},
    {"abandoned": True, "modified_after": LATE},
    {"abandoned": True, "created_after": LATE},
    {"partner": "nobody"},
)


async def test_no_list_reads_more_views_than_its_page_needs(database: DatabasePool) -> None:
    """Every index of the list is used: a page of 25 reads some dozens of 20,000 views."""
    now = NOON + timedelta(minutes=20_000)
    moment = ListMoment(now, abandoned_since=now - HOUR)
    async with database.connection() as connection:
        await connection.execute(MANY, NOON)
        await connection.execute("ANALYZE basket_views")
    read, found = {}, {}
    for conditions in CONDITIONS:
        for after in (None, PagePosition(NOON + timedelta(minutes=16_000), "basket-x")):
            statement, parameters = statement_of(wanted_by(**conditions), moment, after, 25)
            async with database.connection() as connection, connection.transaction():
                # In a transaction, a session sees its own counts at once.
                before = await connection.fetchval(ROWS_READ)
                for name, value in SESSION_SETTINGS.items():
                    await connection.execute("SELECT set_config($1, $2, true)", name, value)
                rows = await connection.fetch(statement, *parameters)
                asked = (str(conditions), after is None)
                found[asked] = len(rows)
                read[asked] = await connection.fetchval(ROWS_READ) - before
    assert {asked: rows for asked, rows in read.items() if rows > 250} == {}
    assert found[str({"abandoned": True}), True] == found[str({"status": "cancelled"}), True] == 26


# How many rows this transaction read, by a scan or by an index.
ROWS_READ = """
SELECT pg_stat_get_xact_tuples_returned('basket_views'::regclass)
       + pg_stat_get_xact_tuples_fetched('basket_views'::regclass)
"""


async def test_the_migration_indexes_generations_that_may_become_live(database: DatabasePool) -> None:
    async with database.connection() as connection, connection.transaction():
        before = await connection.fetch(INDEXES, "public")
        for name in ("_by_status", "_by_change"):
            await connection.execute(
                await connection.fetchval("SELECT format('DROP INDEX %I', $1::text)", INDEX + name)
            )
        await connection.execute("CREATE TABLE checkout_kept.basket_views (LIKE basket_views INCLUDING INDEXES)")

        await connection.execute(MIGRATION.read_text(encoding="utf-8"))

        assert await connection.fetch(INDEXES, "public") == before
        kept = {row["definition"] for row in await connection.fetch(INDEXES, "checkout_kept")}
        assert {row["definition"] for row in before} <= kept
        await connection.execute("DROP TABLE checkout_kept.basket_views")


INDEX = "basket_views_of_a_partner"
MIGRATION = Path(migrations.__file__).parent / "versions" / "0023_basket_list.sql"

# The indexes of a generation ($1), without names: those of a copied table differ.
INDEXES = """
SELECT regexp_replace(indexdef, '^.* USING ', '') AS definition FROM pg_indexes
 WHERE schemaname = $1 AND tablename = 'basket_views' ORDER BY 1
"""
