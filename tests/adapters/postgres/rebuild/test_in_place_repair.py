"""Repairs of some baskets' views in place."""

from __future__ import annotations

from collections.abc import AsyncIterator

import asyncpg
import pytest

from adapters.postgres.pool import DatabasePool
from adapters.postgres.rebuild.in_place_repair import InPlaceRepair
from adapters.postgres.rebuild.rebuilds import PostgresRebuilds
from adapters.postgres.rebuild.view_target import BasketViewsTarget
from domain.basket.basket import Basket
from domain.basket.basket_view import to_view
from domain.basket.codec import decode_all
from domain.basket.snapshot import restore
from domain.operators.rebuild import RebuildRefused, RebuildScope
from domain.shared.eventsourcing import fold
from tests.builders import add, item, offer, price
from tests.builders.shop import Shop, open_shop
from tests.rebuild_steps import OPERATOR, as_their_events_say, generations, live_views, rebuilds_of


@pytest.fixture
async def shop(database_url: str) -> AsyncIterator[Shop]:
    async with open_shop(database_url) as shop:
        await shop.record(offer("o-1"), price("o-1"))
        yield shop


@pytest.fixture
def rebuilds(shop: Shop) -> PostgresRebuilds:
    return rebuilds_of(shop.database)


async def spoil(connection: asyncpg.Connection, basket_id: str) -> None:
    await connection.execute(
        "UPDATE basket_views SET status = 'expired',"
        " snapshot = convert_to(replace(convert_from(snapshot, 'UTF8'), '\"open\"', '\"expired\"'), 'UTF8')"
        " WHERE basket_id = $1",
        basket_id,
    )


@pytest.mark.parametrize("by", ["basket", "partner", "since", "all of these"])
async def test_a_scope_repairs_only_its_baskets_in_place(
    shop: Shop, rebuilds: PostgresRebuilds, connection: asyncpg.Connection, by: str
) -> None:
    ours, theirs = [await shop.fill(item("o-1"), partner=partner) for partner in ("acme", "globex")]
    late = await shop.fill(item("o-1"), partner="globex")
    right = await live_views(connection)
    since = await connection.fetchval("SELECT recorded_at FROM events WHERE stream_id = $1 LIMIT 1", late.id)
    for basket in (ours, theirs, late):
        await spoil(connection, basket.id)
        await connection.execute("DELETE FROM open_basket_uses WHERE basket_id = $1", basket.id)
    wrong = await live_views(connection)
    scope, repaired = {
        "basket": (RebuildScope(baskets=(theirs.id, "basket-of-nobody")), [theirs]),
        "partner": (RebuildScope(partner="globex"), [theirs, late]),
        "since": (RebuildScope(since=since), [late]),
        "all of these": (
            RebuildScope(baskets=(ours.id, late.id), partner="globex", since=since),
            [late],
        ),
    }[by]

    async with rebuilds.open_session("basket-views", OPERATOR, staged=True) as work:
        await work.begin(scope, dry_run=True, workers=1, events_per_range=10)
        dry = await work.repair_in_place(scope, repairs=False, settles=0.0)
    assert await live_views(connection) == wrong
    async with rebuilds.open_session("basket-views", OPERATOR, staged=True) as work:
        await work.begin(scope, dry_run=False, workers=1, events_per_range=10)
        comparison = await work.repair_in_place(scope, repairs=True, settles=0.0)

    assert dry == comparison
    assert comparison.differs == len(repaired)
    assert await live_views(connection) == {**wrong, **{each.id: right[each.id] for each in repaired}}
    assert await generations(connection) == {"public"}
    (newest, *_) = await rebuilds.newest(2)
    assert newest.state == "mended"


async def test_a_view_that_a_projector_writes_from_a_wrong_row_is_repaired_again(
    shop: Shop, database: DatabasePool, connection: asyncpg.Connection
) -> None:
    basket = await shop.fill(item("o-1"))
    await spoil(connection, basket.id)
    wrong = restore((await shop.views.snapshots([basket.id]))[basket.id])
    await shop.change(basket, add("o-1"))
    arrived = decode_all(b"[" + (await shop.store.read_events(basket.id, basket.version))[0].data + b"]")
    brought = fold(wrong, arrived)
    assert isinstance(brought, Basket)
    target = BasketViewsTarget("pg_temp")
    session = await database.connect("repair", target.reader_settings)

    # As if a projector had read the row before its repair, and wrote it afterwards.
    repair = InPlaceRepair(session, target, repairs=True, settles=0.0)
    async for _ in repair.run([basket.id]):
        assert await live_views(connection) == await as_their_events_say(shop.store, [basket.id])
        await connection.execute("UPDATE basket_views SET version = $1", basket.version)
        assert await shop.views.advance([(basket.version, to_view(brought))])
    await session.close()

    assert await live_views(connection) == await as_their_events_say(shop.store, [basket.id])


async def test_a_catalogue_rebuild_takes_no_scope(rebuilds: PostgresRebuilds) -> None:
    async with rebuilds.open_session("catalogue", OPERATOR, staged=True) as work:
        with pytest.raises(RebuildRefused):
            await work.repair_in_place(RebuildScope(partner="acme"), repairs=True, settles=0.0)
