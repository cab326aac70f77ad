"""Measures appends a second: batched, against one INSERT for each append on a pool of ten connections.

python -m benchmarks.append_rate                        on an embedded PostgreSQL, which writes to disk as usual
python -m benchmarks.append_rate --database-url URL     on a server where it may create databases

Both ways append 600-byte events to new streams. They run in alternation, so that other work on the machine affects both.
The INSERTs keep no order that a tail could follow; they are a yardstick for speed only. Processor time is that of this
process and of PostgreSQL's sessions together, which on a busy machine says more than rates. It is measured on Linux, with
the server on the same machine.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import asyncpg
import uvloop
from rich.console import Console
from rich.table import Table
from uuid_utils import uuid7

from adapters.embedded.postgres import EmbeddedPostgres
from adapters.postgres.event_store.store import PostgresEventStore
from adapters.postgres.pool import DatabasePool
from domain.ports.event_store import Append, Appended, NewEvent
from tests.servers.postgres import Databases, postgres_folder

CALLERS = (1, 16, 64, 256)
POOL = 10
EVENT = NewEvent("benchmark.happened.v1", b'{"text":"%b"}' % (b"x" * 410), b'{"text":"%b"}' % (b"y" * 166))

# A table like a partition of `events`, with its indexes and without its triggers.
MAKE_UNGUARDED = "CREATE TABLE unguarded_events (LIKE events INCLUDING ALL, PRIMARY KEY (position))"

# One append as most people would write it.
INSERT_ONE = """
INSERT INTO unguarded_events (stream_id, version, type, data, metadata) VALUES ($1, $2, $3, $4, $5)
RETURNING position
"""

SESSIONS = "SELECT pid FROM pg_stat_activity WHERE datname = current_database()"

AppendOne = Callable[[str], Awaitable[object]]


@dataclass
class AppendMeasurement:
    """Appends a second and processor seconds an append, by round, and the seconds of each append."""

    rates: list[float] = field(default_factory=list)
    costs: list[float] = field(default_factory=list)
    latencies: list[float] = field(default_factory=list)

    @property
    def rate(self) -> float:
        return statistics.median(self.rates)

    @property
    def cost(self) -> float:
        """In microseconds."""
        return statistics.median(self.costs) * 1e6

    def percentile(self, percent: int) -> float:
        """In milliseconds."""
        return statistics.quantiles(self.latencies, n=100)[percent - 1] * 1000


def processor_seconds(sessions: Sequence[int]) -> float:
    """Of this process and of sessions of PostgreSQL, so far."""
    spent = sum(int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) for pid in sessions)
    return time.process_time() + spent / 1e9


async def run_round(
    append: AppendOne, callers: int, seconds: float, measured: AppendMeasurement, sessions: Sequence[int] = ()
) -> None:
    spent_before, began = processor_seconds(sessions), time.perf_counter()
    count = 0

    async def keep_appending() -> None:
        nonlocal count
        while (start := time.perf_counter()) < began + seconds:
            await append(f"basket-{uuid7()}")
            measured.latencies.append(time.perf_counter() - start)
            count += 1

    await asyncio.gather(*(keep_appending() for _ in range(callers)))
    measured.rates.append(count / (time.perf_counter() - began))
    measured.costs.append((processor_seconds(sessions) - spent_before) / count)


@asynccontextmanager
async def fresh_database(server_url: str | None) -> AsyncIterator[str]:
    if server_url is not None:
        databases = Databases(server_url)
        url = await databases.fresh()
        try:
            yield url
        finally:
            await databases.drop(url)
            await databases.close()
        return
    with postgres_folder() as folder:
        async with EmbeddedPostgres(folder) as server, fresh_database(server.url) as url:
            yield url


async def measure(url: str, seconds: float, rounds: int) -> Table:
    table = Table(title=f"appends a second, {len(EVENT.data) + len(EVENT.metadata)}-byte events, median of {rounds}")
    columns = (
        "callers",
        "batched",
        "p50 / p99 ms",
        "processor µs",
        f"one INSERT each, pool of {POOL}",
        "p50 / p99 ms",
        "processor µs",
        "ratio of rates",
        "of processor time",
    )
    for name in columns:
        table.add_column(name, justify="right")
    database = DatabasePool(url)
    async with (
        PostgresEventStore(database, timeout=30, answers_kept=timedelta(days=1)) as store,
        asyncpg.create_pool(url, min_size=POOL, max_size=POOL) as pool,
    ):
        await pool.execute(MAKE_UNGUARDED)

        async def batched(stream: str) -> None:
            outcome = await store.append(Append(stream, 0, (EVENT,)))
            assert isinstance(outcome, Appended), outcome

        async def one_insert(stream: str) -> None:
            await pool.fetchval(INSERT_ONE, stream, 1, EVENT.type, EVENT.data, EVENT.metadata)

        for callers in CALLERS:
            ways = {batched: AppendMeasurement(), one_insert: AppendMeasurement()}
            for way in ways:
                await run_round(way, callers, seconds / 4, AppendMeasurement())  # makes connections and plans
            sessions = [row["pid"] for row in await pool.fetch(SESSIONS)]
            for _ in range(rounds):
                for way, measured in ways.items():
                    await run_round(way, callers, seconds, measured, sessions)
            ours, theirs = ways.values()
            table.add_row(
                str(callers),
                *(cell for way in (ours, theirs) for cell in (f"{way.rate:,.0f}", _latency(way), f"{way.cost:.1f}")),
                f"{ours.rate / theirs.rate:.1f}",
                f"{theirs.cost / ours.cost:.1f}",
            )
    await database.close()
    return table


def _latency(measured: AppendMeasurement) -> str:
    return f"{measured.percentile(50):.1f} / {measured.percentile(99):.1f}"


async def main(options: argparse.Namespace) -> None:
    async with fresh_database(options.database_url) as url:
        Console().print(await measure(url, options.seconds, options.rounds))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Measures how fast events are appended.")
    parser.add_argument("--database-url", help="a PostgreSQL server; else an embedded one is started")
    parser.add_argument("--seconds", type=float, default=2.0, help="of each round")
    parser.add_argument("--rounds", type=int, default=3)
    uvloop.run(main(parser.parse_args()))
