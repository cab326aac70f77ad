from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import asyncpg
import pytest

from adapters.postgres.event_store.store import PostgresEventStore
from adapters.postgres.pool import DatabasePool, StatementFailed
from domain.ports.event_store import Appended, Conflict, StoredStream
from domain.shared.errors import StoreUnavailable
from tests.adapters.postgres.conftest import DAY
from tests.builders.appends import a_response, a_stream, an_append, an_idempotency_key, names_of
from tests.contracts.ended_basket_feed import EndedBasketFeedContract
from tests.contracts.event_feed import EventFeedContract
from tests.contracts.event_store import SHORTLY, EventStoreContract
from tests.servers.waiting import eventually

# A view of a basket. Only its snapshot and version matter here.
INSERT_VIEW = """
INSERT INTO basket_views
       (basket_id, version, partner, status, created, modified, expires_at, snapshot)
VALUES ($1, $2, 'acme', 'open', now(), now(), now(), $3)
"""


@pytest.fixture
async def forgetful_store(database: DatabasePool) -> AsyncIterator[PostgresEventStore]:
    async with PostgresEventStore(database, timeout=10, answers_kept=timedelta(seconds=SHORTLY)) as store:
        yield store


class TestPostgresEventStore(EventStoreContract):
    """The contract suite, with the fixtures of this folder."""


class TestPostgresEventFeed(EventFeedContract, EndedBasketFeedContract):
    """The contract suite, with the fixtures of this folder."""


async def test_a_read_begins_with_the_view_where_that_is_newer(
    store: PostgresEventStore, connection: asyncpg.Connection
) -> None:
    stream = a_stream()
    append = an_append(stream, 0, "a", "b", "c")
    await store.append(append)
    await connection.execute(INSERT_VIEW, stream, 2, b'{"version":2}')

    assert await store.read_stream(stream) == StoredStream(b'{"version":2}', b"[" + append.events[2].data + b"]")
    assert (await store.read_stream(stream, 1)).snapshot is not None
    for known in (2, 3):
        assert (await store.read_stream(stream, known)).snapshot is None
    assert await names_of(store, stream, 2) == ["c"]


async def test_many_concurrent_readers_each_get_their_own_result(store: PostgresEventStore) -> None:
    streams = [a_stream() for _ in range(300)]
    await asyncio.gather(*(store.append(an_append(stream, 0, stream)) for stream in streams))
    found = await asyncio.gather(*(names_of(store, stream) for stream in streams))
    assert found == [[stream] for stream in streams]


async def test_an_append_that_postgresql_cannot_take_fails_alone(store: PostgresEventStore) -> None:
    fine = [a_stream() for _ in range(20)]
    outcomes = await asyncio.gather(
        *(store.append(an_append(stream)) for stream in fine[:10]),
        store.append(an_append("the server refuses this \x00")),
        store.append(an_append(fine[0], 7)),
        store.append(an_append("the driver refuses this \ud800")),
        *(store.append(an_append(stream)) for stream in fine[10:]),
        return_exceptions=True,
    )
    assert isinstance(outcomes[10], StatementFailed)
    assert outcomes[11] == Conflict()
    assert isinstance(outcomes[12], StatementFailed)
    assert all(isinstance(outcome, Appended) for outcome in outcomes[:10] + outcomes[13:])
    assert [await names_of(store, stream) for stream in fine] == [["happened"]] * 20


async def test_expired_responses_are_purged_and_others_stay(
    store: PostgresEventStore, forgetful_store: PostgresEventStore
) -> None:
    keys = [an_idempotency_key() for _ in range(5)]
    for key in keys:
        await store.store_response(key, a_response())
    assert await store.purge_responses(100) == 0

    async def purged() -> int:
        return await forgetful_store.purge_responses(3)

    assert await eventually(purged, limit=20 * SHORTLY) <= 3

    async def all_gone() -> bool:
        await purged()
        return [await store.find_response(key.scope, key.key) for key in keys] == [None] * 5

    assert await eventually(all_gone)


async def test_a_closed_store_finishes_waiting_calls_and_refuses_new_ones(
    database: DatabasePool,
) -> None:
    store = PostgresEventStore(database, timeout=10, answers_kept=DAY)
    callers = [asyncio.ensure_future(store.append(an_append(a_stream()))) for _ in range(20)]
    await asyncio.sleep(0)
    await store.close()
    assert all(isinstance(outcome, Appended) for outcome in await asyncio.gather(*callers))
    with pytest.raises(StoreUnavailable):
        await store.append(an_append(a_stream()))
    with pytest.raises(StoreUnavailable):
        await store.read_stream(a_stream())
    assert [task for task in asyncio.all_tasks() if task.get_name() == "store batches"] == []
