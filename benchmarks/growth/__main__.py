"""Measures whether calls stay as cheap in a large store, and on a basket with a long history.

    python -m benchmarks.growth                            stores of 10 thousand, 1 million and 5 million events
    python -m benchmarks.growth --events 10000 100000      of other sizes

Fills databases of a PostgreSQL of its own, which it keeps in `--folder` for the next run; 5 million events take about
9 GB. In one more database, baskets of 10 and of 1,000 events lie side by side. The calls of all of them alternate, in
rounds. A call is `cold` on a basket that the API has not seen since its start, `warm` on one that it keeps in memory.

The last line is one JSON object. Ends with 1 where processor time grows by more than 1.2 times with the store, or by
more than 1.5 times with a basket's history. Needs the extras `benchmark` and `embedded`.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

import asyncpg
import uvloop
from rich.console import Console
from rich.table import Table

from adapters.embedded.postgres import EmbeddedPostgres
from adapters.logs import configure_logging
from adapters.postgres.migrator import migrate
from adapters.postgres.pool import DatabasePool
from adapters.system import utc_now
from benchmarks.growth.basket_copies import add_copies, read_template
from benchmarks.growth.growth_calls import PROBES, GrowthCalls, GrowthCost, Population, measure_round
from benchmarks.performance.call_costs import open_api
from benchmarks.processor_clock import postgresql_clock

EVENTS = 10
"""Of a basket."""
LONG_EVENTS = 1_000
STORES = (10_000, 1_000_000, 5_000_000)
MOST_GROWTH = 1.2
MOST_OF_LONG = 1.5
"""Times the processor time of a call the same call in the smallest store, or on a basket of 10 events."""

# What the tables and their indexes take, partitions together.
SIZES = """
SELECT coalesce(parent.relname, class.relname)::text AS name, sum(pg_table_size(class.oid))::bigint AS table_bytes,
       sum(pg_indexes_size(class.oid))::bigint AS index_bytes
  FROM pg_class class LEFT JOIN pg_inherits ON inhrelid = class.oid LEFT JOIN pg_class parent ON parent.oid = inhparent
 WHERE class.relname ~ '^(events_.*|basket_views|open_basket_uses|claims)$' AND class.relkind = 'r'
 GROUP BY 1 ORDER BY 1
