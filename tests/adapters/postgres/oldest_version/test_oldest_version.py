"""The store, its partitions and migrations, and the archive on the oldest PostgreSQL that the service supports."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import asyncpg
import pytest

from adapters.postgres.archive import PostgresArchiveIndex
from adapters.postgres.dead_letters import PostgresDeadLetters
from adapters.postgres.event_store.store import PostgresEventStore
from adapters.postgres.migrator import migrate
from adapters.postgres.pool import DatabasePool
from adapters.postgres.read_models.basket_views import PostgresBasketViews
from adapters.postgres.republications import PostgresRepublications
from domain.ports.event_store import Appended, Conflict
from tests.adapters.archive.archived_service import (
    a_finished_basket,
    archive,
    archiving_service,
    publish_all,
    rows_of,
)
from tests.adapters.postgres.conftest import DAY
from tests.builders.appends import a_stream, an_append, names_of
from tests.contracts.archive import ArchiveIndexContract
from tests.contracts.ended_basket_feed import EndedBasketFeedContract
from tests.contracts.event_feed import EventFeedContract
from tests.contracts.event_store import SHORTLY, EventStoreContract
from tests.rebuild_steps import rebuild_all
from tests.servers.postgres import Databases

# Whether it is one table.
IS_ONE_TABLE = "SELECT relkind = 'r' FROM pg_class WHERE oid = 'public.events'::regclass"


@pytest.fixture
async def forgetful_store(database: DatabasePool) -> AsyncIterator[PostgresEventStore]:
    async with PostgresEventStore(database, timeout=10, answers_kept=timedelta(seconds=SHORTLY)) as store:
        yield store


class TestOldestEventStore(EventStoreContract):
    """The contract suite, with the fixtures of the folder above."""


class TestOldestEventFeed(EventFeedContract, EndedBasketFeedContract):
    """The contract suite, with the fixtures of the folder above."""


class TestOldestArchiveIndex(ArchiveIndexContract):
    @pytest.fixture
    def views(self, database: DatabasePool) -> PostgresBasketViews:
        return PostgresBasketViews(database)

    @pytest.fixture
    def letters(self, database: DatabasePool) -> PostgresDeadLetters:
        return PostgresDeadLetters(database)

    @pytest.fixture
    def runs(self, database: DatabasePool) -> PostgresRepublications:
        return PostgresRepublications(database)

    @pytest.fixture
    def index(self, database: DatabasePool) -> PostgresArchiveIndex:
        return PostgresArchiveIndex(database)


async def test_a_filled_database_of_the_release_before_partitions_is_upgraded(databases: Databases) -> None:
    url = await databases.empty()
    await migrate(url, revision="0026")
    connection, database = await asyncpg.connect(url), DatabasePool(url)
    streams = [a_stream() for _ in range(5)]
    try:
        async with PostgresEventStore(database, timeout=10, answers_kept=DAY) as store:
            for stream in streams:
                await store.append(an_append(stream, 0, "a", "b"))
            assert await connection.fetchval(IS_ONE_TABLE)
            await migrate(url)
            assert not await connection.fetchval(IS_ONE_TABLE)
            for stream in streams:
                assert await names_of(store, stream) == ["a", "b"]
                assert isinstance(await store.append(an_append(stream, 2, "c")), Appended)
                assert await store.append(an_append(stream, 2, "d")) == Conflict()
                with pytest.raises(asyncpg.InsufficientPrivilegeError):
                    await connection.execute("DELETE FROM events WHERE stream_id = $1", stream)
    finally:
        await database.close()
        await connection.close()
        await databases.drop(url)


async def test_baskets_are_archived_rebuilt_around_and_brought_back(
    database_url: str, tmp_path: Path, connection: asyncpg.Connection
) -> None:
    async with archiving_service(database_url, tmp_path) as container:
        basket_id = await a_finished_basket(container)
        rows = await rows_of(connection, basket_id)
        await publish_all(container)
        assert (await archive(container)).baskets == 1
        ended, _ = await rebuild_all(container.rebuilds)
        assert (ended.state, await rows_of(connection, basket_id)) == ("switched", [])
        assert await container.archive.restore([basket_id]) == {basket_id}
        assert await rows_of(connection, basket_id) == rows
