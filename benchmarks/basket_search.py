"""Measures the basket search among many baskets, and what its indexes cost the projector.

python -m benchmarks.basket_search                           1,000,000 views on an embedded PostgreSQL
python -m benchmarks.basket_search --baskets 100000          fewer

The service's own search answers each query: the first page and the tenth. The projector's adapter changes views in
batches of 500, first with the indexes of the search and then without. The cost is processor time of the server, which
other work on the machine hardly affects.
"""

from __future__ import annotations

import argparse
import random
import statistics
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import asyncpg
import psutil
import uvloop
from rich.console import Console
from rich.table import Table

from adapters.embedded.postgres import EmbeddedPostgres
from adapters.postgres.pool import DatabasePool
from adapters.postgres.read_models.basket_search import PostgresBasketSearch
from adapters.postgres.read_models.basket_views import PostgresBasketViews
from domain.operators.history.search import BasketQuery
from domain.ports.read_models import BasketView
from tests.servers.postgres import Databases, postgres_folder

FIRST = datetime(2025, 11, 1, tzinfo=UTC)
EVERY = timedelta(seconds=31)
ROUNDS = 9
BATCH = 500
BATCHES = 20

# Views of $1 baskets, one created every 31 seconds, of 500 organisations with 50,000 offers and 29 codes. A few of each are
# frequent and most are rare. Most of the newest twentieth are open, the others are finished.
FILL = """
INSERT INTO basket_views (basket_id, version, partner, external_id, status, created, modified, expires_at, snapshot,
                          ready, offers, products, finding_codes)
SELECT 'basket-' || lpad(to_hex(n), 8, '0') || '-0000-7000-8000-' || substr(md5(n::text), 1, 12), 4,
       'partner-' || floor(500 * power(random(), 3)), CASE WHEN n % 3 > 0 THEN 'EXT-' || n END,
       CASE WHEN n > $1 * 0.95 AND n % 4 > 0 THEN 'open' WHEN n % 5 < 2 THEN 'completed' ELSE 'expired' END,
       made.at, made.at + random() * interval '3 days', made.at + interval '14 days',
       convert_to(repeat(md5(n::text), 30), 'UTF8'), cardinality(found.codes) = 0,
       held.offers, ARRAY(SELECT 'SKU-' || offer FROM unnest(held.offers) AS offer), found.codes
  FROM generate_series(1, $1::int) AS n,
       LATERAL (SELECT $2::timestamptz + n * $3::interval AS at) AS made,
       LATERAL (SELECT ARRAY(SELECT DISTINCT 'o-' || floor(50000 * power(random(), 2.5) + 0 * n)
                               FROM generate_series(1, 1 + n % 3)) AS offers) AS held,
       LATERAL (SELECT ARRAY(SELECT DISTINCT 'code-' || floor(29 * power(random(), 4) + 0 * n)
                               FROM generate_series(1, n % 3)) AS codes) AS found
"""

# Open baskets, in no order.
SOME_OPEN = """
SELECT basket_id, version, partner, external_id, status, created, modified, expires_at, snapshot, ready,
       offers, products, finding_codes
  FROM basket_views WHERE status = 'open' ORDER BY md5(basket_id) LIMIT $1
"""

# The indexes that only the search needs, with their definitions.
INDEXES = """
SELECT indexname, indexdef FROM pg_indexes
 WHERE tablename = 'basket_views' AND indexname NOT IN ('basket_views_pkey', 'basket_views_due')
"""

# Writes the statement that drops an index. Names cannot be parameters, so the server quotes them.
DROP = "SELECT format('DROP INDEX %I', $1::text)"


def queries(baskets: int) -> dict[str, BasketQuery]:
    """Queries of operators, for frequent and for rare values."""
    middle = FIRST + baskets // 2 * EVERY
    hour = timedelta(hours=1)
    return {
        "everything": BasketQuery(),
        "a large organisation": BasketQuery(partner="partner-0"),
        "a small organisation": BasketQuery(partner="partner-450"),
        "an external id": BasketQuery(external_id=f"EXT-{baskets // 2 | 1}"),
        "a frequent product": BasketQuery(product="SKU-o-0"),
        "a rare product": BasketQuery(product="SKU-o-41234"),
        "a product that no basket holds": BasketQuery(product="SKU-none"),
        "a frequent finding": BasketQuery(finding_code="code-0"),
        "a rare finding in a frequent offer": BasketQuery(finding_code="code-28", offer="o-0"),
        "open, of an organisation, with a finding": BasketQuery(
            status="open", partner="partner-3", finding_code="code-1"
        ),
        "completed": BasketQuery(status="completed"),
        "created in an hour": BasketQuery(created_from=middle, created_until=middle + hour),
        "changed in an hour": BasketQuery(modified_from=middle, modified_until=middle + hour),
        "changed in an hour, of an organisation": BasketQuery(
            modified_from=middle, modified_until=middle + hour, partner="partner-0"
        ),
    }


