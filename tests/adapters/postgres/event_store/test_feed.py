"""Tails while several processes write, and across lost connections."""

from __future__ import annotations

import asyncio
import time
from contextlib import AsyncExitStack
from functools import partial

import asyncpg

from adapters.postgres.event_store.append import APPEND_BATCH, columns
from adapters.postgres.event_store.feed import PAGE_BYTES, PostgresEventFeed
from adapters.postgres.event_store.store import PostgresEventStore
from adapters.postgres.pool import DatabasePool
from domain.ports.event_store import Append, NewEvent
from tests.adapters.postgres.conftest import DAY, writers_wait
from tests.builders.appends import a_stream, an_append
from tests.servers.processes import Program
from tests.servers.waiting import eventually

# Appends to streams of its own, as a process of the service does, until it is killed.
WRITE = """
import asyncio, sys
from datetime import timedelta
from adapters.postgres.pool import DatabasePool
from adapters.postgres.event_store.store import PostgresEventStore
from tests.builders.appends import a_stream, an_append

async def main():
    database = DatabasePool(sys.argv[1])
    async with PostgresEventStore(database, timeout=30, answers_kept=timedelta(days=1)) as store:
        async def keep_appending():
            while True:
                await store.append(an_append(a_stream(), 0, "a", "b"))
        callers = asyncio.gather(*(keep_appending() for _ in range(8)))
        print("writing", flush=True)
        await callers

asyncio.run(main())
"""

# Every position, in order.
ALL_POSITIONS = "SELECT position FROM events ORDER BY position"

# Ends the session that listens for us.
KILL_LISTENER = """
SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
 WHERE application_name = 'checkout feed listener' AND datname = current_database()
"""


async def test_a_tail_skips_nothing_while_processes_write_and_one_holds_its_transaction_open(
    database_url: str, connection: asyncpg.Connection, feed: PostgresEventFeed
) -> None:
    seen: list[int] = []
    wanted = 12_000

    async def tail() -> None:
        while len(seen) < wanted:
            events = await feed.read(seen[-1] if seen else 0, 100)
            seen.extend(event.position for event in events)
            if not events:
                await feed.wait(seen[-1] if seen else 0, 1.0)

    async with AsyncExitStack() as stack:
        writers = [await stack.enter_async_context(Program("-c", WRITE, database_url)) for _ in range(3)]
        assert [await writer.line() for writer in writers] == ["writing"] * 3
        tailing = asyncio.ensure_future(tail())

        def seen_more_than(count: float) -> bool:
            return len(seen) > count or tailing.done()

        async def caught_up() -> bool:
            return tailing.done() or not await feed.read(seen[-1], 1)

        for part in range(1, 6):
            await eventually(partial(seen_more_than, part * wanted / 10), limit=60)
            async with connection.transaction():
                await connection.execute(APPEND_BATCH, *columns([an_append(a_stream())]), DAY, False)
                # Its position is drawn, and the tail is as far as it can be. If another process could add an event
                # now, the tail would skip the one that is held back.
                await eventually(partial(writers_wait, connection, len(writers)))
                await eventually(caught_up)
        await asyncio.wait_for(tailing, 60)
    stored = [row["position"] for row in await connection.fetch(ALL_POSITIONS)]
    assert seen == stored[: len(seen)]


async def test_a_tail_is_woken_across_lost_connections(
    database: DatabasePool, connection: asyncpg.Connection, store: PostgresEventStore
) -> None:
    feed = PostgresEventFeed(database)
    last = 0
    for _ in range(3):
        waiting = asyncio.ensure_future(feed.wait(last, 30))

        async def listener_killed() -> bool:
            return bool(await connection.fetchval(KILL_LISTENER))

        await eventually(listener_killed)
        began = time.monotonic()
        await store.append(an_append(a_stream()))
        await waiting
        assert time.monotonic() - began < 5
        last = (await feed.read(last, 10))[-1].position
    await feed.close()


async def test_a_page_of_large_events_ends_early_and_none_is_left_out(
    store: PostgresEventStore, feed: PostgresEventFeed
) -> None:
    large = PAGE_BYTES // 3 + 1
    streams = [a_stream() for _ in range(5)]
    for stream, size in zip(streams, (10, large, large, large, PAGE_BYTES * 2), strict=True):
        await store.append(Append(stream, 0, [NewEvent("tested.happened.v1", b"x" * size, b"{}")]))
    await store.append(an_append(last := a_stream()))

    pages: list[list[str]] = []
    position = 0
    while events := await feed.read(position, 100):
        pages.append([event.stream_id for event in events])
        position = events[-1].position

    assert pages == [streams[:4], streams[4:], [last]]
