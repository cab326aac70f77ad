"""One of the processes that build a generation. It builds a range at a time, and dies with its parent."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import threading
import time
from dataclasses import dataclass
from multiprocessing.synchronize import Event

from adapters.postgres.database import Database
from adapters.postgres.rebuilding.building import RangeBuilder, RangeTask
from adapters.postgres.rebuilding.generations import Room
from adapters.postgres.rebuilding.targets import target_of
from domain.operating.rebuilding import RebuildComparison, RebuildTarget

PARENT_LOOKED_FOR_EVERY = 0.5
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
        """Makes this process ready for ranges. Interrupts are the parent's: it says by `stop` when to end."""
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        threading.Thread(target=_end_with, args=(os.getppid(),), daemon=True).start()
        os.nice(NICENESS)
        # Documents are no circles, and to look for circles among those of a page takes longer than to fold them.
        gc.disable()
        database = Database(self.database_url, timeout=self.timeout)
        builder = RangeBuilder(database, target_of(self.target, self.room), stop.is_set)
        _builders[:] = [(asyncio.Runner(), builder)]


def _end_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(PARENT_LOOKED_FOR_EVERY)
    os._exit(1)
