"""Measures what the one lock of appends lets through: several processes' writers, and disks that are slow to flush.

python -m benchmarks.append_lock [--seconds 1.5] [--rounds 3]

Each writer is an event store with a connection of its own, as an API process has one. Appends store an event with its
response, as calls with an Idempotency-Key do. All callers append as soon as they may; writers take their appends in
turn. A slow disk is imitated: PostgreSQL waits so long before it flushes (`commit_delay`). PostgreSQL is embedded. The last line is one JSON object.

An append holds the lock until its commit is on disk, and the batches of the writers take turns. So an append waits for
one and a half times the flushes of all writers at least, as docs/scaling.md reckons.
"""

from __future__ import annotations

import argparse
import itertools
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from statistics import median
from typing import Any
from urllib.parse import urlsplit

import asyncpg
import uvloop

from adapters.logs import configure_logging
from adapters.postgres.event_store.store import PostgresEventStore
from adapters.postgres.pool import DatabasePool
from benchmarks.append_rate import EVENT, AppendRound, fresh_database, run_round
from benchmarks.processor_clock import ProcessorClock, postgresql_clock
from domain.ports.event_store import Append, Appended, IdempotencyKey, RenderedResponse

CALLERS = 64
WRITERS = (1, 2, 4, 8)
RESPONSE = RenderedResponse(200, {"content-type": "application/json", "etag": '"4"'}, b'{"text":"%b"}' % (b"x" * 1_100))
FINGERPRINT = bytes(32)
FLUSH_MILLISECONDS = (0, 1, 5, 20, 50)
"""What is added to a flush of this machine's disk. The longest ones hide what else the machine does."""


async def measure(url: str, seconds: float, rounds: int) -> dict[str, Any]:
    postgresql = await postgresql_clock(url)
    made: dict[tuple[int, int], list[AppendRound]] = {}
    ways = list(itertools.product(FLUSH_MILLISECONDS, WRITERS))
    for _ in range(rounds):
        for flush, writers in ways:
            await _delay_flushes(url, flush)
            made.setdefault((flush, writers), []).append(await _round(url, writers, seconds, postgresql))
    return {
        "callers": CALLERS,
        "rounds": rounds,
        "rates": [
            {
                "flush_ms": flush,
                "writers": writers,
                "per_second": round(_median(of_way, "per_second")),
                "postgresql_us": round(_median(of_way, "postgresql_us"), 1),
                "p50_ms": round(_median(of_way, "p50_ms"), 1),
                "p99_ms": round(_median(of_way, "p99_ms"), 1),
            }
            for (flush, writers), of_way in made.items()
        ],
    }


async def _round(url: str, writers: int, seconds: float, postgresql: ProcessorClock) -> AppendRound:
    async with _stores(url, writers) as stores:
        turns = itertools.cycle(stores)

        async def append(stream: str) -> None:
            key = IdempotencyKey("benchmark/update", stream, FINGERPRINT)
            outcome = await next(turns).append(Append(stream, 0, (EVENT,), response=(key, RESPONSE)))
            assert isinstance(outcome, Appended), outcome

        await run_round(append, CALLERS, 0.3, postgresql)  # makes connections and plans
        return await run_round(append, CALLERS, seconds, postgresql)


def _median(rounds: Sequence[AppendRound], figure: str) -> float:
    return median(float(getattr(each, figure)) for each in rounds)


async def _delay_flushes(url: str, milliseconds: int) -> None:
    """Of sessions that begin from now on."""
    connection = await asyncpg.connect(url)
    name = '"' + urlsplit(url).path.lstrip("/") + '"'
    await connection.execute(f"ALTER DATABASE {name} SET commit_delay = {milliseconds * 1000}")
    await connection.execute(f"ALTER DATABASE {name} SET commit_siblings = 0")
    await connection.close()


@asynccontextmanager
async def _stores(url: str, count: int) -> AsyncIterator[Sequence[PostgresEventStore]]:
    async with AsyncExitStack() as stack:
        database = DatabasePool(url)
        stack.push_async_callback(database.close)
        yield [
            await stack.enter_async_context(PostgresEventStore(database, timeout=30, answers_kept=timedelta(days=1)))
            for _ in range(count)
        ]


async def run(given: argparse.Namespace) -> None:
    async with fresh_database(None) as url:
        print(json.dumps(await measure(url, given.seconds, given.rounds)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=1.5, help="of each round")
    parser.add_argument("--rounds", type=int, default=3)
    configure_logging("WARNING")
    uvloop.run(run(parser.parse_args()))


if __name__ == "__main__":
    main()
