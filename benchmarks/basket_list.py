"""Measures the list of own baskets among few and among many baskets.

python -m benchmarks.basket_list                            10,000 and 1,000,000 baskets, on an embedded PostgreSQL
python -m benchmarks.basket_list --baskets 10000 --plans    fewer, with the server's plans

Half of the baskets belong to one organisation, whose lists are measured. A call is what the API does after the token
and before the response: it finds a page, reads its baskets from view and events, and encodes the cursor.
`docs/measurements.md` has the results.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import uvloop
from pydantic_core import from_json, to_json
from rich.console import Console
from rich.table import Table

from adapters.embedded.postgres import EmbeddedPostgres
from adapters.postgres.event_store.store import PostgresEventStore
from adapters.postgres.pool import DatabasePool
from adapters.postgres.read_models.basket_list import SESSION_SETTINGS, PostgresBasketList, statement_of
from domain.basket.basket_view import to_view
from domain.basket.lister import BasketLister, ListedBaskets
from domain.basket.repository import BasketRepository
from domain.ports.basket_list import BasketFilter, ListMoment
from domain.shared.cursors import PagePosition
from tests.builders import basket, line
from tests.servers.postgres import Databases, postgres_folder

LARGE = "partner-large"
FIRST = datetime(2026, 1, 1, tzinfo=UTC)
EVERY = timedelta(seconds=31)
HOUR = timedelta(hours=1)
ROUNDS = 300
LIMIT = 25

# Views of $1 baskets of three lines, one created every 31 seconds ($3). Most of the newest twentieth are open, and some of
# all others; the others are completed, expired and, rarely, cancelled. One in 50,000 is due. $4 is their snapshot, with
# names in place of values.
FILL = """
INSERT INTO basket_views (basket_id, version, partner, external_id, status, created, modified, expires_at, snapshot,
                          ready, offers, products)
