"""Callers at a steady rate, whatever becomes of their calls."""

from __future__ import annotations

import asyncio
import statistics
import time
from dataclasses import dataclass, field
from typing import Any

from benchmarks.gateway import SocketGateway
from benchmarks.journey.records import GroceryBasket, GroceryLine

BASKETS = 200
PARTNERS = 10
MAX_WAITING = 200


@dataclass(slots=True)
class Call:
    """When it was due, the seconds from then to its end, and why it failed."""

    at: float
    took: float
    failed: str | None = None


@dataclass
class Callers:
    """Makes `rate` calls a second on baskets of their own: half are reads, the others updates and validations.

    A call's time counts from the moment at which it was due, so that waiting for earlier calls counts too.
    """

    gateway: SocketGateway
    rate: float
    calls: list[Call] = field(default_factory=list)

    async def begin(self) -> None:
        """Initiates the baskets."""
        self._baskets: list[tuple[str, str]] = []
        for number in range(BASKETS):
            basket = GroceryBasket(
                10**9 + number,
                number % PARTNERS,
                1,
                tuple(GroceryLine(product, 1) for product in range(1, 9)),
            )
            self._baskets.append((basket.partner, await self.gateway.initiate(basket)))

    async def keep_calling(self, stop: asyncio.Event) -> None:
        began, number = time.monotonic(), 0
        running: set[asyncio.Task[None]] = set()
        while not stop.is_set():
            due = began + number / self.rate
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            task = asyncio.create_task(self._call(number, due))
            running.add(task)
            task.add_done_callback(running.discard)
            number += 1
            if len(running) > MAX_WAITING:
                await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
        await asyncio.gather(*running)

    async def _call(self, number: int, due: float) -> None:
        partner, id = self._baskets[number % len(self._baskets)]
        failed = None
        try:
            match number % 4:
                case 0 | 2:
                    await self.gateway.get(partner, id)
                case 1:
                    await self.gateway.validate(partner, id)
                case _:
                    await self.gateway.add(partner, id, 1 + number % 8)
        except Exception as error:  # noqa: BLE001  (whatever it is, the call failed)
            failed = f"{type(error).__name__}: {error}"
        self.calls.append(Call(due, time.monotonic() - due, failed))

    def summary(self, since: float, until: float) -> dict[str, Any]:
        """The calls that were due in a time; times in milliseconds."""
        calls = [call for call in self.calls if since <= call.at < until]
        took = sorted(call.took * 1000 for call in calls)
        cuts = statistics.quantiles(took, n=1000) if len(took) > 1 else [0.0] * 999
        return {
            "calls": len(calls),
            "failed": sum(call.failed is not None for call in calls),
            "failures": sorted({call.failed for call in calls if call.failed})[:3],
            "p50": round(cuts[499], 1),
            "p99": round(cuts[989], 1),
            "most": round(took[-1], 1) if took else 0.0,
            "a_second": round(len(calls) / (until - since), 1),
        }
