"""One of the processes that build a generation. It builds a range at a time, and dies with its parent."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import threading
import time
from multiprocessing.synchronize import Event

from adapters.postgres.rebuilding.building import RangeBuilder, RangeTask
from adapters.settings import Settings
from adapters.wiring import Parts
from domain.operating.rebuilding import RebuildComparison, RebuildTarget

PARENT_LOOKED_FOR_EVERY = 0.5
NICENESS = 10
"""Callers are served first."""

_builders: list[tuple[asyncio.Runner, RangeBuilder]] = []


def begin(target: RebuildTarget, staged: bool, stop: Event) -> None:
    """Makes this process ready for ranges. Interrupts are the parent's: it says by `stop` when to end."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with, args=(os.getppid(),), daemon=True).start()
    os.nice(NICENESS)
    # Documents are no circles, and to look for circles among those of a page takes longer than to fold them.
    gc.disable()
    builder = Parts(Settings()).rebuilds.builder(target, stop.is_set, staged=staged)
    _builders[:] = [(asyncio.Runner(), builder)]


def build_range(task: RangeTask) -> RebuildComparison | None:
    """Raises StoreUnavailable."""
    runner, builder = _builders[0]
    return runner.run(builder.build(task))


def _end_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(PARENT_LOOKED_FOR_EVERY)
    os._exit(1)
