"""Connections that die at any moment: every caller learns what became of its append."""

from __future__ import annotations

import asyncio
import random
import time
from functools import partial
from uuid import uuid4

import asyncpg
import pytest

from adapters.embedded.postgres import EmbeddedPostgres
from adapters.postgres.event_store.append import APPEND_BATCH, columns
from adapters.postgres.event_store.feed import PostgresEventFeed
from adapters.postgres.event_store.store import PostgresEventStore
from adapters.postgres.migrator import migrate
from adapters.postgres.pool import DatabasePool
from domain.ports.event_store import Append, Appended, StoredResponse
from domain.shared.errors import StoreUnavailable
from tests.adapters.postgres.conftest import DAY, writers_wait
from tests.adapters.postgres.proxy import BreakableNetwork
from tests.builders.appends import a_response, a_stream, an_append, an_idempotency_key, names_of
from tests.conftest import OwnPostgres
from tests.servers.waiting import eventually

# Ends the sessions of our writers, whatever they are doing.
KILL_WRITERS = """
SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
 WHERE application_name = 'checkout writer' AND datname = current_database()
"""

# Every event, in the global order.
ALL_EVENTS = "SELECT stream_id, version, data, metadata, position FROM events ORDER BY position"

TIMEOUT = 1.0
MARGIN = 0.7
"""Seconds that a call may take beyond its limit on a busy machine."""


async def test_every_caller_learns_the_truth_while_connections_die(
    database_url: str, connection: asyncpg.Connection
) -> None:
    rounds, dice = 30, random.Random(7)
    written: list[tuple[Append, Appended]] = []
    done = False

    async def keep_appending(store: PostgresEventStore) -> None:
        # The stream is this caller's alone: anything but Appended would be a lie.
        stream, version = a_stream(), 0
        while not done:
            key, name = an_idempotency_key(), str(uuid4())
            names = ["a"] * dice.randint(1, 3)
            append = an_append(stream, version, *names, claims=[name], response=(key, a_response()))
            outcome = await store.append(append)
            assert isinstance(outcome, Appended), outcome
            written.append((append, outcome))
            version += len(names)
            assert await store.store_response(an_idempotency_key(), a_response())

    async with BreakableNetwork(database_url) as network:
        database = DatabasePool(network.url)
        async with PostgresEventStore(database, timeout=10, answers_kept=DAY) as store:
            callers = [asyncio.ensure_future(keep_appending(store)) for _ in range(24)]

            def went_on(count: int) -> bool:
                return len(written) >= count or any(caller.done() for caller in callers)

            for number in range(rounds):
                if number % 2:
                    await connection.fetchval(KILL_WRITERS)
                else:
                    network.lose_answers_to = b"causationId"
                # Until it did: no caller fails while connections keep dying.
                await eventually(partial(went_on, len(written) + dice.randint(1, 400)), every=0.001)
            done = True
            await asyncio.gather(*callers)
            assert network.cuts == rounds // 2
        await database.close()

    stored = [tuple(row) for row in await connection.fetch(ALL_EVENTS)]
    acknowledged = [
        (append.stream_id, append.expected_version + nth, event.data, event.metadata)
        for append, _ in written
        for nth, event in enumerate(append.events, 1)
    ]
    assert sorted(row[:4] for row in stored) == sorted(acknowledged)
    positions = {row[:2]: row[4] for row in stored}
    for append, outcome in written:
        last = (append.stream_id, append.expected_version + len(append.events))
        assert outcome.last_position == positions[last]


async def test_an_append_whose_acknowledgement_was_lost_knows_itself_again(database_url: str) -> None:
    stream, name, key = a_stream(), str(uuid4()), an_idempotency_key()
    async with BreakableNetwork(database_url) as network:
        database = DatabasePool(network.url)
        async with PostgresEventStore(database, timeout=10, answers_kept=DAY) as store:
            await store.append(an_append(stream, 0, "before"))
            append = an_append(stream, 1, "a", "marked", claims=[name], response=(key, a_response()))
            network.lose_answers_to = b'"marked"'
            outcome = await store.append(append)

            stored = await store.read_events(stream)
            assert network.cuts == 1
            assert outcome == Appended(stored[-1].position)
            assert await names_of(store, stream) == ["before", "a", "marked"]
            assert await store.find_claim(name) == stream
            assert await store.find_response(key.scope, key.key) == StoredResponse(b"digest", a_response())
        await database.close()


async def test_an_answer_whose_acknowledgement_was_lost_knows_itself_again(database_url: str) -> None:
    async with BreakableNetwork(database_url) as network:
        database = DatabasePool(network.url)
        async with PostgresEventStore(database, timeout=10, answers_kept=DAY) as store:
            await store.append(an_append(a_stream()))
            network.lose_answers_to = b"marked"
            assert await store.store_response(key := an_idempotency_key(), a_response(b"marked"))
            assert network.cuts == 1
            assert not await store.store_response(key, a_response(b"marked"))
        await database.close()


