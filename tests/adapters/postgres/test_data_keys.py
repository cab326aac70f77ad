from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import pytest

from adapters.postgres.data_keys import PostgresDataKeys
from adapters.postgres.pool import DatabasePool
from domain.shared.errors import StoreUnavailable
from tests.contracts.data_keys import DataKeysContract, Destroy, a_basket, a_request
from tests.servers.waiting import eventually

# What an erasure does to the key of a basket.
DESTROY = """
WITH destroyed AS (
    UPDATE data_keys SET wrapped = NULL, master = NULL, destroyed_at = now(), action_id = 'action'
     WHERE basket_id = $1 AND wrapped IS NOT NULL)
INSERT INTO forgotten_baskets (basket_id, version, action_id) VALUES ($1, $2, 'action')
ON CONFLICT (basket_id) DO UPDATE SET version = excluded.version
"""


@pytest.fixture
async def keys(database: DatabasePool) -> AsyncIterator[PostgresDataKeys]:
    keys = PostgresDataKeys(database)
    yield keys
    await keys.close()


class TestPostgresDataKeys(DataKeysContract):
    @pytest.fixture
    def destroy(self, connection: asyncpg.Connection) -> Destroy:
        async def destroy(basket_id: str, version: int) -> None:
            await connection.execute(DESTROY, basket_id, version)

        return destroy


async def test_processes_that_request_a_key_at_once_get_the_same_one(keys: PostgresDataKeys, database_url: str) -> None:
    other_database = DatabasePool(database_url)
    other = PostgresDataKeys(other_database)
    baskets = [a_basket() for _ in range(30)]
    given = await asyncio.gather(*(each.ensure(a_request(basket)) for basket in baskets for each in (keys, other)))
    assert all(given)
    assert len({key.id for key in given if key is not None}) == len(baskets)
    await other.close()
    await other_database.close()


async def test_a_destroyed_key_stays_destroyed(keys: PostgresDataKeys, connection: asyncpg.Connection) -> None:
    basket = a_basket()
    await keys.ensure(a_request(basket))
    await connection.execute(DESTROY, basket, 2)
    for change in (
        "UPDATE data_keys SET wrapped = 'x', master = 'm', destroyed_at = NULL, action_id = NULL",
        "DELETE FROM data_keys",
    ):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute(change)


async def test_every_process_is_notified_of_a_destroyed_key(
    keys: PostgresDataKeys, connection: asyncpg.Connection
) -> None:
    heard: list[None] = []
    keys.on_destroyed(lambda: heard.append(None))
    await keys.find(["none"])  # it listens from its first read on
    before = len(heard)
    await connection.execute("SELECT pg_notify('checkout_data_keys', '')")
    await eventually(lambda: len(heard) == before + 1)


async def test_the_listener_reconnects(keys: PostgresDataKeys, connection: asyncpg.Connection) -> None:
    heard: list[None] = []
    keys.on_destroyed(lambda: heard.append(None))
    await keys.find(["none"])
    await connection.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE application_name = 'checkout data keys listener' AND datname = current_database()"
    )

    async def heard_again() -> bool:
        await keys.find(["none"])
        return len(heard) == 2

    await eventually(heard_again)


async def test_keys_raise_when_the_store_is_away() -> None:
    database = DatabasePool("postgresql://postgres@127.0.0.1:1/none", timeout=0.5)
    keys = PostgresDataKeys(database)
    for ask in (keys.find(["a"]), keys.newest(["a"]), keys.forgotten(["a"]), keys.ensure(a_request("a"))):
        with pytest.raises(StoreUnavailable):
            await ask
    await keys.close()
    await database.close()
