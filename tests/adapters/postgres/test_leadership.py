from __future__ import annotations

import asyncio

import asyncpg
import pytest

from adapters.postgres.leadership import PostgresLeadership
from adapters.postgres.pool import DatabasePool
from domain.shared.errors import LeadershipLost, StoreUnavailable
from tests.contracts.leadership import LeadershipContract, role
from tests.servers.waiting import eventually

__all__ = ["role"]

# Ends the sessions that hold advisory locks in this database, as a failing network would.
END_HOLDERS = """
SELECT pg_terminate_backend(pid) FROM pg_locks
 WHERE locktype = 'advisory' AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""


class TestPostgresLeadership(LeadershipContract):
    @pytest.fixture
    def leadership(self, database: DatabasePool) -> PostgresLeadership:
        return PostgresLeadership(database, retry_every=0.02)

    @pytest.fixture
    def another(self, database: DatabasePool) -> PostgresLeadership:
        return PostgresLeadership(database, retry_every=0.02)


async def test_a_leader_whose_session_ended_notices_and_another_takes_over(
    database: DatabasePool, database_url: str, role: str
) -> None:
    leadership = PostgresLeadership(database, retry_every=0.02)
    confirmed = asyncio.Event()

    async def successor() -> None:
        async with leadership.hold(role) as lease:
            await lease.confirm()
            confirmed.set()

    async with leadership.hold(role) as lease:
        waiting = asyncio.create_task(successor())
        operator = await asyncpg.connect(database_url)
        await operator.execute(END_HOLDERS)
        await operator.close()
        await eventually(confirmed.is_set)
        with pytest.raises(LeadershipLost):
            await lease.confirm()
        await waiting


async def test_waiting_for_a_role_fails_while_the_database_is_down(role: str) -> None:
    database = DatabasePool("postgresql://postgres@127.0.0.1:1/none", timeout=1.0)
    with pytest.raises(StoreUnavailable):
        async with PostgresLeadership(database).hold(role):
            pass
    await database.close()
