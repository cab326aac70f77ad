from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import asyncpg
import pytest

from adapters.postgres.basket_views import PostgresBasketViews
from adapters.postgres.database import Database
from adapters.postgres.derived_repair import PostgresDerivedRepair
from adapters.postgres.derived_rows import PostgresDerivedRows
from adapters.postgres.event_store import PostgresEventStore
from adapters.postgres.operator_actions import PostgresOperatorActions
from domain.basket.handlers import CheckoutHandlers
from domain.basket.projection import view_of
from domain.basket.repository import Baskets
from domain.operating.actions import OperatorAction
from domain.operating.repairing import Mend
from domain.ports import BasketView
from tests.builders import Checkout
from tests.contracts.derived import Derived, DerivedContract, mend, recorded
from tests.parts.waiting import eventually
from tests.streaming import utc_now
from tests.workers.gateway import new_id

# How many sessions of this database wait for a row.
WAITING = """
SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'
"""


class TestPostgresDerived(DerivedContract):
    small_store = 100_000

    @pytest.fixture
    def derived(self, database: Database, store: PostgresEventStore) -> Derived:
        handlers = CheckoutHandlers(store, Baskets(store), Checkout().facts, utc_now, new_id)
        rows = PostgresDerivedRows(database, self.small_store)
        repair = PostgresDerivedRepair(database)
        actions = PostgresOperatorActions(database)
        return Derived(rows, repair, store, PostgresBasketViews(database), handlers, lambda: actions)

    async def actions(self, derived: Derived) -> Sequence[OperatorAction]:
        actions = derived.actions()
        assert isinstance(actions, PostgresOperatorActions)
        return await actions.newest(None, 10)

    async def test_a_mover_that_waits_for_a_mended_row_finds_it_gone_and_moves_nothing(
        self, derived: Derived, connection: asyncpg.Connection
    ) -> None:
        basket = await derived.basket()
        right = view_of(basket)
        from_what_was_wrong = replace(right, version=right.version + 1, status="expired")
        async with connection.transaction():
            # Both wait for this row, the repair first.
            await connection.execute("SELECT 1 FROM basket_views FOR UPDATE")
            mending = asyncio.ensure_future(derived.repair.mend([mend(right, right.version)], recorded))
            await eventually(lambda: self._waiting(connection, 1))
            moving = asyncio.ensure_future(derived.views.advance([(right.version, from_what_was_wrong)]))
            await eventually(lambda: self._waiting(connection, 2))
        assert set(await mending) == {basket.id}
        assert not await moving
        assert await derived.views.versions([basket.id]) == {basket.id: right.version}

    async def test_what_is_sealed_for_those_that_move_is_sealed_for_those_that_are_mended(
        self, derived: Derived, database: Database
    ) -> None:
        basket = await derived.basket()

        async def sealed(views: Sequence[tuple[int, BasketView]]) -> Sequence[tuple[int, BasketView]]:
            return [(began, replace(view, snapshot=b"sealed")) for began, view in views]

        view = view_of(basket)
        gone = Mend("basket-none", 0, view=None, stream_version=0)
        repair = PostgresDerivedRepair(database, sealed)
        await repair.mend([mend(view, view.version), gone], recorded)
        assert await derived.views.snapshots([basket.id]) == {basket.id: b"sealed"}

    async def _waiting(self, connection: asyncpg.Connection, count: int) -> bool:
        await connection.execute("SELECT pg_stat_clear_snapshot()")
        return bool(await connection.fetchval(WAITING) >= count)


class TestPostgresDerivedOfALargeStore(TestPostgresDerived):
    """Baskets are drawn by their positions."""

    small_store = 0
