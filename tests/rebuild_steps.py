"""The steps of a rebuild, in the test's own process."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import asyncpg

from adapters.postgres.pool import DatabasePool
from adapters.postgres.rebuild.rebuild_session import RebuildSession
from adapters.postgres.rebuild.rebuilds import PostgresRebuilds
from adapters.system import new_id, utc_now
from domain.basket.basket_view import to_view
from domain.operators.audit import Operator
from domain.operators.rebuild import Rebuild, RebuildComparison, RebuildScope, RebuildTarget
from domain.ports.event_store import EventStore
from tests.builders.stored_events import stored_basket

OPERATOR = Operator(actor="ann", way="command-line", reason="a test")

# All live views, each with the references of its basket.
LIVE_VIEWS = """
SELECT basket_id, version, snapshot,
       ARRAY(SELECT name FROM public.open_basket_uses used
              WHERE used.basket_id = live.basket_id ORDER BY name) AS names
  FROM public.basket_views live
"""

# The schemas that hold a table.
GENERATIONS = """
SELECT schemaname FROM pg_tables WHERE tablename = $1 AND schemaname IN ('public', 'checkout_rebuilt', 'checkout_kept')
"""

# The indexes and constraints of live tables.
NAMES = """
SELECT indexname::text, regexp_replace(indexdef, '^.* USING ', '') FROM pg_indexes
 WHERE schemaname = 'public' AND tablename = ANY($1::text[])
 UNION
SELECT conname::text, pg_get_constraintdef(oid) FROM pg_constraint
 WHERE conrelid IN (SELECT oid FROM pg_class WHERE relnamespace = 'public'::regnamespace
                       AND relname = ANY($1::text[]))
"""


def rebuilds_of(database: DatabasePool) -> PostgresRebuilds:
    return PostgresRebuilds(database, utc_now, new_id)


@asynccontextmanager
async def built(
    rebuilds: PostgresRebuilds, target: RebuildTarget = "basket-views", events_per_range: int = 20
) -> AsyncIterator[RebuildSession]:
    """A rebuild whose new generation is built and indexed but not live."""
    async with rebuilds.open_session(target, OPERATOR) as work:
        await work.begin(RebuildScope(), dry_run=False, workers=1, events_per_range=events_per_range)
        await build_what_is_left(rebuilds, work)
        await work.index(2)
        yield work


async def build_what_is_left(rebuilds: PostgresRebuilds, work: RebuildSession) -> None:
    builder = rebuilds.builder(work.target.name, lambda: False, staged=False)
    for task in await work.unfinished(None, staged=False):
        await builder.build(task)


async def rebuild_all(
    rebuilds: PostgresRebuilds, target: RebuildTarget = "basket-views"
) -> tuple[Rebuild, RebuildComparison]:
    async with built(rebuilds, target) as work:
        comparison = await work.compare(2)
        await work.switch()
    ended = await rebuilds.find(work.id)
    assert ended is not None
    return ended, comparison


async def generations(connection: asyncpg.Connection, table: str = "basket_views") -> set[str]:
    return {row[0] for row in await connection.fetch(GENERATIONS, table)}


async def names_of(connection: asyncpg.Connection, tables: list[str]) -> list[tuple[str, str]]:
    """The names and definitions of all indexes and constraints of live tables."""
    return sorted((row[0], row[1]) for row in await connection.fetch(NAMES, tables))


async def live_views(connection: asyncpg.Connection) -> Mapping[str, tuple[object, ...]]:
    return {row[0]: tuple(row[1:]) for row in await connection.fetch(LIVE_VIEWS)}


async def as_their_events_say(store: EventStore, basket_ids: list[str]) -> Mapping[str, tuple[object, ...]]:
    """The expected `live_views`, folded from the baskets' events."""
    said: dict[str, tuple[object, ...]] = {}
    for basket_id in basket_ids:
        view = to_view(await stored_basket(store, basket_id))
        said[basket_id] = (view.version, view.snapshot, sorted(view.uses or ()))
    return said
