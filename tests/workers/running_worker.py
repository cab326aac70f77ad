"""Workers at work for the length of a block, messages for them, and letters about what they refuse."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager

from adapters.kafka.clients import producer
from adapters.kafka.messages import Message
from adapters.kafka.producer import send_all
from adapters.settings import Settings
from domain.ports.messaging import DeadLetter
from tests.servers.waiting import eventually
from tests.workers.worker_processes import running_worker
from workers.heartbeat import Heartbeat
from workers.runner import Worker


@asynccontextmanager
async def ready_worker(worker: Worker) -> AsyncIterator[Heartbeat]:
    """Keeps the worker running from when it is ready to the end of the block."""
    async with running_worker(worker) as heartbeat:
        await eventually(lambda: heartbeat.is_ready)
        yield heartbeat


async def send_messages(settings: Settings, messages: Iterable[Message]) -> None:
    """Sends messages as an ordinary sender does."""
    client = producer(settings)
    await client.start()
    try:
        await send_all(client, messages)
    finally:
        await client.stop()


class RecordedDeadLetters:
    """DeadLetters in memory."""

    def __init__(self) -> None:
        self.written: list[DeadLetter] = []

    async def record(self, letters: Sequence[DeadLetter]) -> None:
        self.written += letters

    def about(self, key: str) -> list[str]:
        """The codes of the letters about messages with this key."""
        return [letter.code for letter in self.written if letter.key == key.encode()]
