"""How the service was of late, for charts: one look every two seconds for all pages that are open."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from domain.operators.dead_letters.service import DeadLetterService
from domain.operators.status.model import ServiceStatus
from domain.operators.status.rate_meter import WINDOW_SECONDS
from domain.operators.status.service_status import StatusService
from domain.shared.errors import CheckoutError

SAMPLE_SECONDS = 2.0
MAX_SAMPLES = 450
"""Looks that are kept: a quarter of an hour."""
STORE = "publisher"
"""Whose end is the event store's."""


@dataclass(frozen=True, slots=True)
class StatusSample:
    """At one moment: what waits for each worker, in seconds and events, how fast each goes in events a second,
    and the store's last position."""

    at: datetime
    lag_seconds: Mapping[str, float]
    lag_events: Mapping[str, int]
    rates: Mapping[str, float]
    end: int | None


class StatusHistory:
    """What was seen. `status` is the newest, None before the first; `trouble` says in words why there is no
    newer one."""

    def __init__(self, statuses: StatusService, letters: DeadLetterService) -> None:
        self._statuses = statuses
        self._letters = letters
        self.looks: deque[StatusSample] = deque(maxlen=MAX_SAMPLES)
        self.status: ServiceStatus | None = None
        self.trouble: str | None = None
        self.dead_letters = 0

    async def keep_looking(self) -> None:
        """Until it is cancelled."""
        while True:
            await self.look()
            await asyncio.sleep(SAMPLE_SECONDS)

    async def look(self) -> None:
        try:
            status = await self._statuses.now()
            self.dead_letters = sum(each.count for each in await self._letters.counts())
        except CheckoutError as error:
            self.trouble = str(error)
            return
        self.status, self.trouble = status, None
        self.looks.append(_look(status))

    def stored_rates(self) -> list[tuple[datetime, float]]:
        """Events stored a second, at each look over the OVER_SECONDS before it, as the workers' own rates are."""
        known = [(look.at, look.end) for look in self.looks if look.end is not None]
        rates: list[tuple[datetime, float]] = []
        first = 0
        for at, end in known[1:]:
            # One that is older stays, so that there is always something to compare with.
            while known[first + 1][0] <= at - timedelta(seconds=WINDOW_SECONDS):
                first += 1
            since, before = known[first]
            if (seconds := (at - since).total_seconds()) > 0:
                rates.append((at, max(0, end - before) / seconds))
        return rates


def _look(status: ServiceStatus) -> StatusSample:
    lags = status.lags
    return StatusSample(
        at=status.at,
        lag_seconds={lag.worker: lag.seconds for lag in lags if lag.seconds is not None},
        lag_events={lag.worker: lag.events for lag in lags if lag.events is not None},
        rates={lag.worker: lag.rate for lag in lags},
        end=next((lag.end for lag in lags if lag.worker == STORE), None),
    )
