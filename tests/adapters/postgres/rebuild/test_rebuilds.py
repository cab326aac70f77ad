"""Rebuilds of the basket views."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Collection, Mapping

import asyncpg
import pytest

from adapters.postgres.audit import PostgresAuditLog
from adapters.postgres.read_models.basket_views import PostgresBasketViews
from adapters.postgres.rebuild import view_target_sql as sql
from adapters.postgres.rebuild.rebuilds import PostgresRebuilds
from domain.basket.basket import Basket
from domain.basket.codec import decode_all
from domain.basket.projection import BasketProjection
from domain.operators.rebuild import RebuildRefused, RebuildScope, RebuildStopped
from domain.ports.event_store import Append, NewEvent
from tests.builders import add, caller, item, offer, price
from tests.builders.shop import Shop, open_shop
from tests.rebuild_steps import (
    OPERATOR,
    as_their_events_say,
    build_what_is_left,
    built,
    generations,
    live_views,
    names_of,
    rebuild_all,
    rebuilds_of,
)
from tests.servers.waiting import eventually

TABLES = ["basket_views", "open_basket_uses"]


@pytest.fixture
async def shop(database_url: str) -> AsyncIterator[Shop]:
    async with open_shop(database_url) as shop:
        await shop.record(offer("o-1"), price("o-1"), offer("o-2", products=["SKU-2"]), price("o-2"))
        yield shop


@pytest.fixture
def rebuilds(shop: Shop) -> PostgresRebuilds:
    return rebuilds_of(shop.database)


async def some_baskets(shop: Shop, count: int = 8) -> list[Basket]:
    """Open, validated and completed baskets, with their views."""
    baskets = [await shop.fill(item("o-1", number + 1), item("o-2")) for number in range(count)]
    for basket in baskets[::2]:
        await shop.judge(basket)
    for basket in baskets[::3]:
        await shop.handlers.complete(basket.id, "order-1", caller())
        await shop.project(basket.id)
    return baskets


async def spoil(connection: asyncpg.Connection, basket: Basket, version_by: int = 0) -> None:
    """Makes the live view differ from its events."""
    await connection.execute(
        "UPDATE public.basket_views SET status = 'expired', version = version + $2,"
        " snapshot = convert_to(replace(convert_from(snapshot, 'UTF8'), '\"open\"', '\"expired\"'), 'UTF8')"
        " WHERE basket_id = $1",
        basket.id,
        version_by,
    )


async def test_rebuilt_views_equal_the_live_ones(
    shop: Shop, rebuilds: PostgresRebuilds, connection: asyncpg.Connection
) -> None:
    baskets = await some_baskets(shop)
    before, names = await live_views(connection), await names_of(connection, TABLES)

    ended, comparison = await rebuild_all(rebuilds)

    assert (comparison.same, comparison.compared, comparison.faults) == (len(baskets), len(baskets), 0)
    assert ended.state == "switched"
    assert (ended.done, ended.rows) == (await shop.last_position(), len(baskets))
    assert await live_views(connection) == before
    assert await as_their_events_say(shop.store, [each.id for each in baskets]) == before
    assert await generations(connection) == {"public", "checkout_kept"}
    assert await names_of(connection, TABLES) == names


async def test_wrong_views_are_reported_and_right_after_the_switch(
    shop: Shop, rebuilds: PostgresRebuilds, connection: asyncpg.Connection
) -> None:
    wrong, impossible, missing, named, *rest = await some_baskets(shop)
    lagging = await shop.fill(item("o-1"), projected=False)
    await spoil(connection, wrong)
    await spoil(connection, impossible, version_by=7)
    await connection.execute("DELETE FROM public.basket_views WHERE basket_id = $1", missing.id)
    await connection.execute("DELETE FROM public.open_basket_uses WHERE basket_id = $1", rest[0].id)
    await connection.execute(
        "UPDATE public.basket_views SET basket_id = 'basket-nobodys' WHERE basket_id = $1", named.id
    )

    _, comparison = await rebuild_all(rebuilds)

    kinds = {sample.subject: sample.kind for sample in comparison.samples}
    assert kinds == {
        wrong.id: "differs",
        impossible.id: "differs",
        rest[0].id: "differs",
        "basket-nobodys": "surplus",
        # They may just be on their way: so new as they are, that is no fault.
        missing.id: "live_behind",
        named.id: "live_behind",
        lagging.id: "live_behind",
    }
    assert comparison.faults == 4
    ids = [wrong.id, impossible.id, missing.id, named.id, lagging.id, *(each.id for each in rest)]
    assert await live_views(connection) == await as_their_events_say(shop.store, ids)


async def test_events_appended_during_a_rebuild_are_in_the_new_tables(
    shop: Shop, rebuilds: PostgresRebuilds, connection: asyncpg.Connection
) -> None:
    changed, *rest = await some_baskets(shop, 4)

    async with built(rebuilds) as work:
        # Nobody projects these: no event of theirs comes after the switch.
        await shop.change(rest[0], add("o-2", 5))
        new = await shop.fill(item("o-1"), projected=False)
        await work.catch_up()
        await work.compare(1)
        await shop.change(rest[0], add("o-1", 5))
        await work.switch()

    assert await live_views(connection) == await as_their_events_say(
        shop.store, [changed.id, new.id, *(each.id for each in rest)]
    )


class SwitchedInBetween(PostgresBasketViews):
    """Views whose tables are switched between a projector's reading and its writing."""

    def __init__(self, shop: Shop, switch: asyncio.Event, switched: asyncio.Event) -> None:
        super().__init__(shop.database)
        self._switch, self._switched = switch, switched

    async def snapshots(self, basket_ids: Collection[str]) -> Mapping[str, bytes]:
        found = await super().snapshots(basket_ids)
        self._switch.set()
        await self._switched.wait()
        return found


