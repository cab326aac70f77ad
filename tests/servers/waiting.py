"""Waiting for a condition, never for a time."""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar, overload

T = TypeVar("T")

WAIT_LIMIT_SECONDS = 90.0
"""Enough for a busy machine. A wait ends as soon as its condition holds."""


@overload
async def eventually(condition: Callable[[], Awaitable[T]], limit: float = ..., every: float = ...) -> T: ...
@overload
async def eventually(condition: Callable[[], T], limit: float = ..., every: float = ...) -> T: ...
async def eventually(condition: Callable[[], Any], limit: float = WAIT_LIMIT_SECONDS, every: float = 0.02) -> Any:
    """Returns the condition's first true answer; asks again every `every` seconds. An AssertionError from the condition
    counts as not yet. Raises AssertionError after `limit` seconds, with the last answer."""
    deadline = time.monotonic() + limit
    while True:
        last: object
        try:
            answer = condition()
            last = await answer if inspect.isawaitable(answer) else answer
            if last:
                return last
        except AssertionError as error:
            last = error
        if time.monotonic() > deadline:
            raise AssertionError(f"it did not come to hold within {limit:g} s; last: {last!r}")
        await asyncio.sleep(every)
