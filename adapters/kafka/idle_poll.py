"""How a reader waits where a waiting fetch is not woken by new messages, as on the embedded broker."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from aiokafka import AIOKafkaConsumer

from adapters.settings import Settings

FETCH_SECONDS = 0.02
"""How long a reader waits for what a fetch brings. Longer than a fetch takes."""

QUIET_SECONDS = 2.0
"""A reader that was given nothing for so long asks seldom."""


class Wakeup:
    """Wakes whoever waits for it in this process."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    def notify(self) -> None:
        """Wakes all that wait now; who comes later waits for the next time."""
        self._event.set()
        self._event = asyncio.Event()

    async def wait(self, seconds: float) -> None:
        """Returns once it is notified, or after so many seconds."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._event.wait()


class IdlePoll:
    """Pauses a client's fetches while nothing comes.

    A client fetches without a break, and each fetch is short on such a broker, so that new messages come soon.
    All day that would cost most of a core on both sides.
    """

    def __init__(
        self, client: AIOKafkaConsumer, every: float, wakeup: Wakeup, quiet: float = QUIET_SECONDS
    ) -> None:
        """After `quiet` seconds without messages, the client asks once in `every` seconds; a wake-up makes it
        ask at once."""
        self._client = client
        self._every = every
        self._quiet = quiet
        self._wakeup = wakeup
        self._came_at = self._now()

    def came(self) -> None:
        """Notes that messages came: more may follow soon."""
        self._came_at = self._now()

    async def rest(self, most: float) -> None:
        """Returns at once after messages; else once it is time to ask, and after at most `most` seconds."""
        if self._now() - self._came_at < self._quiet:
            return
        partitions = self._client.assignment()
        self._client.pause(*partitions)
        try:
            await self._wakeup.wait(min(self._every, most))
        finally:
            # A rebalance may have taken some of them, and gives out all others anew, not paused.
            self._client.resume(*(partitions & self._client.assignment()))

    @staticmethod
    def _now() -> float:
        return asyncio.get_running_loop().time()


def idle_poll(settings: Settings, client: AIOKafkaConsumer, wakeup: Wakeup | None = None) -> IdlePoll | None:
    """As the settings want it: None where a fetch that waits is woken by what comes."""
    every = settings.kafka_idle_poll_ms / 1000
    return IdlePoll(client, every, wakeup or Wakeup()) if every else None
