"""Counts the work of Python code instead of timing it, so that a busy machine gives the same result."""

from __future__ import annotations

import sys
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any

_TEXT = (str, bytes, bytearray, memoryview)
_COLLECTIONS = (list, dict, set, deque, tuple)
_SHORT = frozenset({len, isinstance, issubclass, next, iter, getattr, setattr, hasattr, callable, id})


class CallCount:
    """Counts each call, plus the bytes that it may read.

    A method of a text reads that text. A C function reads all texts of its caller, except functions that only look at an
    object or add to a collection. A text that a function created since its last call was written once.
    """

    def __init__(self) -> None:
        self.done = 0
        self._held: dict[FrameType, dict[str, Any]] = {}

    def count(self, frame: FrameType, event: str, called: Any) -> None:
        if event == "return":
            self._held.pop(frame, None)
        if event not in ("call", "c_call"):
            return
        texts = {name: value for name, value in frame.f_locals.items() if isinstance(value, _TEXT)}
        held = self._held.get(frame, {})
        self._held[frame] = texts
        self.done += 1 + sum(len(text) for name, text in texts.items() if held.get(name) is not text)
        if event == "call" or called in _SHORT:
            return
        owner = getattr(called, "__self__", None)
        if isinstance(owner, _TEXT):
            self.done += len(owner)
        elif not isinstance(owner, _COLLECTIONS):
            self.done += sum(len(text) for text in texts.values())


@contextmanager
def count_calls() -> Iterator[CallCount]:
    """Counts the block, in this thread."""
    work = CallCount()
    before = sys.getprofile()
    sys.setprofile(work.count)
    try:
        yield work
    finally:
        sys.setprofile(before)


async def growth(run: Callable[[int], Awaitable[object]], size: int) -> float:
    """The factor by which work grows when the size doubles: 2 is linear, 4 quadratic."""
    await run(size)  # one-time work does not count
    done: list[int] = []
    for each in (size, 2 * size):
        with count_calls() as work:
            await run(each)
        done.append(work.done)
    return done[1] / done[0]


def calls_of(run: Callable[[], object], *expected: type[Exception]) -> Counter[str]:
    """How often `run` calls each Python or C function. It may raise the expected exceptions."""
    calls: Counter[str] = Counter()

    def profile(frame: FrameType, event: str, called: object) -> None:
        if event == "call":
            calls[frame.f_code.co_name] += 1
        elif event == "c_call":
            calls[getattr(called, "__name__", "?")] += 1

    before = sys.getprofile()
    sys.setprofile(profile)
    try:
        with suppress(*expected):
            run()
    finally:
        sys.setprofile(before)
    return calls
