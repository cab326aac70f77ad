"""What a worker lets others know of itself."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable

from domain.operators.status.model import LagMeasurement, ReportedCondition, WorkerReport
from domain.operators.status.rate_meter import RateMeter

MeasureLag = Callable[[], Awaitable[LagMeasurement | None]]
"""Says how far a worker is; asked every two seconds or so, never in its hot loop."""


class Heartbeat:
    """What a worker lets others know of itself: that it moves, that it works, how far it is, and what went wrong
    last.

    `clock` counts seconds and never goes back.
    """

    def __init__(self, name: str, clock: Callable[[], float] = time.monotonic) -> None:
        self.name = name
        self.is_ready = False
        self.last_error: str | None = None
        """What it failed on, until it is ready again."""
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
        """Says that the worker moves; to be called on each round, also on one without work."""
        self._beaten = self._clock()

    def ready(self, works: bool) -> None:
        """Says whether the worker does its work now; a beat as well."""
        if works:
            self._becomes("working")
            self.last_error = None
        elif self._condition != "failing":
            self._becomes("starting")
        self.is_ready = works
        self.beat()

    def stands_by(self, role: str) -> None:
        """Says that another process does the work, and that this one takes over when it is gone: it is ready
        too."""
        self._becomes("standing-by")
        self.is_ready, self.last_error = True, None
        self._role, self._holds_role = role, False
        self.beat()
        self._position = self._measure = None

    def holds(self, role: str) -> None:
        """Says that the work is this process's now; it is not ready until it says so."""
        self.ready(False)
        self._role, self._holds_role = role, True

    def handled(self, count: int) -> None:
        """Says that so many events (messages, facts, baskets) more are done with."""
        self._handled += count

    def at(self, position: int) -> None:
        """Says how far it is, in positions of the store that it reads."""
        self._position = (position, self._clock())

    def measured_by(self, measure: MeasureLag) -> None:
        """Says whom to ask how far it is, for as long as this run of the worker goes."""
        self._measure = measure

    def ended(self) -> None:
        """Says that a run of the worker is over, and what it measured by is closed."""
        self._measure = None

    def fault(self, error: str) -> None:
        """Says in words what the worker failed on; it is not ready until it says so again."""
        self._becomes("failing")
        self.ready(False)
        self._holds_role = False
        self._restarts += 1
        self.last_error = error
        self._newest_error = (error, self._clock())

    @property
    def silent_seconds(self) -> float:
        """How long ago the last beat was."""
        return self._clock() - self._beaten

    async def report(self) -> WorkerReport:
        """What is to be said of the worker now."""
        figures = await self._measure() if self._measure is not None else None
        now = self._clock()
        if figures is None and self._position is not None:
            position, at = self._position
            figures = LagMeasurement(position, age_seconds=now - at)
        error, error_at = self._newest_error or (None, now)
        return WorkerReport(
            worker=self.name,
            condition=self._condition,
            condition_seconds=now - self._since,
            silent_seconds=now - self._beaten,
            role=self._role,
            holds_role=self._holds_role,
            figures=figures,
            rate=self._rate.at(self._handled),
            handled=self._handled,
            restarts=self._restarts,
            last_error=error,
            last_error_seconds=None if error is None else now - error_at,
            arriving=self._arriving(figures),
        )

    def _arriving(self, figures: LagMeasurement | None) -> float | None:
        """How much came a second: where it is and what waits, taken together, grow by that."""
        if figures is None or figures.position is None or figures.lag_events is None:
            self._arrived = RateMeter(self._clock)
            return None
        rate = self._arrived.at(figures.position + figures.lag_events)
        # With other partitions it counts anew.
        return None if rate is None or rate < 0 else rate

    def _becomes(self, condition: ReportedCondition) -> None:
        if condition != self._condition:
            self._condition, self._since = condition, self._clock()
