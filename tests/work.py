"""Counts work instead of seconds: a busy machine changes the one and not the other."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from types import FrameType


def calls_of(run: Callable[[], object], *expected: type[Exception]) -> Counter[str]:
    """How often each function of Python or C is called while `run` runs; it may raise what is expected."""
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
