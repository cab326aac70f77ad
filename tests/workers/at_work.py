"""Workers at work for the length of a block, messages for them, and letters about what they refuse."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager

from adapters.kafka.clients import producer
from adapters.kafka.messages import Message
from adapters.kafka.sending import send_all
from adapters.settings import Settings
from domain.ports import DeadLetter
from tests.parts.waiting import eventually
from workers.loop import Pulse, Worker, keep_running


@asynccontextmanager
async def at_work(worker: Worker) -> AsyncIterator[Pulse]:
    """Runs the worker as a process does, from when it is ready to the end of the block."""
    pulse = Pulse(worker.name)
    task = asyncio.create_task(keep_running(worker, pulse))
    try:
        await eventually(lambda: pulse.is_ready, limit=20)
        yield pulse
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def say(settings: Settings, messages: Iterable[Message]) -> None:
    """Sends messages as an ordinary sender does."""
    client = producer(settings)
    await client.start()
    try:
        await send_all(client, messages)
    finally:
        await client.stop()


class Letters:
    """DeadLetters in memory."""

    def __init__(self) -> None:
        self.written: list[DeadLetter] = []

    async def record(self, letters: Sequence[DeadLetter]) -> None:
        self.written += letters

    def about(self, key: str) -> list[str]:
        """The codes of the letters about messages with this key."""
        return [letter.code for letter in self.written if letter.key == key.encode()]
