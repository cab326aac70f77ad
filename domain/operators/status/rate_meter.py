"""How many a second."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

WINDOW_SECONDS = 10.0


class RateMeter:
    """The rate at which a count grew over about the last `over` seconds. `clock` counts seconds and never goes
    back."""

    def __init__(self, clock: Callable[[], float], over: float = WINDOW_SECONDS) -> None:
        self._clock = clock
        self._over = over
        self._seen: deque[tuple[float, int]] = deque()

    def at(self, count: int) -> float | None:
        """Notes the count and gives the rate; None where it was never noted before."""
        now = self._clock()
        # One that is older than asked for stays, so that there is always something to compare with.
        while len(self._seen) > 1 and self._seen[1][0] <= now - self._over:
            self._seen.popleft()
        self._seen.append((now, count))
        (since, before) = self._seen[0]
        return (count - before) / (now - since) if now > since else None
