"""A time limit that costs next to nothing for each call."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Any

from domain.shared.errors import StoreUnavailable


class TimeoutQueue:
    """Ends calls that have waited `timeout` seconds with StoreUnavailable.

    All wait equally long, so the oldest call is the first to end, and one timer serves all.
    """

    def __init__(self, timeout: float) -> None:
        self._timeout = timeout
        self._watched: deque[tuple[float, asyncio.Future[Any]]] = deque()
        self._timer: asyncio.TimerHandle | None = None

    def watch(self, call: asyncio.Future[Any]) -> None:
        """Starts the call's time limit."""
        watched = self._watched
        while watched and watched[0][1].done():
            watched.popleft()
        loop = call.get_loop()
        due = loop.time() + self._timeout
        watched.append((due, call))
        if self._timer is None:
            self._timer = loop.call_at(due, self._end_due, loop)

    def close(self) -> None:
        """Stops all time limits."""
        self._watched.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _end_due(self, loop: asyncio.AbstractEventLoop) -> None:
        now = loop.time()
        watched = self._watched
        while watched and (watched[0][0] <= now or watched[0][1].done()):
            _, call = watched.popleft()
            if not call.done():
                call.set_exception(StoreUnavailable(f"no answer within {self._timeout:g} s"))
        self._timer = loop.call_at(watched[0][0], self._end_due, loop) if watched else None
