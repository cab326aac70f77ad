"""One of the processes that build a generation. It builds a range at a time, and dies with its parent."""

from __future__ import annotations

import asyncio
import gc
import os
from dataclasses import dataclass
from multiprocessing.synchronize import Event

from adapters.pool_process import belong_to_parent
from adapters.postgres.database import Database
from adapters.postgres.rebuilding.building import RangeBuilder, RangeTask
from adapters.postgres.rebuilding.generations import Room
from adapters.postgres.rebuilding.targets import target_of
from domain.operating.rebuilding import RebuildComparison, RebuildTarget

NICENESS = 10
"""Callers are served first."""

_builders: list[tuple[asyncio.Runner, RangeBuilder]] = []


@dataclass(frozen=True, slots=True)
class BuildingProcess:
    """What such a process is begun with; it goes to another process as it is."""

    database_url: str
    timeout: float
    target: RebuildTarget
    room: Room

    @staticmethod
    def build(task: RangeTask) -> RebuildComparison | None:
        """In the process that was begun: builds a range. Raises StoreUnavailable."""
        runner, builder = _builders[0]
        return runner.run(builder.build(task))

    def begin(self, stop: Event) -> None:
        """Makes this process ready for ranges. `stop` says when to end."""
        belong_to_parent()
        os.nice(NICENESS)
        # Documents are no circles, and to look for circles among those of a page takes longer than to fold them.
        gc.disable()
        database = Database(self.database_url, timeout=self.timeout)
        builder = RangeBuilder(database, target_of(self.target, self.room), stop.is_set)
        _builders[:] = [(asyncio.Runner(), builder)]
