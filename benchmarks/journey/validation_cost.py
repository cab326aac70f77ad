"""What a validation costs against a GET of the same basket: by turns, at 16 callers; of baskets that nobody
validated before, and of the same ones again."""

from __future__ import annotations

import asyncio
import itertools
import statistics
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from time import perf_counter

import psutil
from rich.table import Table

from benchmarks.journey.gateways import initiate_body
from benchmarks.journey.http_caller import HttpCaller
from benchmarks.journey.machine_load import OtherLoad
from benchmarks.journey.records import GroceryBasket, GroceryLine
from benchmarks.journey.target import TargetService

CALLERS = 16
ITEMS = 10
BASKETS = 480
"""For each round; each of its baskets is called once in each turn."""
ROUNDS = 5
STORE = 1

_numbers = itertools.count(time.time_ns())
"""No run's baskets are those of another, which would be validated already."""


@dataclass(frozen=True, slots=True)
class CallCost:
    """Of one call, in seconds: of the clock, and of the API's processor."""

    clock: float
    processor: float


async def compare(
    table: Table, service: TargetService, process: psutil.Process, products: Sequence[int], what: str
) -> None:
    """Adds rows about baskets of these products; `what` says which they are."""
    token = service.token(f"store-{STORE}")
    costs: dict[str, list[CallCost]] = {"GET": [], "first": [], "again": []}
    others = OtherLoad()
    async with AsyncExitStack() as stack:
        callers = [await stack.enter_async_context(HttpCaller(service.url)) for _ in range(CALLERS)]
        for number in range(ROUNDS + 1):
            # By all of them, for the service ends connections that nobody uses.
            share = range(BASKETS // CALLERS)
            each = (made(caller, token, [basket(products, ITEMS) for _ in share]) for caller in callers)
            ids = [id for some in await asyncio.gather(*each) for id in some]
            for turn in ("GET", "first", "GET", "again"):
                method, path = ("GET", "") if turn == "GET" else ("POST", "validate/")
                calls = [(method, f"/partner/checkout/{path}{id}") for id in ids]
                cost = await _turn(callers, calls, token, process)
                if number > 0:  # the first round only warms
                    costs[turn].append(cost)
    get = _median(costs["GET"])
    table.add_row(f"{what}: GET of {ITEMS} items", _shown(get))
    for turn, words in (("first", "validated for the first time"), ("again", "validated again")):
        cost = _median(costs[turn])
        ratio = f"{cost.clock / get.clock:.2f} and {cost.processor / get.processor:.2f} GETs"
        table.add_row(f"{what}: {words}", f"{_shown(cost)}: {ratio}")
    table.add_row("other processes meanwhile, of all processors", f"{others.share:.0%}")


def basket(products: Sequence[int], size: int) -> GroceryBasket:
    """A basket that was never there, mostly of other products than the one before."""
    number = next(_numbers)
    first = number * size % max(1, len(products) - size)
    return GroceryBasket(
        number, STORE, 0, tuple(GroceryLine(product, 1) for product in products[first : first + size])
    )


async def made(caller: HttpCaller, token: str, baskets: Sequence[GroceryBasket]) -> list[str]:
    path = "/partner/checkout/initiate"
    return [(await caller.call("POST", path, token, initiate_body(basket)))[1]["id"] for basket in baskets]


async def _turn(
    callers: Sequence[HttpCaller], calls: Sequence[tuple[str, str]], token: str, process: psutil.Process
) -> CallCost:
    left = iter(calls)
    began, worked = perf_counter(), _processor(process)

    async def keep_calling(caller: HttpCaller) -> None:
        for method, path in left:
            await caller.call(method, path, token)

    await asyncio.gather(*map(keep_calling, callers))
    clock, processor = perf_counter() - began, _processor(process) - worked
    return CallCost(clock / len(calls), processor / len(calls))


def _processor(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def _median(costs: Sequence[CallCost]) -> CallCost:
    return CallCost(
        statistics.median(cost.clock for cost in costs), statistics.mean(cost.processor for cost in costs)
    )


def _shown(cost: CallCost) -> str:
    return f"{cost.clock * 1e6:,.0f} µs, {cost.processor * 1e6:,.0f} of the API's processor"
