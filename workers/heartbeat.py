"""What a worker reports about itself."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable

from domain.operators.status.model import LagMeasurement, ReportedCondition, WorkerReport
from domain.operators.status.rate_meter import RateMeter

MeasureLag = Callable[[], Awaitable[LagMeasurement | None]]
"""Measures a worker's lag. It is called about every two seconds, never in the worker's hot loop."""


class Heartbeat:
    """Collects what a worker reports: that it moves and works, how far it is, and its last error.

    `clock` is monotonic, in seconds.
    """

    def __init__(self, name: str, clock: Callable[[], float] = time.monotonic) -> None:
        self.name = name
        self.is_ready = False
        self.last_error: str | None = None
        """What the worker failed on, until it is ready again."""
        self._clock = clock
        self._beaten = self._since = clock()
        self._condition: ReportedCondition = "starting"
        self._role: str | None = None
        self._holds_role = False
        self._handled = 0
        self._rate = RateMeter(clock)
        self._arrived = RateMeter(clock)
        self._restarts = 0
        self._newest_error: tuple[str, float] | None = None
        self._position: tuple[int, float] | None = None
        self._measure: MeasureLag | None = None

    def beat(self) -> None:
        """The worker moves. Called on each round, even on one without work."""
        self._beaten = self._clock()

    def ready(self, works: bool) -> None:
        """Whether the worker does its work now; a beat as well."""
        if works:
            self._enter("working")
            self.last_error = None
        elif self._condition != "failing":
            self._enter("starting")
        self.is_ready = works
        self.beat()

    def stands_by(self, role: str) -> None:
        """Another process has the role, and this one will take over. The worker counts as ready."""
        self._enter("standing-by")
        self.is_ready, self.last_error = True, None
        self._role, self._holds_role = role, False
        self.beat()
        self._position = self._measure = None

    def holds(self, role: str) -> None:
        """This process has the role now. The worker is not ready until it says so."""
        self.ready(False)
        self._role, self._holds_role = role, True

    def handled(self, count: int) -> None:
        """So many more events (messages, facts, baskets) are done."""
        self._handled += count

    def at(self, position: int) -> None:
        """The worker's position in the store that it reads."""
        self._position = (position, self._clock())

    def measured_by(self, measure: MeasureLag) -> None:
        """How to measure the lag during this run of the worker."""
        self._measure = measure

    def ended(self) -> None:
        """This run of the worker is over."""
        self._measure = None

    def fault(self, error: str) -> None:
        """The worker failed. It is not ready until it says so again."""
        self._enter("failing")
        self.ready(False)
        self._holds_role = False
        self._restarts += 1
        self.last_error = error
        self._newest_error = (error, self._clock())

    @property
    def silent_seconds(self) -> float:
        """Seconds since the last beat."""
        return self._clock() - self._beaten

    async def report(self) -> WorkerReport:
        """The report on the worker as of now."""
        lag = await self._measure() if self._measure is not None else None
        now = self._clock()
        if lag is None and self._position is not None:
            position, at = self._position
            lag = LagMeasurement(position, age_seconds=now - at)
        error, error_at = self._newest_error or (None, now)
        return WorkerReport(
            worker=self.name,
            condition=self._condition,
            condition_seconds=now - self._since,
            silent_seconds=now - self._beaten,
            role=self._role,
            holds_role=self._holds_role,
            lag=lag,
            rate=self._rate.at(self._handled),
            handled=self._handled,
            restarts=self._restarts,
            last_error=error,
            last_error_seconds=None if error is None else now - error_at,
            arriving=self._arriving(lag),
        )

    def _arriving(self, lag: LagMeasurement | None) -> float | None:
        """Events a second that arrive: by so much position and waiting events grow together."""
        if lag is None or lag.position is None or lag.lag_events is None:
            self._arrived = RateMeter(self._clock)
            return None
        rate = self._arrived.at(lag.position + lag.lag_events)
        # The sum falls when the worker gets other partitions.
        return None if rate is None or rate < 0 else rate

    def _enter(self, condition: ReportedCondition) -> None:
        if condition != self._condition:
            self._condition, self._since = condition, self._clock()