"""

Rounds = Mapping[str, Sequence[Mapping[str, GrowthCost]]]
"""By population, the costs of each kind of call."""


async def filled(server: EmbeddedPostgres, name: str, baskets: Mapping[int, int], folder: Path) -> str:
    """The URL of a database with so many baskets of so many events each."""
    unfinished = f"{name}_unfinished"
    connection = await asyncpg.connect(server.url)
    try:
        there = await connection.fetchval("SELECT count(*) FROM pg_database WHERE datname = $1", name)
        if not there:
            await connection.execute(f"DROP DATABASE IF EXISTS {unfinished}")
            await connection.execute(f"CREATE DATABASE {unfinished}")
            await _fill(server.url_of(unfinished), baskets, folder)
            await connection.execute(f"ALTER DATABASE {unfinished} RENAME TO {name}")
    finally:
        await connection.close()
    await migrate(server.url_of(name))
    return server.url_of(name)


async def _fill(url: str, baskets: Mapping[int, int], folder: Path) -> None:
    await migrate(url)
    database = DatabasePool(url, timeout=600)
    try:
        for events, count in baskets.items():
            async with open_api(url, folder) as api:
                id = await _played_basket(GrowthCalls(api), database, events)
            async with database.connection() as connection:
                template = await read_template(connection, id)
            await add_copies(database, template, count, utc_now())
        async with database.connection() as connection:
            await connection.execute("VACUUM ANALYZE", timeout=600)
    finally:
        await database.close()


async def _played_basket(calls: GrowthCalls, database: DatabasePool, events: int) -> str:
    """A basket of so many events. It was validated before its last change."""
    id = await calls.initiate(f"growth-{events:06d}")
    line = await calls.line(id)
    async with database.connection() as connection:
        version = await connection.fetchval("SELECT max(version) FROM events WHERE stream_id = $1", id)
    for number in range(events - version - 2):
        await calls.update(id, line, 3 + number % 2)
    await calls.validate(id)
    await calls.update(id, line, 5)
    return id


async def measure(stores: Sequence[int], rounds: int, folder: Path) -> dict[str, Any]:
    async with EmbeddedPostgres(folder / "postgres") as server:
        populations: dict[str, Population] = {}
        sizes: dict[str, Any] = {}
        for events in stores:
            url = await filled(server, f"growth_{events}", {EVENTS: events // EVENTS}, folder)
            populations[f"{events:,} events"] = Population(url, 0, LONG_EVENTS - 1)
            sizes[f"{events:,} events"] = await _sizes(url)
        url = await filled(server, "growth_histories", {EVENTS: PROBES, LONG_EVENTS: PROBES}, folder)
        populations[f"baskets of {EVENTS}"] = Population(url, 0, LONG_EVENTS - 1)
        populations[f"baskets of {LONG_EVENTS:,}"] = Population(url, LONG_EVENTS, 2**31 - 1)
        made: dict[str, list[dict[str, GrowthCost]]] = {name: [] for name in populations}
        clock = await postgresql_clock(server.url)
        for number in range(rounds + 1):
            _tell(f"round {number} of {rounds}" if number else "warming up")
            for name, population in populations.items():
                costs = await measure_round(population, number, clock, folder)
                if number:
                    made[name].append(costs)
    small, *larger, short, long = made
    ratios = {name: _ratios(made, name, small) for name in larger} | {long: _ratios(made, long, short)}
    return {
        "rounds": rounds,
        "microseconds": {
            name: {kind: _medians([costs[kind] for costs in of_rounds]) for kind in of_rounds[0]}
            for name, of_rounds in made.items()
        },
        "processor_time_ratios": ratios,
        "limits": {name: MOST_OF_LONG if name == long else MOST_GROWTH for name in ratios},
        "sizes": sizes,
    }


def _ratios(rounds: Rounds, name: str, beside: str) -> dict[str, float]:
    return {
        kind: round(
            median(
                ours[kind].processor / theirs[kind].processor
                for ours, theirs in zip(rounds[name], rounds[beside], strict=True)
            ),
            3,
        )
        for kind in rounds[name][0]
    }


def _medians(costs: Sequence[GrowthCost]) -> dict[str, float]:
    return {name: round(median(getattr(cost, name) for cost in costs), 1) for name in GrowthCost._fields}


async def _sizes(url: str) -> dict[str, Any]:
    connection = await asyncpg.connect(url)
    try:
        return {name: {"table": table, "indexes": indexes} for name, table, indexes in await connection.fetch(SIZES)}
    finally:
        await connection.close()


def _met(result: Mapping[str, Any]) -> bool:
    limits = result["limits"]
    return all(
        ratio <= limits[name] for name, kinds in result["processor_time_ratios"].items() for ratio in kinds.values()
    )


def _table(result: Mapping[str, Any]) -> Table:
    table = Table(title="processor time of a call in µs, API + PostgreSQL; in brackets: the ratio that is judged")
    table.add_column("call")
    costs: Mapping[str, Mapping[str, Mapping[str, float]]] = result["microseconds"]
    for name in costs:
        table.add_column(name, justify="right")
    for kind in next(iter(costs.values())):
        table.add_row(kind, *(_cell(of_name[kind], _ratio(result, name, kind)) for name, of_name in costs.items()))
    return table


def _ratio(result: Mapping[str, Any], name: str, kind: str) -> float | None:
    ratio: float | None = result["processor_time_ratios"].get(name, {}).get(kind)
    return ratio


def _cell(cost: Mapping[str, float], ratio: float | None) -> str:
    return f"{cost['api']:.0f} + {cost['postgresql']:.0f}" + ("" if ratio is None else f" ({ratio:.2f})")


def _tell(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, nargs="+", default=list(STORES), help="of each store, ascending")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--folder", type=Path, default=Path(".cache/growth-benchmark"))
    given = parser.parse_args()
    if min(given.events) < EVENTS * PROBES:
        parser.error(f"the smallest store has {EVENTS * PROBES:,} events")
    given.folder.mkdir(parents=True, exist_ok=True)
    configure_logging("WARNING")
    result = uvloop.run(measure(sorted(given.events), given.rounds, given.folder))
    Console(stderr=True).print(_table(result))
    print(json.dumps(result))
    raise SystemExit(0 if _met(result) else 1)


if __name__ == "__main__":
    main()
