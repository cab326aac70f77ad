"""Measures appends a second: batched, against one INSERT for each append on a pool of ten connections.

python -m benchmarks.append_rate                        on an embedded PostgreSQL, which writes to disk as usual
python -m benchmarks.append_rate --database-url URL     on a server where it may create databases
python -m benchmarks.append_rate --json                 prints the rounds as one JSON object instead of a table

Both ways append 600-byte events to new streams. They run in alternation, so that other work on the machine affects both.
The INSERTs keep no order that a tail could follow; they are a yardstick for speed only. Processor time is that of this
process and of PostgreSQL together, which on a busy machine says more than rates. The server must run on this machine.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta

import asyncpg
import msgspec
import uvloop
from rich.console import Console
from rich.table import Table
from uuid_utils import uuid7

from adapters.embedded.postgres import EmbeddedPostgres
from adapters.postgres.event_store.store import PostgresEventStore
from adapters.postgres.pool import DatabasePool
from benchmarks.processor_clock import ProcessorClock, postgresql_clock
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

AppendOne = Callable[[str], Awaitable[object]]


@dataclass(frozen=True, slots=True)
class AppendRound:
    """Processor times are of one append: of this process, and of PostgreSQL."""

    appends: int
    per_second: float
    processor_us: float
    postgresql_us: float
    p50_ms: float
    p99_ms: float

    @property
    def whole_us(self) -> float:
        return self.processor_us + self.postgresql_us


async def run_round(append: AppendOne, callers: int, seconds: float, postgresql: ProcessorClock) -> AppendRound:
    postgresql.lap()
    began, processor = time.perf_counter(), time.process_time()
    latencies: list[float] = []

    async def keep_appending() -> None:
        while (start := time.perf_counter()) < began + seconds:
            await append(f"basket-{uuid7()}")
            latencies.append(time.perf_counter() - start)

    await asyncio.gather(*(keep_appending() for _ in range(callers)))
    took, processor, count = time.perf_counter() - began, time.process_time() - processor, len(latencies)
    # A round of a busy machine may be over after its first append.
    percentiles = statistics.quantiles(latencies, n=100) if len(latencies) > 1 else latencies * 99
    return AppendRound(
        count,
        count / took,
        processor / count * 1e6,
        postgresql.lap() / count * 1e6,
        percentiles[49] * 1000,
        percentiles[98] * 1000,
    )


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


async def measure(
    url: str, seconds: float, rounds: int, sizes: Sequence[int]
) -> dict[int, dict[str, list[AppendRound]]]:
    """The rounds of both ways, by callers."""
    database = DatabasePool(url)
    postgresql = await postgresql_clock(url)
    measured: dict[int, dict[str, list[AppendRound]]] = {}
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

        ways = {"append": batched, "INSERT": one_insert}
        for callers in sizes:
            for way in ways.values():
                await run_round(way, callers, seconds / 4, postgresql)  # makes connections and plans
            measured[callers] = {name: [] for name in ways}
            for _ in range(rounds):
                for name, way in ways.items():
                    measured[callers][name].append(await run_round(way, callers, seconds, postgresql))
    await database.close()
    return measured


def as_table(measured: Mapping[int, Mapping[str, Sequence[AppendRound]]], rounds: int) -> Table:
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
    for callers, ways in measured.items():
        ours, theirs = ways.values()
        pairs = list(zip(ours, theirs, strict=True))
        table.add_row(
            str(callers),
            *(cell for way in (ours, theirs) for cell in _cells(way)),
            f"{statistics.median(us.per_second / them.per_second for us, them in pairs):.1f}",
            f"{statistics.median(them.whole_us / us.whole_us for us, them in pairs):.1f}",
        )
    return table


def _cells(rounds: Sequence[AppendRound]) -> tuple[str, str, str]:
    rate, p50, p99, whole = (
        statistics.median(getattr(round, name) for round in rounds)
        for name in ("per_second", "p50_ms", "p99_ms", "whole_us")
    )
    return f"{rate:,.0f}", f"{p50:.1f} / {p99:.1f}", f"{whole:.1f}"


async def main(options: argparse.Namespace) -> None:
    async with fresh_database(options.database_url) as url:
        measured = await measure(url, options.seconds, options.rounds, options.callers)
    if options.json:
        print(msgspec.json.encode(measured).decode())
    else:
        Console().print(as_table(measured, options.rounds))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Measures how fast events are appended.")
    parser.add_argument("--database-url", help="a PostgreSQL server; else an embedded one is started")
    parser.add_argument("--seconds", type=float, default=2.0, help="of each round")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--callers", type=int, nargs="*", default=CALLERS)
    parser.add_argument("--json", action="store_true", help="print the rounds as one JSON object")
    uvloop.run(main(parser.parse_args()))
