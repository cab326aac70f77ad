"""Builds ranges in a process of its own."""

from __future__ import annotations

import asyncio
import gc
import os
from collections.abc import Callable
from dataclasses import dataclass

from adapters.postgres.pool import DatabasePool
from adapters.postgres.rebuild.blue_green import Slot
from adapters.postgres.rebuild.catalogue_target import CatalogueTarget
from adapters.postgres.rebuild.range_builder import RangeBuilder, RangeTask
from adapters.postgres.rebuild.target_tables import TargetTables
from adapters.postgres.rebuild.view_target import BasketViewsTarget
from domain.operators.rebuild import RebuildComparison, RebuildTarget

NICENESS = 10
"""Callers are served first."""


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

    def __call__(self, stopped: Callable[[], bool]) -> Callable[[RangeTask], RebuildComparison | None]:
        """Called in the process: returns what builds a range there. That raises StoreUnavailable."""
        os.nice(NICENESS)
        # Documents hold no cycles, and looking for cycles in a page's documents takes longer than folding them.
        gc.disable()
        database = DatabasePool(self.database_url, timeout=self.timeout)
        builder = RangeBuilder(database, target_tables(self.target, self.slot), stopped)
        runner = asyncio.Runner()
        return lambda task: runner.run(builder.build(task))
