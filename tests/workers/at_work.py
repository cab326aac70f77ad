"""Workers at work for the length of a block, messages for them, and letters about what they refuse."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager

from adapters.kafka.clients import producer
from adapters.kafka.messages import Message
from adapters.kafka.sending import send_all
from adapters.settings import Settings
from domain.ports import DeadLetter
from tests.parts.waiting import eventually
from tests.workers.running import running
from workers.loop import Pulse, Worker


@asynccontextmanager
async def at_work(worker: Worker) -> AsyncIterator[Pulse]:
    """Keeps the worker running from when it is ready to the end of the block."""
    async with running(worker) as pulse:
        await eventually(lambda: pulse.is_ready)
        yield pulse


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
