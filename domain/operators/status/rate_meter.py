"""Measures how many events a second."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

WINDOW_SECONDS = 10.0


class RateMeter:
    """The rate at which a count grew over about the last `window` seconds. `clock` is monotonic, in seconds."""

    def __init__(self, clock: Callable[[], float], window: float = WINDOW_SECONDS) -> None:
        self._clock = clock
        self._window = window
        self._samples: deque[tuple[float, int]] = deque()

    def at(self, count: int) -> float | None:
        """Records the count and returns the rate; None for the first count."""
        now = self._clock()
        # One sample older than the window stays, so that there is always one to compare with.
        while len(self._samples) > 1 and self._samples[1][0] <= now - self._window:
            self._samples.popleft()
        self._samples.append((now, count))
        (since, before) = self._samples[0]
        return (count - before) / (now - since) if now > since else None
