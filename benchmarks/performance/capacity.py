"""What a load takes, by measured costs and named assumptions. Everything is carried linearly except the lock of appends.

docs/scaling.md shows the results; `scaling_page` makes it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from benchmarks.performance.scaling_inputs import Assumptions, MeasuredCosts

DAY = 86_400
MB = 1e6
GB = 1e9


@dataclass(frozen=True, slots=True)
class PlannedLoad:
    """A rate of updates a second at the peak, and what it takes in all. Processors are busy ones unless said otherwise."""

    updates: float
    costs: MeasuredCosts
    assumed: Assumptions

    @property
    def checkouts(self) -> float:
        """A second."""
        return self.updates / self.assumed.updates

    @property
    def events(self) -> float:
        """A second."""
        return self.checkouts * self.costs.events

    @property
    def appends(self) -> float:
        """A second: an initiate, the updates, a validation and an order."""
        return self.checkouts * (self.assumed.updates + 3)

    def processors(self, us: float) -> float:
        """That are busy with so many µs of each checkout."""
        return self.checkouts * us / 1e6

    def processes(self, us: float) -> int:
        """That keep below the planned share of a processor each."""
        return max(1, math.ceil(round(self.processors(us) / self.assumed.used, 6)))

    @property
    def api_processes(self) -> int:
        return self.processes(self.costs.api_us)

    @property
    def wait_ms(self) -> float:
        """How long an append waits for the lock if one database takes the whole load; infinite if the lock is never
        free. In a turn, each writer's batch takes a flush, and each append its time. An append waits for half a turn,
        which is what its process's last batch has left, and for a whole one. API processes write, and the command
        worker."""
        flush = self.assumed.flush_ms + self.assumed.standby_ms
        free = 1 - self.appends * self.costs.append_us / 1e6
        return 1.5 * (self.api_processes + 1) * flush / free if free > 0 else math.inf

    @property
    def cells(self) -> int:
        """The databases, each with a publisher, a command worker and topics of its own, that the load is split over.
        Where flushes alone take longer than an append may wait, more than one API process's worth of cells does not help."""
        count = max(self.processes(self.costs.publisher_us), self.processes(self.costs.command_us))
        cell = self.of_a_cell(count)
        while cell.wait_ms > self.assumed.wait_ms and cell.api_processes > 1:
            count += 1
            cell = self.of_a_cell(count)
        return count

    def of_a_cell(self, cells: int) -> PlannedLoad:
        return PlannedLoad(self.updates / cells, self.costs, self.assumed)

    @property
    def postgresql_processors(self) -> float:
        return self.processors(self.costs.calls_postgresql_us + self.costs.workers_postgresql_us)

    @property
    def wal_mb(self) -> float:
        """A second."""
        return self.checkouts * self.costs.wal_bytes * self.assumed.page_images / MB

    @property
    def flushes(self) -> float:
        """Of the log, a second: at most one at a time, and at most one for each append."""
        return min(1000 / (self.assumed.flush_ms + self.assumed.standby_ms), self.appends)

    @property
    def page_writes(self) -> float:
        """A second."""
        return self.appends * self.assumed.pages

    @property
    def topic_mb(self) -> float:
        """What the publisher sends in a second, one replica."""
        return self.checkouts * self.costs.topic_bytes / MB

    @property
    def hot_gigabytes(self) -> float:
        return self.checkouts * self.assumed.hot_minutes * 60 * self.costs.live_bytes / GB

    @property
    def brokers(self) -> int:
        return max(self.assumed.replicas, math.ceil(self.topic_mb * self.assumed.replicas / self.assumed.broker_mb))

    @property
    def partitions(self) -> int:
        """Of a topic: enough for its bytes and for the projectors."""
        largest = self.checkouts * max(self.costs.event_bytes, self.costs.state_bytes * (self.assumed.updates + 3)) / MB
        return max(math.ceil(largest / self.assumed.partition_mb), self.processes(self.costs.projector_us))

    @property
    def checkouts_a_day(self) -> float:
        """By the mean rate."""
        return self.checkouts / self.assumed.peak * DAY


@dataclass(frozen=True, slots=True)
class StoredGigabytes:
    """After a year, one copy of each."""

    postgresql: float
    postgresql_unarchived: float
    archive: float
    event_topic: float
    state_topic: float
    verdict_topic: float


def stored(load: PlannedLoad) -> StoredGigabytes:
    costs, day, year = load.costs, load.checkouts_a_day / GB, load.checkouts_a_day * 365 / GB
    return StoredGigabytes(
        postgresql=day * (costs.live_bytes * load.assumed.archive_days + costs.answer_bytes) + year * costs.kept_bytes,
        postgresql_unarchived=day * costs.answer_bytes + year * (costs.live_bytes + costs.kept_bytes),
        archive=year * costs.archived_bytes,
        event_topic=year * costs.event_bytes,
        # A state stays until its tombstone; of the last day, all states may still be there.
        state_topic=day * costs.state_bytes * (load.assumed.archive_days + load.assumed.updates + 2),
        verdict_topic=day * costs.verdict_bytes * 30,
    )


def capacity(costs: MeasuredCosts, assumed: Assumptions, us: float) -> float:
    """The updates a second that one process bears which spends so many µs on each checkout."""
    return assumed.used / us * 1e6 * assumed.updates


def lock_capacity(costs: MeasuredCosts, assumed: Assumptions) -> int:
    """The updates a second, in hundreds, up to which appends of one database wait no longer than they may."""
    rates = range(100, 1_000_000, 100)
    return max((rate for rate in rates if PlannedLoad(rate, costs, assumed).wait_ms <= assumed.wait_ms), default=0)
