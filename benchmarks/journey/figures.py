"""Measures what a validation costs against a GET, in round trips and for the largest basket, and the API's memory after it
served the whole catalogue."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from pathlib import Path
from time import perf_counter

from rich.table import Table

from adapters.embedded.postgres import EmbeddedPostgres
from adapters.postgres.migrator import migrate
from benchmarks.gateway import SocketGateway
from benchmarks.journey.progress_bars import CONSOLE, with_bar
from benchmarks.journey.records import GroceryBasket, GroceryLine
from benchmarks.journey.round_trips import PostgresRelay, counting_relay
from benchmarks.journey.target import TargetService, api_alone
from benchmarks.journey.validation_cost import ITEMS, PARTNER, STORE, compare_costs, new_basket

LARGEST = 500


async def show_figures(folder: Path, products: Sequence[int], sold: Sequence[int]) -> None:
    """Uses the catalogue of a run of `play` in this folder. `products` are its offers, `sold` the most sold of them, which
    have prices."""
    table = Table("what", "figure", box=None)
    async with EmbeddedPostgres(folder / "service" / "postgres", database="checkout") as database:
        await migrate(database.url)
        async with counting_relay(database.url) as relay, api_alone(relay.url) as (service, _):
            with CONSOLE.status("counting round trips"):
                table.add_row("round trips of a GET, of a validate", await _trips(service, relay, products))
        async with api_alone(database.url) as (service, process):
            with CONSOLE.status("comparing validations with GETs"):
                await compare_costs(table, service, process, sold, "products that are sold")
                await compare_costs(table, service, process, products, "all products, many without a price")
            with CONSOLE.status("validating the largest basket"):
                table.add_row(
                    f"first validate of {LARGEST} items, alone: best and median",
                    await _largest(service, products),
                )
        for cache in ("20000", "100000"):
            async with api_alone(database.url, CHECKOUT_CATALOGUE_CACHE_SIZE=cache) as (service, process):
                start = process.memory_info().rss
                await _serve_all(service, products)
                sizes = f"{start / 1e6:,.0f} → {process.memory_info().rss / 1e6:,.0f} MB"
                table.add_row(f"memory of the API, all products served, {int(cache):,} cached", sizes)
    CONSOLE.print(table)


async def _trips(service: TargetService, relay: PostgresRelay, products: Sequence[int]) -> str:
    modes: list[int] = []
    async with SocketGateway(service) as gateway:
        id = await gateway.initiate(new_basket(products, ITEMS))
        for call in (gateway.get, gateway.validate):
            trips: list[int] = []
            # The driver prepares each statement once in each connection of the pool: most calls are warm.
            for _ in range(60):
                before = relay.trips
                await call(PARTNER, id)
                trips.append(relay.trips - before)
            modes.append(statistics.mode(trips))
    return f"{modes[0]}, {modes[1]}"


async def _largest(service: TargetService, products: Sequence[int]) -> str:
    first: list[float] = []
    again: list[float] = []
    async with SocketGateway(service) as gateway:
        for _ in range(12):
            id = await gateway.initiate(new_basket(products, LARGEST))
            for milliseconds in (first, again):
                began = perf_counter()
                await gateway.validate(PARTNER, id)
                milliseconds.append((perf_counter() - began) * 1000)
    return "; again ".join(f"{min(each):.0f} ms, {statistics.median(each):.0f} ms" for each in (first, again))


async def _serve_all(service: TargetService, products: Sequence[int]) -> None:
    """Initiates and validates baskets of the largest size that hold every product."""
    shares = [products[first : first + LARGEST] for first in range(0, len(products), LARGEST)]
    async with SocketGateway(service) as gateway:
        for number, share in enumerate(with_bar("serving all products", shares, len(shares))):
            lines = tuple(GroceryLine(product, 1) for product in share)
            basket = GroceryBasket(number, STORE + 1, 0, lines)
            await gateway.validate(basket.partner, await gateway.initiate(basket))