async def test_a_projector_that_read_an_old_row_writes_nothing_of_it_into_the_new_tables(
    shop: Shop, rebuilds: PostgresRebuilds, connection: asyncpg.Connection
) -> None:
    basket, *_ = await some_baskets(shop, 2)
    basket = await shop.fill(item("o-1"))
    await spoil(connection, basket)
    switch, switched = asyncio.Event(), asyncio.Event()
    projection = BasketProjection(shop.store, SwitchedInBetween(shop, switch, switched))

    async with built(rebuilds) as work:
        await shop.change(basket, add("o-2"))
        stored = await shop.store.read_events(basket.id)
        newest = decode_all(b"[" + stored[-1].data + b"]")
        projecting = asyncio.create_task(projection.apply({basket.id: newest}))
        await switch.wait()
        await work.switch()
        switched.set()
        assert await projecting == {}

    ids = [*(await live_views(connection))]
    assert await live_views(connection) == await as_their_events_say(shop.store, ids)


async def test_callers_go_on_during_a_switch(
    shop: Shop, rebuilds: PostgresRebuilds, connection: asyncpg.Connection
) -> None:
    baskets = await some_baskets(shop, 4)
    ids = [each.id for each in baskets]
    over, calls = asyncio.Event(), 0

    async def keep_calling(basket: Basket) -> None:
        nonlocal calls
        while not over.is_set():
            for number in (1, 2):
                # A basket that this process does not remember: it is read from its view.
                (loaded,) = await shop.store.read_streams([basket.id])
                assert loaded.snapshot is not None or loaded.events != b"[]"
                await shop.change(basket, add("o-1", number))
                await shop.project(basket.id)
                await shop.views.due(basket.expires_at, 10)
                calls += 1

    async def they_go_on() -> None:
        before = calls
        await eventually(lambda: calls > before + 3)

    changing = [baskets[1], baskets[2]]
    callers = [asyncio.create_task(keep_calling(each)) for each in changing]
    for _ in range(3):
        await they_go_on()
        ended, comparison = await rebuild_all(rebuilds)
        assert (ended.state, comparison.faults) == ("switched", 0)
    await rebuilds.roll_back("basket-views", OPERATOR)
    await they_go_on()
    over.set()
    await asyncio.gather(*callers)

    assert await live_views(connection) == await as_their_events_say(shop.store, ids)


