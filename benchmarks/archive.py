"""Measures what the archive of old baskets saves: in tables, indexes, and rebuilds of the views.

python -m benchmarks.archive [--baskets 10000] [--rounds 3]

Nine baskets of ten are over, and were created in the nine months before this one; the others are open. Each has about ten
events, of which one is a verdict. PostgreSQL is embedded. The views are rebuilt, by one process, before and after the
archive takes the finished ones. The last line is one JSON object; processor time is that of Python and PostgreSQL.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import sys
import tempfile
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any

import asyncpg
import psutil

from adapters.archive_files.folder import ArchiveFolder
from adapters.encryption.envelope import may_hold_unsealed_data
from adapters.postgres.archive import PostgresArchiveIndex
from adapters.postgres.event_store.store import PostgresEventStore
from adapters.postgres.pool import DatabasePool
from adapters.postgres.read_models.basket_views import PostgresBasketViews
from adapters.system import new_id, utc_now
from benchmarks.append_rate import fresh_database
from benchmarks.journey.records import GroceryBasket, GroceryLine
from benchmarks.rebuild.__main__ import ProcessorTime, rebuild
from benchmarks.rebuild.store_filler import METADATA, made_basket
from domain.basket.basket import Basket
from domain.basket.basket_view import to_view
from domain.basket.codec import encode
from domain.operators.archive.archiver import PAGE_BASKETS, Archiver, ArchiveRound
from domain.ports.event_store import Append, NewEvent

MONTHS = 9
BATCH = 500

# A new database has one partition for all months up to the next.
DROP_FIRST = "DROP TABLE events_first"

# Makes the partition of a month.
MAKE_PARTITION = """
WITH made AS (SELECT to_char($1::timestamp, '"events_"YYYY_MM') AS name)
SELECT format('CREATE TABLE %I PARTITION OF events FOR VALUES FROM (%L) TO (%L)', name,
              first_basket_id($1), first_basket_id($1 + interval '1 month')),
       format('ALTER TABLE %I OWNER TO %I', name, (SELECT tableowner FROM pg_tables WHERE tablename = 'events')),
       format('SELECT guard_events(%L)', name)
  FROM made
"""

# The bytes of a table with its indexes, partitions together.
SIZE = """
SELECT sum(pg_total_relation_size(oid))::bigint FROM pg_class
 WHERE oid = $1::regclass OR oid IN (SELECT inhrelid FROM pg_inherits WHERE inhparent = $1::regclass)
"""


async def measure(baskets: int, rounds: int, folder: Path) -> dict[str, Any]:
    async with fresh_database(None) as url:
        database = DatabasePool(url)
        connection = await asyncpg.connect(url)
        server = psutil.Process(await connection.fetchval("SELECT pg_backend_pid()")).parent()
        assert server is not None
        await _fill(database, connection, baskets)
        before = await _state(connection, url, server, rounds)
        _tell(json.dumps(before))
        archived = await _archive(database, folder)
        after = await _state(connection, url, server, rounds)
        await connection.close()
        await database.close()
    return {
        "before": before,
        "archived": {"baskets": archived.baskets, "events": archived.events, "bytes": archived.bytes},
        "after": after,
        "ratios": {name: round(after[name] / before[name], 3) for name in before},
    }


async def _fill(database: DatabasePool, connection: asyncpg.Connection, count: int) -> None:
    this_month = datetime.now(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    months = [this_month]
    for _ in range(MONTHS):
        months.append((months[-1] - timedelta(days=1)).replace(day=1))
    await connection.execute(DROP_FIRST)
    for month in months[1:]:
        for statements in await connection.fetch(MAKE_PARTITION, month.replace(tzinfo=None)):
            for statement in statements:
                await connection.execute(statement)
    views = PostgresBasketViews(database)
    async with PostgresEventStore(database, timeout=120, answers_kept=timedelta(days=1)) as store:
        for start in range(0, count, BATCH):
            made = [_basket(number, months) for number in range(start, min(start + BATCH, count))]
            await asyncio.gather(*(store.append(_append(basket)) for basket in made))
            await views.advance([(0, to_view(basket)) for basket in made])
    await connection.execute("VACUUM ANALYZE")


def _basket(number: int, months: Sequence[datetime]) -> Basket:
    """Every tenth is open, and of this month; the others are over."""
    chance = random.Random(number)
    month = months[number % 10]
    products = sorted(chance.sample(range(20_000), 6))
    real = GroceryBasket(number, number % 50, 1, tuple(GroceryLine(each, chance.randint(1, 5)) for each in products))
    # `made_basket` completes those of odd numbers.
    at = month + timedelta(seconds=chance.randrange(24 * 3600))
    return made_basket(2 * number + (month != months[0]), real, at)


def _append(basket: Basket) -> Append:
    return Append(basket.id, 0, [NewEvent(event.TOPIC, encode(event), METADATA) for event in basket.collect()])


async def _archive(database: DatabasePool, folder: Path) -> ArchiveRound:
    """Moves what is over, as if Kafka had kept its states for long enough, and drops what is empty then."""
    index = PostgresArchiveIndex(database)

    async def far() -> int:
        return 2**62

    archiver = Archiver(
        index, ArchiveFolder(folder, utc_now), far, far, may_hold_unsealed_data, utc_now, new_id, timedelta(0)
    )
    done, after = ArchiveRound(), None
    while (after := await archiver.next_page(done, after, PAGE_BASKETS, dry=False)) is not None:
        pass
    dropped = []
    while (name := await index.drop_empty_partition()) is not None:
        dropped.append(name)
    _tell(f"dropped {', '.join(dropped)}")
    return done


async def _state(connection: asyncpg.Connection, url: str, server: psutil.Process, rounds: int) -> Mapping[str, float]:
    """Sizes, and the medians of some rebuilds."""
    await connection.execute("VACUUM FULL basket_views, open_basket_uses")
    await connection.execute("VACUUM ANALYZE")
    seconds, processor = [], []
    for _ in range(rounds):
        clock = ProcessorTime(server)
        result = await rebuild({"CHECKOUT_DATABASE_URL": url}, "--reason", "benchmark", "--workers", "1")
        spent = clock.per_event(1)
        seconds.append(result["seconds"])
        processor.append((spent["python_us_an_event"] + spent["postgres_us_an_event"]) / 1e6)
    return {
        "partitions": await connection.fetchval("SELECT count(*) FROM event_partitions"),
        "events": await connection.fetchval("SELECT count(*) FROM events"),
        "events_bytes": await connection.fetchval(SIZE, "events"),
        "views_bytes": await connection.fetchval(SIZE, "basket_views"),
        "rebuild_processor_seconds": round(median(processor), 2),
        "rebuild_seconds": round(median(seconds), 2),
    }


def _tell(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--baskets", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="archive-benchmark-") as name:
        print(json.dumps(asyncio.run(measure(given.baskets, given.rounds, Path(name)))))


if __name__ == "__main__":
    main()
