"""Tests of what processes take from their surroundings."""

from __future__ import annotations

import asyncio
import gc
import platform
import subprocess
import sys
import weakref
from collections.abc import Iterator

import pytest

from adapters.system import freeze_from_time_to_time
from tests.servers.waiting import eventually


class _Node:
    def __init__(self) -> None:
        self.itself = self


@pytest.fixture(autouse=True)
def _collected_by_hand() -> Iterator[None]:
    gc.disable()
    yield
    gc.unfreeze()
    gc.enable()


async def test_a_circle_that_was_left_alone_goes_in_the_next_whole_search() -> None:
    circle = weakref.ref(_Node())
    gc.freeze()
    gc.collect()
    assert circle() is not None

    task = asyncio.create_task(freeze_from_time_to_time(every=0.01, search_every=0.02))
    try:
        await eventually(lambda: circle() is None)
    finally:
        task.cancel()


async def test_a_whole_search_comes_early_once_much_was_added() -> None:
    circle = weakref.ref(_Node())
    more: list[list[int]] = []
    task = asyncio.create_task(freeze_from_time_to_time(every=0.01, search_every=3600, growth=1.05))

    def gone() -> bool:
        more.extend([] for _ in range(10_000))
        return circle() is None

    try:
        await eventually(lambda: not any(each is circle for each in gc.get_objects()))
        assert circle() is not None
        await eventually(gone)
    finally:
        task.cancel()


async def test_what_there_is_by_now_is_not_searched_again() -> None:
    circle = _Node()
    task = asyncio.create_task(freeze_from_time_to_time(every=0.01, search_every=3600))
    try:
        await eventually(lambda: not any(each is circle for each in gc.get_objects()))
    finally:
        task.cancel()


_USES_40_MB_AGAIN_AND_AGAIN = """
import resource
from adapters.system import keep_freed_memory

def use():
    [bytearray(8 << 20) for _ in range(5)]

keep_freed_memory()
use()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(5):
    use()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc is told to keep memory")
def test_freed_memory_is_taken_again_without_the_kernel() -> None:
    faults = subprocess.run(
        [sys.executable, "-c", _USES_40_MB_AGAIN_AND_AGAIN], capture_output=True, check=True, text=True
    )
    assert int(faults.stdout) < 1_000  # else one for each page: 40,000
