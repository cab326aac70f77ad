"""Calls on baskets that are spread over a store: first as after a restart of the API, then on baskets that it knows."""

from __future__ import annotations

import itertools
import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import NamedTuple

import asyncpg

from benchmarks.findings_cost import DirectCaller
from benchmarks.performance.call_costs import CALLERS, LINES, Call, open_api, run_turn
from benchmarks.processor_clock import ProcessorClock

CALLS = 15 * CALLERS
"""In a turn, each on a basket of its own."""
SLICES = 4
PROBES = SLICES * CALLS + CALLERS

# Some baskets ($3) of histories from $1 to $2 events, in equal distances over the store.
SPREAD_BASKETS = """
SELECT basket_id
  FROM (SELECT basket_id, row_number() OVER (ORDER BY basket_id) AS number, count(*) OVER () AS count
          FROM basket_views WHERE version BETWEEN $1 AND $2) AS numbered
 WHERE (number - 1) * $3 / count <> number * $3 / count
 ORDER BY basket_id
"""


@dataclass(frozen=True, slots=True)
class Population:
    """The baskets of a store that are measured: those with so many events."""

    url: str
    least_events: int
    most_events: int


class GrowthCost(NamedTuple):
    """What a call took, in microseconds: of the API's and of PostgreSQL's processor time, and by wall clock."""

    api: float
    postgresql: float
    wall: float

    @property
    def processor(self) -> float:
        return self.api + self.postgresql


class GrowthCalls:
    """Makes the calls. All baskets are copies of one, so that they have the same lines."""

    def __init__(self, api: DirectCaller) -> None:
        self._api = api

    async def initiate(self, external_id: str) -> str:
        """The id of a new basket."""
        items = [{"offer": {"id": f"0-{number}", "version": "v-1"}, "quantity": 2} for number in range(LINES)]
        order = {"orderItems": items, "country": "GB", "currency": "GBP", "external_id": external_id}
        body = json.dumps({"order": order}).encode()
        return str(json.loads(await self._api.call("POST", "/partner/checkout/initiate", b"", body))["id"])

    async def line(self, id: str) -> str:
        """The id of the basket's last line."""
        return str(json.loads(await self.get(id))["order"]["orderItems"][-1]["id"])

    async def get(self, id: str) -> bytes:
        return await self._api.call("GET", f"/partner/checkout/{id}", b"")

    async def validate(self, id: str) -> bytes:
        return await self._api.call("POST", f"/partner/checkout/validate/{id}", b"")

    async def update(self, id: str, line: str, quantity: int) -> bytes:
        action = {"orderItemActionType": "change_quantity", "id": line, "quantity": quantity}
        body = json.dumps({"orderItemActions": [action]}).encode()
        return await self._api.call("PUT", "/partner/checkout/update", b"", body, id)


async def measure_round(
    population: Population, number: int, clock: ProcessorClock, folder: Path
) -> dict[str, GrowthCost]:
    """What each kind of call costs in a newly started API. Each validation follows a change of its basket."""
    connection = await asyncpg.connect(population.url)
    rows = await connection.fetch(SPREAD_BASKETS, population.least_events, population.most_events, PROBES)
    await connection.close()
    slices = [[row[0] for row in rows[nth::SLICES]][:CALLS] for nth in range(SLICES)]
    changed, validated, read = (slices[(number + shift) % SLICES] for shift in (0, SLICES - 1, 1))
    async with open_api(population.url, folder) as api:
        calls = GrowthCalls(api)
        others = [row[0] for row in rows[SLICES * CALLS :]]
        line = await calls.line(others[0])
        quantities = itertools.count(10 + 4 * number)

        def updates(ids: Sequence[str]) -> list[Call]:
            quantity = next(quantities)  # no basket has it
            return [partial(calls.update, id, line, quantity) for id in ids]

        def each(call: Callable[[str], Awaitable[object]], ids: Sequence[str]) -> list[Call]:
            return [partial(call, id) for id in ids]

        for made in (updates(others), each(calls.validate, others), each(calls.get, others)):
            await run_turn(made, None)  # opens connections
        turns = {
            "update, cold": updates(changed),
            "validate, cold": each(calls.validate, validated),
            "get, cold": each(calls.get, read),
            "validate, warm": each(calls.validate, changed),
            "get, warm": each(calls.get, changed),
            "update, warm": updates(changed),
        }
        return {name: await _cost(made, clock) for name, made in turns.items()}


async def _cost(calls: list[Call], clock: ProcessorClock) -> GrowthCost:
    clock.lap()
    began = perf_counter()
    api = await run_turn(calls, None)
    return GrowthCost(api * 1e6, clock.lap() / len(calls) * 1e6, (perf_counter() - began) / len(calls) * 1e6)