async def ask(search: PostgresBasketSearch, query: BasketQuery, cursor: str | None) -> float:
    """The median of ROUNDS calls, in milliseconds."""
    times = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        await search.find(query, cursor)
        times.append(time.perf_counter() - began)
    return statistics.median(times) * 1000


async def tenth_page(search: PostgresBasketSearch, query: BasketQuery) -> str | None:
    """The cursor of the tenth page; None if there are fewer pages."""
    cursor: str | None = None
    for _ in range(9):
        cursor = (await search.find(query, cursor)).next_cursor
        if cursor is None:
            return None
    return cursor


async def show_queries(out: Console, search: PostgresBasketSearch, baskets: int) -> None:
    table = Table("query", "first page", "tenth page", box=None, header_style="dim")
    for name, query in queries(baskets).items():
        first = await ask(search, query, None)
        cursor = await tenth_page(search, query)
        tenth = f"{await ask(search, query, cursor):.1f} ms" if cursor is not None else "–"
        table.add_row(name, f"{first:.1f} ms", tenth)
    out.print(table)


class ServerTime:
    """The processor time of a server's processes, while none of them ends."""

    def __init__(self, backend: int) -> None:
        """`backend` is the process id of a connection to the server."""
        self._postmaster = psutil.Process(backend).parent()

    def seconds(self) -> float:
        assert self._postmaster is not None
        times = [child.cpu_times() for child in self._postmaster.children()]
        seconds: float = sum(each.user + each.system for each in times)
        return seconds


class ViewChanges:
    """Changes the views of open baskets, again and again."""

    def __init__(self, views: PostgresBasketViews, server: ServerTime, rows: Sequence[asyncpg.Record]) -> None:
        self._views = views
        self._server = server
        self._held = [
            BasketView(**{**row, **{name: frozenset(row[name]) for name in ("offers", "products", "finding_codes")}})
            for row in rows
        ]
        self._dice = random.Random(1)

    async def round(self, *, other_content: bool) -> float:
        """The server's microseconds a change. Each changes a quantity, or the lines and the verdict."""
        began = self._server.seconds()
        for start in range(0, len(self._held), BATCH):
            moves = []
            for at in range(start, min(start + BATCH, len(self._held))):
                before = self._held[at]
                after = replace(before, version=before.version + 1, modified=datetime.now(UTC))
                self._held[at] = self._with_other_content(after) if other_content else after
                moves.append((before.version, self._held[at]))
            assert len(await self._views.advance(moves)) == len(moves)
        return (self._server.seconds() - began) / len(self._held) * 1e6

    def _with_other_content(self, view: BasketView) -> BasketView:
        offers = frozenset(f"o-{self._dice.randrange(50_000)}" for _ in range(2))
        return replace(
            view,
            offers=offers,
            products=frozenset(f"SKU-{offer}" for offer in offers),
            finding_codes=frozenset({f"code-{self._dice.randrange(29)}"}),
        )


async def show_changes(out: Console, database: DatabasePool, views: PostgresBasketViews) -> None:
    async with database.connection() as connection:
        server = ServerTime(await connection.fetchval("SELECT pg_backend_pid()"))
        changes = ViewChanges(views, server, await connection.fetch(SOME_OPEN, BATCH * BATCHES))
        indexes = await connection.fetch(INDEXES)
    table = Table("a change, in µs of the server", "without the indexes", "with them", box=None, header_style="dim")
    cells: dict[tuple[bool, bool], float] = {}
    for indexed in (True, False):
        if not indexed:
            async with database.connection() as connection:
                for row in indexes:
                    await connection.execute(await connection.fetchval(DROP, row["indexname"]))
        for other_content in (False, True):
            rounds = [await changes.round(other_content=other_content) for _ in range(3)]
            cells[other_content, indexed] = statistics.median(rounds)
    for other_content, name in ((False, "of a quantity"), (True, "of the lines and the verdict")):
        table.add_row(name, *(f"{cells[other_content, indexed]:.0f}" for indexed in (False, True)))
    out.print(table)


async def measure(url: str, baskets: int) -> None:
    out = Console()
    databases = Databases(url)
    database_url = await databases.fresh()
    database = DatabasePool(database_url, timeout=60)
    search = PostgresBasketSearch(database)
    try:
        connection = await database.connect("checkout benchmark")
        await connection.execute(FILL, baskets, FIRST, EVERY)
        await connection.execute("VACUUM ANALYZE basket_views")
        await connection.close()
        out.print(f"{baskets:,} baskets; medians of {ROUNDS} rounds, 50 baskets a page")
        await show_queries(out, search, baskets)
        await show_changes(out, database, PostgresBasketViews(database))
    finally:
        await search.close()
        await database.close()
        await databases.drop(database_url)
        await databases.close()


async def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    arguments.add_argument("--baskets", type=int, default=1_000_000)
    options = arguments.parse_args()
    with postgres_folder() as folder:
        async with EmbeddedPostgres(folder) as server:
            await measure(server.url, options.baskets)


if __name__ == "__main__":
    uvloop.run(main())
