"""How a reader waits where new messages do not wake a waiting fetch, as on the embedded broker."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from aiokafka import AIOKafkaConsumer

from adapters.settings import Settings

FETCH_SECONDS = 0.02
"""How long a reader waits for a fetch; longer than a fetch takes."""

QUIET_SECONDS = 2.0
"""A reader that received nothing for so long polls rarely."""


class Wakeup:
    """Wakes all that wait for it in this process."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    def notify(self) -> None:
        """Wakes all that wait now."""
        self._event.set()
        self._event = asyncio.Event()

    async def wait(self, seconds: float) -> None:
        """Returns once it is notified, or after so many seconds."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._event.wait()


class IdlePoll:
    """Pauses a client's fetches while no messages come.

    A client fetches without a break. On such a broker each fetch is short, so that new messages come soon; all day
    that would cost most of a core on both sides.
    """

    def __init__(self, client: AIOKafkaConsumer, every: float, wakeup: Wakeup, quiet: float = QUIET_SECONDS) -> None:
        """After `quiet` seconds without messages the client polls every `every` seconds, and at each wake-up."""
        self._client = client
        self._every = every
        self._quiet = quiet
        self._wakeup = wakeup
        self._came_at = self._now()

    def came(self) -> None:
        """Messages came: more may follow soon."""
        self._came_at = self._now()

    async def rest(self, limit: float) -> None:
        """Returns at once soon after messages, else once it is time to poll, and after at most `limit` seconds."""
        if self._now() - self._came_at < self._quiet:
            return
        partitions = self._client.assignment()
        self._client.pause(*partitions)
        try:
            await self._wakeup.wait(min(self._every, limit))
        finally:
            # A rebalance may have taken some of them. It assigns the others anew, not paused.
            self._client.resume(*(partitions & self._client.assignment()))

    @staticmethod
    def _now() -> float:
        return asyncio.get_running_loop().time()


def idle_poll(settings: Settings, client: AIOKafkaConsumer, wakeup: Wakeup | None = None) -> IdlePoll | None:
    """None where new messages wake a waiting fetch."""
    every = settings.kafka_idle_poll_ms / 1000
    return IdlePoll(client, every, wakeup or Wakeup()) if every else None
