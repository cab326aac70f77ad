"""What a validation costs: against a GET of the same basket, in round trips, for the largest basket; and what
the API holds in memory once it has served the whole catalogue."""

from __future__ import annotations

import asyncio
import os
import signal
import statistics
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import psutil
from rich.table import Table

from adapters.embedded.postgres import EmbeddedPostgres
from adapters.embedded.processes import die_with_parent, free_port
from adapters.postgres.migrator import migrate
from adapters.settings import Settings
from benchmarks.journey.http_caller import HttpCaller
from benchmarks.journey.progress_bars import CONSOLE, with_bar
from benchmarks.journey.records import GroceryBasket, GroceryLine
from benchmarks.journey.round_trips import PostgresRelay, counting_relay
from benchmarks.journey.target import TargetService
from benchmarks.journey.validation_cost import (
    ITEMS,
    STORE,
    basket,
    compare,
    made,
)
from cli.up.supervisor import until_ready

LARGEST = 500


async def show_figures(folder: Path, products: Sequence[int], sold: Sequence[int]) -> None:
    """With the catalogue of a run of `play` in this folder; `products` are offers in it, `sold` those of them that
    are sold most, which have prices."""
    table = Table("what", "figure", box=None)
    async with EmbeddedPostgres(folder / "service" / "postgres", database="checkout") as database:
        await migrate(database.url)
        async with counting_relay(database.url) as relay, api(relay.url) as (service, _):
            with CONSOLE.status("counting round trips"):
                table.add_row("round trips of a GET, of a validate", await _trips(service, relay, products))
        async with api(database.url) as (service, process):
            with CONSOLE.status("validating against getting"):
                await compare(table, service, process, sold, "of products that are sold")
                await compare(table, service, process, products, "of all products, many without a price")
            with CONSOLE.status("validating the largest basket"):
                table.add_row(
                    f"the first validate of {LARGEST} items, alone: best and median",
                    await _largest(service, products),
                )
        for cache in ("20000", "100000"):
            async with api(database.url, CHECKOUT_CATALOGUE_CACHE_SIZE=cache) as (service, process):
                start = process.memory_info().rss
                await _serve_all(service, products)
                sizes = f"{start / 1e6:,.0f} → {process.memory_info().rss / 1e6:,.0f} MB"
                table.add_row(f"memory of the API, all products served, {int(cache):,} kept", sizes)
    CONSOLE.print(table)


@asynccontextmanager
async def api(database_url: str, **environment: str) -> AsyncIterator[tuple[TargetService, psutil.Process]]:
    """The API alone, as a process of its own: nothing else works on the database meanwhile."""
    port = free_port()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "cli", "serve", "--port", str(port)),
        env={
            **os.environ,
            "CHECKOUT_LOG_LEVEL": "WARNING",
            "CHECKOUT_DATABASE_URL": database_url,
            **environment,
        },
        preexec_fn=die_with_parent(signal.SIGTERM),
    )
    settings = Settings()
    try:
        await until_ready(port, 30)
        url = f"http://127.0.0.1:{port}"
        service = TargetService(url, database_url, "", settings.jwt_issuer, settings.jwt_audience)
        yield service, psutil.Process(process.pid)
    finally:
        with suppress(ProcessLookupError):
            process.send_signal(signal.SIGTERM)
        await process.wait()


async def _trips(service: TargetService, relay: PostgresRelay, products: Sequence[int]) -> str:
    token = service.token(f"store-{STORE}")
    counted: list[int] = []
    async with HttpCaller(service.url) as caller:
        [id] = await made(caller, token, [basket(products, ITEMS)])
        for method, path in (
            ("GET", f"/partner/checkout/{id}"),
            ("POST", f"/partner/checkout/validate/{id}"),
        ):
            trips: list[int] = []
            # The driver prepares each statement once in each connection of the pool: warm first.
            for _ in range(60):
                before = relay.trips
                await caller.call(method, path, token)
                trips.append(relay.trips - before)
            counted.append(statistics.mode(trips))
    return f"{counted[0]}, {counted[1]}"


async def _largest(service: TargetService, products: Sequence[int]) -> str:
    token = service.token(f"store-{STORE}")
    first: list[float] = []
    again: list[float] = []
    async with HttpCaller(service.url) as caller:
        for _ in range(12):
            [id] = await made(caller, token, [basket(products, LARGEST)])
            for seconds in (first, again):
                seconds.append((await caller.call("POST", f"/partner/checkout/validate/{id}", token))[0])
    return "; again ".join(
        f"{min(seconds) * 1000:.0f} ms, {statistics.median(seconds) * 1000:.0f} ms"
        for seconds in (first, again)
    )


async def _serve_all(service: TargetService, products: Sequence[int]) -> None:
    """Every product in some basket of the largest size, each basket initiated and validated."""
    token = service.token(f"store-{STORE + 1}")
    parts = [products[first : first + LARGEST] for first in range(0, len(products), LARGEST)]
    async with HttpCaller(service.url) as caller:
        for number, part in enumerate(with_bar("serving all products", parts, len(parts))):
            of_part = GroceryBasket(number, STORE + 1, 0, tuple(GroceryLine(product, 1) for product in part))
            [id] = await made(caller, token, [of_part])
            await caller.call("POST", f"/partner/checkout/validate/{id}", token)
