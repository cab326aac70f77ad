"""Rebuilds step by step in the test's own process, on baskets in a PostgreSQL of their own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import asyncpg

from adapters.postgres.pool import DatabasePool
from adapters.postgres.rebuild.rebuild_session import RebuildSession
from adapters.postgres.rebuild.rebuilds import PostgresRebuilds
from domain.basket.basket import Basket
from domain.basket.codec import decode_all
from domain.basket.projection import to_view
from domain.operators.audit import Operator
from domain.operators.rebuild import (
    Rebuild,
    RebuildComparison,
    RebuildScope,
    RebuildTarget,
)
from domain.ports.event_store import EventStore
from domain.shared.eventsourcing import fold
from tests.basket_traffic import utc_now
from tests.workers.command_gateway import new_id

OPERATOR = Operator(actor="ann", way="command-line", reason="a test")

# All that the live views say, each with what its basket is found by.
LIVE_VIEWS = """
SELECT basket_id, version, snapshot,
       ARRAY(SELECT name FROM public.open_basket_uses used
              WHERE used.basket_id = live.basket_id ORDER BY name) AS names
  FROM public.basket_views live
"""

# Which derived tables lie where.
GENERATIONS = """
SELECT schemaname FROM pg_tables WHERE tablename = $1 AND schemaname IN ('public', 'checkout_rebuilt', 'checkout_kept')
"""

# What people and migrations know of the live tables by name.
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
    """A rebuild whose new generation is built and indexed, and not live yet."""
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
    """What `live_views` should say, folded by the basket's own events."""
    said: dict[str, tuple[object, ...]] = {}
    for basket_id in basket_ids:
        stored = await store.read_events(basket_id)
        basket = fold(None, decode_all(b"[" + b",".join(each.data for each in stored) + b"]"))
        assert isinstance(basket, Basket)
        view = to_view(basket)
        said[basket_id] = (view.version, view.snapshot, sorted(view.uses or ()))
    return said