async def test_a_switch_waits_for_a_long_reader_without_making_callers_wait(
    shop: Shop, rebuilds: PostgresRebuilds, connection: asyncpg.Connection
) -> None:
    basket, *_ = await some_baskets(shop, 2)
    async with built(rebuilds) as work:
        reading = connection.transaction()
        await reading.start()
        await connection.fetch("SELECT count(*) FROM public.basket_views")

        switching = asyncio.create_task(work.switch())
        await eventually(lambda: _waits(rebuilds, work.id))
        began = time.monotonic()
        for _ in range(20):
            await shop.store.read_stream(basket.id)
            await asyncio.sleep(0)
        assert time.monotonic() - began < 2
        assert not switching.done()
        await reading.rollback()
        await switching

    assert await generations(connection) == {"public", "checkout_kept"}


async def _waits(rebuilds: PostgresRebuilds, rebuild_id: str) -> bool:
    stands = await rebuilds.find(rebuild_id)
    return stands is not None and stands.waiting_for == "long statements on the live tables"


async def test_a_roll_back_restores_the_old_rows_with_the_events_since(
    shop: Shop, rebuilds: PostgresRebuilds, connection: asyncpg.Connection
) -> None:
    old, changed, lagging, *_ = await some_baskets(shop, 4)
    await shop.change(lagging, add("o-2", 3))  # its view lags, and goes on with the other generation
    await spoil(connection, old)
    before = await live_views(connection)
    ended, _ = await rebuild_all(rebuilds)
    await shop.project(lagging.id)
    await shop.change(changed, add("o-1"))
    new = await shop.fill(item("o-2"), projected=False)
    right = await as_their_events_say(shop.store, [*before, new.id])

    rolled_back = await rebuilds.roll_back("basket-views", OPERATOR)

    assert (rolled_back.id, rolled_back.state) == (ended.id, "rolled-back")
    assert await live_views(connection) == {**right, old.id: before[old.id]}
    assert await generations(connection) == {"public", "checkout_kept"}

    await rebuilds.roll_back("basket-views", OPERATOR)
    assert await live_views(connection) == right


async def test_without_kept_tables_a_roll_back_is_refused(
    shop: Shop, rebuilds: PostgresRebuilds, connection: asyncpg.Connection
) -> None:
    with pytest.raises(RebuildRefused, match="no generation is kept"):
        await rebuilds.roll_back("basket-views", OPERATOR)
    await rebuild_all(rebuilds)
    assert await rebuilds.drop_kept("basket-views", OPERATOR)
    assert not await rebuilds.drop_kept("basket-views", OPERATOR)
    with pytest.raises(RebuildRefused, match="no generation is kept"):
        await rebuilds.roll_back("basket-views", OPERATOR)
    assert await generations(connection) == {"public"}


async def test_a_roll_back_to_tables_from_before_a_migration_is_refused(
    shop: Shop, rebuilds: PostgresRebuilds, connection: asyncpg.Connection
) -> None:
    await rebuild_all(rebuilds)
    await connection.execute("ALTER TABLE public.basket_views ADD COLUMN more int")
    with pytest.raises(RebuildRefused, match="migration"):
        await rebuilds.roll_back("basket-views", OPERATOR)


async def test_one_rebuild_of_a_target_runs_at_a_time(shop: Shop, rebuilds: PostgresRebuilds) -> None:
    async with built(rebuilds):
        with pytest.raises(RebuildRefused, match="at work"):
            async with rebuilds.open_session("basket-views", OPERATOR):
                pass
        with pytest.raises(RebuildRefused, match="at work"):
            await rebuilds.roll_back("basket-views", OPERATOR)
        async with rebuilds.open_session("catalogue", OPERATOR):
            pass


async def test_a_rebuild_whose_session_ended_is_interrupted_and_resumes(
    shop: Shop, rebuilds: PostgresRebuilds, connection: asyncpg.Connection
) -> None:
    baskets = await some_baskets(shop)
    async with rebuilds.open_session("basket-views", OPERATOR) as work:
        await work.begin(RebuildScope(), dry_run=False, workers=1, events_per_range=5)
        tasks = await work.unfinished(None, staged=False)
        builder = rebuilds.builder("basket-views", lambda: False, staged=False)
        await builder.build(tasks[0])
        stands = await rebuilds.find(work.id)
        assert stands is not None
        assert not stands.interrupted
    stands = await rebuilds.find(work.id)
    assert stands is not None
    assert (stands.state, stands.interrupted) == ("building", True)
    assert 0 < stands.done < stands.total
    # One process of it still lives, and is slow.
    late = tasks[1]

    assert await rebuilds.resumable("basket-views") == work.id
    async with rebuilds.open_session("basket-views", OPERATOR, resumed=work.id) as work:
        await work.resume(1)
        await build_what_is_left(rebuilds, work)
        await builder.build(late)
        await work.index(1)
        assert (await work.compare(1)).same == len(baskets)
        await work.switch()

    assert len(await live_views(connection)) == len(baskets)
    assert await rebuilds.resumable("basket-views") is None


