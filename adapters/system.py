"""What a process takes from its surroundings: the time, new ids, and the release that it is."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import gc
import sys
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from time import monotonic
from typing import Never

from uuid_utils import uuid7

FREEZE_SECONDS = 0.25
"""Between two freezes. A busy API keeps ten thousand new objects in this time."""

SEARCH_SECONDS = 900.0
"""Between two searches of all objects, at most."""

SEARCH_GROWTH = 1.25
"""All objects are searched once there are so many times as many as after the last search."""

_freezing: asyncio.Task[Never] | None = None


def utc_now() -> datetime:
    return datetime.now(UTC)


def new_id() -> str:
    """A UUID of version 7."""
    return str(uuid7())


KEPT_BYTES = 64 * 1024 * 1024
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # of malloc.h


def relax_garbage_collection() -> None:
    """For processes that serve or work for a long time, once they are ready, from their event loop.

    No request and no message leaves a circle of objects, and what stays after it stays long, in a cache. Python would
    search the caches for circles again and again, for up to a fifth of a second, in which nobody gets a response. So
    what there is by now is left alone from time to time. A whole search follows rarely, or once much was added: pages of
    the console do leave circles.
    """
    global _freezing  # noqa: PLW0603  (the collector is one for the whole process, too)
    gc.set_threshold(50_000, 20, 100)
    if _freezing is None or _freezing.get_loop() is not asyncio.get_running_loop():
        _freezing = asyncio.create_task(freeze_from_time_to_time(), name="freezing")


async def freeze_from_time_to_time(
    every: float = FREEZE_SECONDS, search_every: float = SEARCH_SECONDS, growth: float = SEARCH_GROWTH
) -> Never:
    """Takes all objects out of the search for circles every so many seconds. Searches all of them after `search_every`
    seconds, or once there are `growth` times as many as after the last search."""
    searched_at, most = monotonic(), growth * sys.getallocatedblocks()
    while True:
        if monotonic() - searched_at >= search_every or sys.getallocatedblocks() > most:
            gc.unfreeze()
            gc.collect()
            searched_at, most = monotonic(), growth * sys.getallocatedblocks()
        gc.freeze()  # takes a microsecond, however many objects there are
        await asyncio.sleep(every)


def keep_freed_memory() -> None:
    """For processes that send large requests. glibc gives the memory of their buffers back to the kernel and takes it
    again page by page, which is a sixth of what sending to Kafka costs. Up to KEPT_BYTES stay. Elsewhere it does nothing.
    """
    with contextlib.suppress(OSError, TypeError, AttributeError):
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(_M_MMAP_THRESHOLD, KEPT_BYTES // 2)
        mallopt(_M_TRIM_THRESHOLD, KEPT_BYTES)


def release() -> str:
    """The version of this release; 0 where the package is not installed."""
    try:
        return version("partner-checkout")
    except PackageNotFoundError:
        return "0"