SELECT id, 5, partner, external_id, status, created, modified, expires_at,
       convert_to(replace(replace(replace(replace(replace(replace(replace($4,
           '@id@', id), '@partner@', partner), '@external@', external_id), '@status@', status),
           '@created@', to_json(created) #>> '{}'), '@modified@', to_json(modified) #>> '{}'),
           '@expires@', to_json(expires_at) #>> '{}'), 'UTF8'),
       true, ARRAY['o-' || n % 5000], ARRAY['SKU-' || n % 5000]
  FROM (SELECT n, 'basket-' || lpad(to_hex(n), 8, '0') || '-0000-7000-8000-' || substr(md5(n::text), 1, 12) AS id,
               CASE WHEN n % 2 = 0 THEN $5 ELSE 'partner-' || floor(500 * power(random(), 3)) END AS partner,
               'EXT-' || n AS external_id,
               CASE WHEN n > $1 * 0.95 AND n % 8 > 0 OR n % 1000 = 4 THEN 'open'
                    WHEN n % 1000 = 10 THEN 'cancelled' WHEN n % 5 < 2 THEN 'completed' ELSE 'expired' END AS status,
               made.at AS created, made.at + random() * interval '3 days' AS modified,
               CASE WHEN n % 1000 = 4 AND n % 50000 <> 4 THEN $2::timestamptz + $1 * $3::interval ELSE made.at END
               + interval '30 days' AS expires_at
          FROM generate_series(1, $1::int) AS n,
               LATERAL (SELECT $2::timestamptz + n * $3::interval AS at) AS made) AS baskets
"""


def snapshot() -> str:
    """The snapshot of every basket, with names in place of the values that differ."""
    document: dict[str, Any] = from_json(to_view(basket(*(line(f"line-{n}", f"o-{n}") for n in range(3)))).snapshot)
    document |= {"id": "@id@", "version": 5, "partner": "@partner@", "status": "@status@", "created": "@created@"}
    document |= {"modified": "@modified@", "expiresAt": "@expires@", "ready": True}
    document["details"]["external_id"] = "@external@"
    return to_json(document).decode()


def filters(baskets: int) -> dict[str, BasketFilter]:
    """What an organisation asks for, by its words."""
    now = FIRST + baskets * EVERY
    middle, lately = FIRST + baskets // 2 * EVERY, now - 10 * HOUR
    asked: dict[str, dict[str, Any]] = {
        "no filter": {},
        "status=open": {"status": "open"},
        "status=completed": {"status": "completed"},
        "status=expired": {"status": "expired"},
        "status=cancelled (1 in 500)": {"status": "cancelled"},
        "external_id": {"external_id": f"EXT-{baskets // 2}"},
        "external_id of nothing": {"external_id": "none"},
        "created_after, lately": {"created_after": lately},
        "created_after the half, status=expired": {"created_after": middle, "status": "expired"},
        "modified_after, lately": {"modified_after": lately},
        "modified_after the half": {"modified_after": middle},
        "modified_after the half, status=cancelled": {"modified_after": middle, "status": "cancelled"},
        "modified_after the first, created_after the half": {"modified_after": FIRST, "created_after": middle},
        "abandoned": {"abandoned": True},
        "abandoned, modified_after, lately": {"abandoned": True, "modified_after": lately},
    }
    return {words: BasketFilter(partner=LARGE, **conditions) for words, conditions in asked.items()}


async def hundredth_page(lister: BasketLister, wanted: BasketFilter) -> str | None:
    """The cursor of the page after 2,500 baskets; None if there are fewer."""
    cursor: str | None = None
    for _ in range(25):
        cursor = (await lister.page(wanted, cursor, 100)).next_cursor
        if cursor is None:
            return None
    return cursor


async def times_of(lister: BasketLister, wanted: BasketFilter, cursor: str | None) -> tuple[ListedBaskets, list[float]]:
    """The page, and the milliseconds of ROUNDS calls for it, sorted."""
    page, times = await lister.page(wanted, cursor, LIMIT), []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        await lister.page(wanted, cursor, LIMIT)
        times.append((time.perf_counter() - began) * 1000)
    return page, sorted(times)


async def plan_of(database: DatabasePool, wanted: BasketFilter, now: datetime, cursor: str | None) -> Sequence[str]:
    """The lines of the server's plan for the page's walk, as it was executed."""
    after = None if cursor is None else PagePosition.decode(cursor, wanted)
    statement, parameters = statement_of(wanted, ListMoment(now, now - HOUR), after, LIMIT)
    async with database.connection() as connection, connection.transaction():
        for name, value in SESSION_SETTINGS.items():
            await connection.execute("SELECT set_config($1, $2, true)", name, value)
        explain = "EXPLAIN (ANALYZE, BUFFERS, COSTS OFF, TIMING OFF) " + statement
        return [line for (line,) in await connection.fetch(explain, *parameters)]


def _buffers(plan: Sequence[str]) -> int:
    """The buffers that the whole plan touched."""
    words = next(line for line in plan if "Buffers:" in line).split()
    return sum(
        int(word.partition("=")[2]) for word in words if "=" in word and word.partition("=")[0] in ("hit", "read")
    )


async def measure(out: Console, url: str, baskets: int, *, plans: bool) -> None:
    databases = Databases(url)
    database_url = await databases.fresh()
    database = DatabasePool(database_url, timeout=60)
    found = PostgresBasketList(database)
    now = FIRST + baskets * EVERY
    async with PostgresEventStore(database, timeout=60, answers_kept=HOUR) as store:
        connection = await database.connect("checkout benchmark")
        await connection.execute(FILL, baskets, FIRST, EVERY, snapshot(), LARGE)
        await connection.execute("VACUUM ANALYZE basket_views")
        await connection.close()
        lister = BasketLister(found, BasketRepository(store, cache_lines=0), lambda: now, HOUR)
        table = Table(
            *("filter", "page", "baskets", "p50 ms", "p99 ms", "buffers of the walk"), box=None, header_style="dim"
        )
        for words, wanted in filters(baskets).items():
            for name, cursor in (("first", None), ("after 2,500", await hundredth_page(lister, wanted))):
                if name != "first" and cursor is None:
                    continue
                page, times = await times_of(lister, wanted, cursor)
                plan = await plan_of(database, wanted, now, cursor)
                p50, p99 = times[len(times) // 2], times[len(times) * 99 // 100]
                table.add_row(words, name, str(len(page.baskets)), f"{p50:.2f}", f"{p99:.2f}", str(_buffers(plan)))
                if plans:
                    out.print(f"{words}, {name}", *plan, sep="\n", markup=False, highlight=False)
        out.print(f"{baskets:,} baskets, half of them of one organisation; {ROUNDS} calls each, {LIMIT} baskets a page")
        out.print(table)
    await found.close()
    await database.close()
    await databases.drop(database_url)
    await databases.close()


async def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    arguments.add_argument("--baskets", type=int, nargs="+", default=[10_000, 1_000_000])
    arguments.add_argument("--plans", action="store_true")
    options = arguments.parse_args()
    out = Console(width=150)
    with postgres_folder() as folder:
        async with EmbeddedPostgres(folder) as server:
            for baskets in options.baskets:
                await measure(out, server.url, baskets, plans=options.plans)


if __name__ == "__main__":
    uvloop.run(main())