@pytest.mark.parametrize("how", ["abandoned", "begun anew"])
async def test_processes_of_an_abandoned_rebuild_write_nothing(
    shop: Shop, rebuilds: PostgresRebuilds, connection: asyncpg.Connection, how: str
) -> None:
    baskets = await some_baskets(shop)
    async with rebuilds.open_session("basket-views", OPERATOR) as work:
        await work.begin(RebuildScope(), dry_run=False, workers=1, events_per_range=5)
        tasks = await work.unfinished(None, staged=False)
    builder = rebuilds.builder("basket-views", lambda: False, staged=False)
    given_up = work.id

    if how == "abandoned":
        abandoned = await rebuilds.abandon("basket-views", OPERATOR)
        assert abandoned is not None
        assert abandoned.state == "abandoned"
        assert await generations(connection) == {"public"}
        assert await rebuilds.abandon("basket-views", OPERATOR) is None
    for task in tasks[:1]:
        await builder.build(task)
    async with built(rebuilds) as work:
        for task in tasks:
            await builder.build(task)
        await work.switch()

    assert len(await live_views(connection)) == len(baskets)
    stands = await rebuilds.find(given_up)
    assert stands is not None
    assert stands.state == "abandoned"


async def test_a_rebuild_of_another_release_is_not_resumed(
    shop: Shop, rebuilds: PostgresRebuilds, connection: asyncpg.Connection
) -> None:
    async with built(rebuilds) as work:
        pass
    await connection.execute("ALTER TABLE public.basket_views ADD COLUMN more int")
    async with rebuilds.open_session("basket-views", OPERATOR, resumed=work.id) as work:
        with pytest.raises(RebuildRefused, match="begin anew"):
            await work.resume(1)


async def test_later_columns_indexes_and_grants_are_in_the_new_tables(
    shop: Shop, rebuilds: PostgresRebuilds, connection: asyncpg.Connection
) -> None:
    await some_baskets(shop, 2)
    await connection.execute(
        "ALTER TABLE public.basket_views ADD COLUMN note text DEFAULT 'none';"
        "ALTER TABLE public.basket_views SET (fillfactor = 90);"
        "CREATE INDEX basket_views_note ON public.basket_views (note) WHERE status = 'open';"
        "GRANT SELECT ON public.basket_views TO PUBLIC"
    )
    names = await names_of(connection, TABLES)

    await rebuild_all(rebuilds)

    assert await names_of(connection, TABLES) == names
    found = await connection.fetchrow(
        "SELECT relacl::text, reloptions, (SELECT array_agg(DISTINCT note) FROM public.basket_views)"
        "  FROM pg_class WHERE oid = 'public.basket_views'::regclass"
    )
    assert found is not None
    assert "=r/" in found[0]
    assert "fillfactor=90" in found[1]
    assert found[2] == ["none"]


# How snapshots of the live table are compressed, and how they are to be on this server.
COMPRESSION = """
SELECT attcompression::text,
       CASE WHEN EXISTS (SELECT FROM pg_settings
                          WHERE name = 'default_toast_compression' AND 'lz4' = ANY (enumvals)) THEN 'l' ELSE '' END
  FROM pg_attribute WHERE attrelid = 'public.basket_views'::regclass AND attname = 'snapshot'
"""


async def test_snapshots_are_compressed_by_lz4_where_the_server_has_it_also_after_a_rebuild(
    shop: Shop, rebuilds: PostgresRebuilds, connection: asyncpg.Connection
) -> None:
    await some_baskets(shop, 1)
    before = await connection.fetchrow(COMPRESSION)

    await rebuild_all(rebuilds)

    after = await connection.fetchrow(COMPRESSION)
    assert before is not None
    assert before[0].strip("\0") == before[1]
    assert after == before


