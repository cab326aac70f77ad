"""Compares the cost of a validation with that of a GET of the same basket, in alternation, with 16 callers: for baskets
that are validated for the first time, and again."""

from __future__ import annotations

import asyncio
import itertools
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from time import perf_counter

import psutil
from rich.table import Table

from benchmarks.gateway import SocketGateway, run_concurrently
from benchmarks.journey.machine_load import OtherLoad
from benchmarks.journey.records import GroceryBasket, GroceryLine, partner_of
from benchmarks.journey.target import TargetService

CALLERS = 16
ITEMS = 10
BASKETS = 480
"""In each round; each turn calls each of its baskets once."""
ROUNDS = 5
STORE = 1
PARTNER = partner_of(STORE)

_numbers = itertools.count(time.time_ns())
"""No two runs share a basket, because a validated basket costs less."""


@dataclass(frozen=True, slots=True)
class CallCost:
    """Seconds of one call: wall clock, and processor time of the API."""

    clock: float
    processor: float

    def __str__(self) -> str:
        return f"{self.clock * 1e6:,.0f} µs, {self.processor * 1e6:,.0f} of the API's processor"


async def compare_costs(
    table: Table, service: TargetService, process: psutil.Process, products: Sequence[int], what: str
) -> None:
    """Adds rows about baskets of these products; `what` describes them."""
    costs: dict[str, list[CallCost]] = {"GET": [], "first": [], "again": []}
    others = OtherLoad()
    async with SocketGateway(service) as gateway:
        for number in range(ROUNDS + 1):
            baskets = [new_basket(products, ITEMS) for _ in range(BASKETS)]
            ids: list[str] = []

            async def initiate(basket: GroceryBasket, ids: list[str] = ids) -> None:
                ids.append(await gateway.initiate(basket))

            await run_concurrently(CALLERS, baskets, initiate, asyncio.Event())
            for turn in ("GET", "first", "GET", "again"):
                cost = await _turn(gateway, ids, process, validate=turn != "GET")
                if number > 0:  # the first round only warms up
                    costs[turn].append(cost)
    get = _median(costs["GET"])
    table.add_row(f"{what}: GET of {ITEMS} items", str(get))
    for turn, words in (("first", "validated for the first time"), ("again", "validated again")):
        cost = _median(costs[turn])
        ratio = f"{cost.clock / get.clock:.2f} and {cost.processor / get.processor:.2f} GETs"
        table.add_row(f"{what}: {words}", f"{cost}: {ratio}")
    table.add_row("other processes, of all processors", f"{others.share:.0%}")


def new_basket(products: Sequence[int], size: int) -> GroceryBasket:
    """A new basket, mostly of other products than the previous one."""
    number = next(_numbers)
    first = number * size % max(1, len(products) - size)
    lines = tuple(GroceryLine(product, 1) for product in products[first : first + size])
    return GroceryBasket(number, STORE, 0, lines)


async def _turn(gateway: SocketGateway, ids: Sequence[str], process: psutil.Process, *, validate: bool) -> CallCost:
    call = gateway.validate if validate else gateway.get
    began, worked = perf_counter(), _processor(process)
    await run_concurrently(CALLERS, ids, partial(call, PARTNER), asyncio.Event())
    clock, processor = perf_counter() - began, _processor(process) - worked
    return CallCost(clock / len(ids), processor / len(ids))


def _processor(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def _median(costs: Sequence[CallCost]) -> CallCost:
    return CallCost(statistics.median(cost.clock for cost in costs), statistics.mean(cost.processor for cost in costs))
