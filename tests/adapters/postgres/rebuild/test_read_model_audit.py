from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import asyncpg
import pytest

from adapters.postgres.audit import PostgresAuditLog
from adapters.postgres.event_store.store import PostgresEventStore
from adapters.postgres.pool import DatabasePool
from adapters.postgres.read_models.basket_views import PostgresBasketViews
from adapters.postgres.rebuild.read_model_audit import PostgresReadModelAudit
from adapters.postgres.rebuild.read_model_repair import PostgresReadModelRepair
from adapters.system import new_id, utc_now
from domain.basket.basket_view import to_view
from domain.basket.repository import BasketRepository
from domain.operators.audit import OperatorAction
from domain.operators.verify.repair import Repair
from domain.ports.read_models import BasketView
from tests.builders import InMemoryCheckout
from tests.builders.direct_handlers import direct_handlers
from tests.contracts.read_model_audit import AuditedStore, ReadModelAuditContract, action_of, repair_of
from tests.servers.waiting import eventually

# How many sessions of this database wait for a row.
WAITING = """
SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'
"""


class TestPostgresReadModelAudit(ReadModelAuditContract):
    small_store = 100_000

    @pytest.fixture
    def derived(self, database: DatabasePool, store: PostgresEventStore) -> AuditedStore:
        handlers = direct_handlers(store, BasketRepository(store), InMemoryCheckout().facts, utc_now, new_id)
        rows = PostgresReadModelAudit(database, self.small_store)
        repair = PostgresReadModelRepair(database)
        actions = PostgresAuditLog(database)
        return AuditedStore(rows, repair, store, PostgresBasketViews(database), handlers, lambda: actions)

    async def actions(self, derived: AuditedStore) -> Sequence[OperatorAction]:
        actions = derived.actions()
        assert isinstance(actions, PostgresAuditLog)
        return await actions.newest(None, 10)

    async def test_a_projector_that_waits_for_a_repaired_row_finds_it_gone_and_writes_nothing(
        self, derived: AuditedStore, connection: asyncpg.Connection
    ) -> None:
        basket = await derived.basket()
        right = to_view(basket)
        from_what_was_wrong = replace(right, version=right.version + 1, status="expired")
        async with connection.transaction():
            # Both wait for this row, the repair first.
            await connection.execute("SELECT 1 FROM basket_views FOR UPDATE")
            repairing = asyncio.ensure_future(derived.repair.repair([repair_of(right, right.version)], action_of))
            await eventually(lambda: self._waiting(connection, 1))
            moving = asyncio.ensure_future(derived.views.advance([(right.version, from_what_was_wrong)]))
            await eventually(lambda: self._waiting(connection, 2))
        assert set(await repairing) == {basket.id}
        assert not await moving
        assert await derived.views.versions([basket.id]) == {basket.id: right.version}

    async def test_repaired_views_are_encrypted_as_projected_ones_are(
        self, derived: AuditedStore, database: DatabasePool
    ) -> None:
        basket = await derived.basket()

        async def sealed(views: Sequence[tuple[int, BasketView]]) -> Sequence[tuple[int, BasketView]]:
            return [(began, replace(view, snapshot=b"sealed")) for began, view in views]

        view = to_view(basket)
        gone = Repair("basket-none", 0, view=None, stream_version=0)
        repair = PostgresReadModelRepair(database, sealed)
        await repair.repair([repair_of(view, view.version), gone], action_of)
        assert await derived.views.snapshots([basket.id]) == {basket.id: b"sealed"}

    async def _waiting(self, connection: asyncpg.Connection, count: int) -> bool:
        await connection.execute("SELECT pg_stat_clear_snapshot()")
        return bool(await connection.fetchval(WAITING) >= count)


class TestPostgresReadModelAuditOfALargeStore(TestPostgresReadModelAudit):
    """Random baskets are chosen by positions."""

    small_store = 0
