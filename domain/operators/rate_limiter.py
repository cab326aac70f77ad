"""Long work that is not to be faster than somebody wants it to be."""

from __future__ import annotations

import asyncio
import contextlib


class RateLimiter:
    """Keeps a rate on the average from the first rest on, without ever sending much at once."""

    def __init__(self, rate: float | None, stop: asyncio.Event) -> None:
        self._rate = rate
        self._stop = stop
        self._due = self._now()

    def portion(self, most: int) -> int:
        """At most a second's worth."""
        return most if self._rate is None else max(1, min(most, int(self._rate)))

    async def rest(self, sent: int) -> None:
        """Waits until the next portion is due, or somebody wants it to stop."""
        if self._rate is None:
            return
        # What was slower than it might be is not made up for.
        self._due = max(self._due, self._now() - 1.0) + sent / self._rate
        if (pause := self._due - self._now()) > 0:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stop.wait(), pause)

    @staticmethod
    def _now() -> float:
        return asyncio.get_running_loop().time()
