"""A process that builds ranges, one at a time. It dies with its parent."""

from __future__ import annotations

import asyncio
import gc
import os
from dataclasses import dataclass
from multiprocessing.synchronize import Event

from adapters.pool_process import end_with_parent
from adapters.postgres.pool import DatabasePool
from adapters.postgres.rebuild.blue_green import Slot
from adapters.postgres.rebuild.catalogue_target import CatalogueTarget
from adapters.postgres.rebuild.range_builder import RangeBuilder, RangeTask
from adapters.postgres.rebuild.target_tables import TargetTables
from adapters.postgres.rebuild.view_target import BasketViewsTarget
from domain.operators.rebuild import RebuildComparison, RebuildTarget

NICENESS = 10
"""Callers are served first."""

_builders: list[tuple[asyncio.Runner, RangeBuilder]] = []


def target_tables(name: RebuildTarget, slot: Slot) -> TargetTables:
    """The tables of a target in a slot."""
    return BasketViewsTarget(slot) if name == "basket-views" else CatalogueTarget()


@dataclass(frozen=True, slots=True)
class BuilderProcess:
    """What such a process needs; it is pickled."""

    database_url: str
    timeout: float
    target: RebuildTarget
    slot: Slot

    @staticmethod
    def build(task: RangeTask) -> RebuildComparison | None:
        """Runs in the process: builds a range. Raises StoreUnavailable."""
        runner, builder = _builders[0]
        return runner.run(builder.build(task))

    def begin(self, stop: Event) -> None:
        """Runs in the process first. `stop` ends its building."""
        end_with_parent()
        os.nice(NICENESS)
        # Documents hold no cycles, and looking for cycles in a page's documents takes longer than folding them.
        gc.disable()
        database = DatabasePool(self.database_url, timeout=self.timeout)
        builder = RangeBuilder(database, target_tables(self.target, self.slot), stop.is_set)
        _builders[:] = [(asyncio.Runner(), builder)]