async def test_a_rebuild_of_tables_with_dependents_is_refused(
    shop: Shop, rebuilds: PostgresRebuilds, connection: asyncpg.Connection
) -> None:
    await connection.execute("CREATE VIEW open_ones AS SELECT * FROM basket_views WHERE status = 'open'")
    with pytest.raises(RebuildRefused, match="open_ones"):
        async with built(rebuilds):
            pass
    assert await rebuilds.newest(1) == []


async def test_a_basket_that_cannot_be_folded_keeps_the_view_of_the_events_before(
    shop: Shop, rebuilds: PostgresRebuilds, connection: asyncpg.Connection
) -> None:
    await some_baskets(shop, 2)
    stuck = await shop.fill(item("o-1"))
    before = await live_views(connection)
    await shop.store.append(Append(stuck.id, stuck.version, [NewEvent("odd", b'{"odd":1}', b"{}")]))

    ended, comparison = await rebuild_all(rebuilds)

    assert await live_views(connection) == before
    assert (comparison.unfoldable, comparison.faults) == (1, 1)
    assert (comparison.samples[0].subject, comparison.samples[0].rebuilt_version) == (stuck.id, stuck.version)
    assert ended.comparison == comparison


async def test_a_cancelled_rebuild_stops_and_others_see_it(
    shop: Shop, rebuilds: PostgresRebuilds, connection: asyncpg.Connection
) -> None:
    async with built(rebuilds) as work:
        assert await rebuilds.request_cancel(work.id, OPERATOR)
        assert not await rebuilds.request_cancel(work.id, OPERATOR)
        with pytest.raises(RebuildStopped):
            await work.heartbeat()
        await work.cancel()
    (stands,) = await rebuilds.newest(5)
    assert (stands.id, stands.state, stands.cancel_requested) == (work.id, "cancelled", True)
    assert not await rebuilds.request_cancel(work.id, OPERATOR)
    assert not await rebuilds.request_cancel("no such rebuild", OPERATOR)
    assert await generations(connection) == {"public", "checkout_rebuilt"}


async def test_every_change_is_in_the_audit_log(shop: Shop, rebuilds: PostgresRebuilds) -> None:
    await some_baskets(shop, 2)
    ended, _ = await rebuild_all(rebuilds)
    await rebuilds.roll_back("basket-views", OPERATOR)
    await rebuilds.drop_kept("basket-views", OPERATOR)

    actions = await PostgresAuditLog(shop.database).newest(None, 10)

    assert [action.type for action in reversed(actions)] == [
        "operations.rebuild-started.v1",
        "operations.rebuild-switched.v1",
        "operations.rebuild-rolled-back.v1",
        "operations.rebuild-dropped.v1",
    ]
    assert {action.operator for action in actions} == {OPERATOR}
    assert [action.scope.get("rebuild") for action in reversed(actions)][:3] == [ended.id] * 3


@pytest.mark.parametrize(
    ("statement", "values", "index"),
    [
        (sql.TOUCHED, (10, 20), "events_default_pkey"),
        (sql.READ_RANGE, ("", "basket-1", 10, "x"), "events_default_stream_id_version_key"),
        (sql.READ_STREAMS, (["basket-1"], "x"), "events_default_stream_id_version_key"),
        (sql.READ_ON, (["basket-1"],), "events_default_stream_id_version_key"),
        (sql.DELETE_OLDER, (["basket-1"], [1]), "basket_views_pkey"),
        (sql.DELETE_USES, (["basket-1"],), "open_basket_uses_pkey"),
    ],
)
async def test_frequent_statements_use_an_index(
    shop: Shop, connection: asyncpg.Connection, statement: str, values: tuple[object, ...], index: str
) -> None:
    await some_baskets(shop, 2)
    for name, value in sql.READER_SETTINGS.items():
        await connection.execute("SELECT set_config($1, $2, false)", name, value)

    plan = "\n".join(row[0] for row in await connection.fetch("EXPLAIN " + statement, *values))

    # Each look at an index is by a condition on it.
    assert f"using {index}" in plan
    assert plan.count("Index Cond") == plan.count("Index Scan") + plan.count("Index Only Scan")
    assert "Seq Scan" not in plan
