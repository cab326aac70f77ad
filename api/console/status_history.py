"""The service's status over the last minutes, for charts. All open pages share it."""

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
"""A quarter of an hour."""
STORE = "publisher"
"""The worker whose end is the last position of the event store."""


@dataclass(frozen=True, slots=True)
class StatusSample:
    """The lag in seconds and the rate in events a second of each worker; `end` is the store's last position."""

    at: datetime
    lag_seconds: Mapping[str, float]
    rates: Mapping[str, float]
    end: int | None


class StatusHistory:
    """`status` is the newest, None before the first. `error` says why no newer one could be read."""

    def __init__(self, status_service: StatusService, dead_letters: DeadLetterService) -> None:
        self._status_service = status_service
        self._dead_letters = dead_letters
        self.samples: deque[StatusSample] = deque(maxlen=MAX_SAMPLES)
        self.status: ServiceStatus | None = None
        self.error: str | None = None
        self.dead_letters = 0

    async def keep_sampling(self) -> None:
        """Takes a sample every two seconds, until it is cancelled."""
        while True:
            await self.sample()
            await asyncio.sleep(SAMPLE_SECONDS)

    async def sample(self) -> None:
        try:
            status = await self._status_service.now()
            self.dead_letters = sum(each.count for each in await self._dead_letters.counts())
        except CheckoutError as error:
            self.error = str(error)
            return
        self.status, self.error = status, None
        self.samples.append(
            StatusSample(
                at=status.at,
                lag_seconds={lag.worker: lag.seconds for lag in status.lags if lag.seconds is not None},
                rates={lag.worker: lag.rate for lag in status.lags},
                end=next((lag.end for lag in status.lags if lag.worker == STORE), None),
            )
        )

    def stored_rates(self) -> list[tuple[datetime, float]]:
        """Events stored a second at each sample, over the WINDOW_SECONDS before it, as workers count their rates."""
        known = [(sample.at, sample.end) for sample in self.samples if sample.end is not None]
        rates: list[tuple[datetime, float]] = []
        first = 0
        for at, end in known[1:]:
            # One older sample stays, so that there is always one to compare with.
            while known[first + 1][0] <= at - timedelta(seconds=WINDOW_SECONDS):
                first += 1
            since, before = known[first]
            if (seconds := (at - since).total_seconds()) > 0:
                rates.append((at, max(0, end - before) / seconds))
        return rates