async def test_a_batch_that_commits_after_its_connection_died_is_not_written_twice(
    database_url: str, connection: asyncpg.Connection
) -> None:
    stream = a_stream()
    async with BreakableNetwork(database_url) as network:
        database = DatabasePool(network.url)
        async with PostgresEventStore(database, timeout=10, answers_kept=DAY) as store:
            async with connection.transaction():
                # Whoever appends now waits for this transaction.
                await connection.execute(APPEND_BATCH, *columns([an_append(a_stream())]), DAY, False)
                waiting = asyncio.ensure_future(store.append(an_append(stream, 0, "a", "b")))
                await eventually(partial(writers_wait, connection, 1))
                network.cut_all()
                await eventually(partial(writers_wait, connection, 2))
            assert isinstance(await waiting, Appended)
            assert await names_of(store, stream) == ["a", "b"]
        await database.close()


async def test_another_writers_event_is_never_taken_for_ours_after_a_lost_connection(
    database_url: str, store: PostgresEventStore
) -> None:
    """The connection dies before the server hears of the append, and somebody else is first."""
    stream = a_stream()
    async with BreakableNetwork(database_url) as network:
        database = DatabasePool(network.url)
        async with PostgresEventStore(database, timeout=10, answers_kept=DAY) as cut_off:
            await cut_off.append(an_append(a_stream()))
            network.swallow_everything()
            waiting = asyncio.ensure_future(cut_off.append(an_append(stream, 0, "ours")))
            assert isinstance(await store.append(an_append(stream, 0, "theirs")), Appended)
            network.flow()
            assert not isinstance(await waiting, Appended)
        await database.close()
    assert await names_of(store, stream) == ["theirs"]


async def test_a_server_that_answers_no_more_costs_a_caller_its_time_limit_and_no_more(
    database_url: str,
) -> None:
    async with BreakableNetwork(database_url) as network:
        database = DatabasePool(network.url, timeout=TIMEOUT)
        feed = PostgresEventFeed(database)
        async with PostgresEventStore(database, timeout=TIMEOUT, answers_kept=DAY) as store:
            stream = a_stream()
            await store.append(an_append(stream))
            await names_of(store, stream)
            network.swallow_everything()
            await all_unavailable_in_time(store, feed)
            network.flow()
            await eventually(lambda: works(store))
        await feed.close()
        await database.close()


async def test_service_resumes_by_itself_after_postgresql_was_stopped_and_started(
    own_postgres: OwnPostgres,
) -> None:
    server: EmbeddedPostgres = await own_postgres()
    await migrate(server.url)
    database = DatabasePool(server.url, timeout=TIMEOUT)
    feed = PostgresEventFeed(database)
    async with PostgresEventStore(database, timeout=TIMEOUT, answers_kept=DAY) as store:
        acknowledged: list[str] = []
        done = False

        async def keep_appending() -> None:
            while not done:
                stream = a_stream()
                began = time.monotonic()
                try:
                    if isinstance(await store.append(an_append(stream)), Appended):
                        acknowledged.append(stream)
                except StoreUnavailable:
                    pass
                assert time.monotonic() - began < TIMEOUT + MARGIN

        def more_than(count: int) -> bool:
            return len(acknowledged) > count

        callers = [asyncio.ensure_future(keep_appending()) for _ in range(8)]
        try:
            for stop in (server.stop, server.kill):
                await eventually(partial(more_than, len(acknowledged) + 50))
                await stop()
                await all_unavailable_in_time(store, feed)
                last = len(acknowledged)
                await server.start()
                await eventually(partial(more_than, last))
                await eventually(lambda: works(store))
        finally:
            done = True
        await asyncio.gather(*callers)

        tail = {event.stream_id for event in await feed.read(0, 1_000_000)}
        assert set(acknowledged) <= tail
        waiting = asyncio.ensure_future(feed.wait(10**12, 30))
        await asyncio.sleep(0)
        assert not waiting.done()
        waiting.cancel()
    await feed.close()
    await database.close()


async def all_unavailable_in_time(store: PostgresEventStore, feed: PostgresEventFeed) -> None:
    calls = [
        store.append(an_append(a_stream())),
        store.append(an_append(a_stream())),
        store.store_response(an_idempotency_key(), a_response()),
        store.read_stream(a_stream()),
        store.read_events(a_stream()),
        store.find_claim("a"),
        store.find_response("a", "b"),
        store.purge_responses(1),
        feed.read(0, 1),
    ]
    began = time.monotonic()
    outcomes = await asyncio.gather(*calls, return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [StoreUnavailable] * len(calls), outcomes
    assert time.monotonic() - began < TIMEOUT + MARGIN


async def works(store: PostgresEventStore) -> bool:
    stream = a_stream()
    try:
        await store.append(an_append(stream))
        return await names_of(store, stream) == ["happened"]
    except StoreUnavailable:
        return False


async def test_a_store_may_be_made_while_postgresql_is_away() -> None:
    database = DatabasePool("postgresql://postgres@127.0.0.1:1/none", timeout=TIMEOUT)
    feed = PostgresEventFeed(database)
    async with PostgresEventStore(database, timeout=TIMEOUT, answers_kept=DAY) as store:
        await all_unavailable_in_time(store, feed)
        await feed.wait(0, 0.2)
        with pytest.raises(StoreUnavailable):
            await database.connect("anyone")
    await feed.close()
    await database.close()
