"""Limits the rate of long work: rebuilds, republishing and revalidation."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable


class RateLimiter:
    """Keeps work to `rate` a second on average; None: no limit. Late work is caught up for `catch_up` seconds at most.

    aiolimiter does not fit: it refuses more than a second's worth at once, such as a page with one large basket; it
    lets a second's worth of revalidations begin at once; and nothing but cancelling ends its wait.
    """

    def __init__(
        self,
        rate: float | None,
        *,
        catch_up: float = 1.0,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        """`sleep` may return early where the work is to stop."""
        self._rate = rate
        self._catch_up = catch_up
        self._sleep = sleep
        self._due = time.monotonic()

    def portion(self, limit: int) -> int:
        """At most a second's worth."""
        return limit if self._rate is None else max(1, min(limit, int(self._rate)))

    async def wait(self, count: int) -> None:
        """Counts so much work, and waits until more is due."""
        if self._rate is not None:
            now = time.monotonic()
            self._due = max(self._due, now - self._catch_up) + count / self._rate
            if self._due > now:
                await self._sleep(self._due - now)
