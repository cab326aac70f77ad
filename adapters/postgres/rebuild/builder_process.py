"""One of the processes that build a generation. It builds a range at a time, and dies with its parent."""

from __future__ import annotations

import asyncio
import gc
import os
from dataclasses import dataclass
from multiprocessing.synchronize import Event

from adapters.pool_process import end_with_parent
from adapters.postgres.pool import DatabasePool
from adapters.postgres.rebuild.blue_green import Slot
from adapters.postgres.rebuild.range_builder import RangeBuilder, RangeTask
from adapters.postgres.rebuild.targets import tables_of
from domain.operators.rebuild import RebuildComparison, RebuildTarget

NICENESS = 10
"""Callers are served first."""

_builders: list[tuple[asyncio.Runner, RangeBuilder]] = []


@dataclass(frozen=True, slots=True)
class BuilderProcess:
    """What such a process is begun with; it goes to another process as it is."""

    database_url: str
    timeout: float
    target: RebuildTarget
    room: Slot

    @staticmethod
    def build(task: RangeTask) -> RebuildComparison | None:
        """In the process that was begun: builds a range. Raises StoreUnavailable."""
        runner, builder = _builders[0]
        return runner.run(builder.build(task))

    def begin(self, stop: Event) -> None:
        """Makes this process ready for ranges. `stop` says when to end."""
        end_with_parent()
        os.nice(NICENESS)
        # Documents are no circles, and to look for circles among those of a page takes longer than to fold them.
        gc.disable()
        database = DatabasePool(self.database_url, timeout=self.timeout)
        builder = RangeBuilder(database, tables_of(self.target, self.room), stop.is_set)
        _builders[:] = [(asyncio.Runner(), builder)]
