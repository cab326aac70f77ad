"""What is done with messages that cannot be handled. They are never passed over in silence."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from aiokafka import AIOKafkaProducer

from checkout_client.errors import CheckoutClientError
from checkout_client.kafka.connection import KafkaConnection
from checkout_client.kafka.messages import Record

_log = logging.getLogger("checkout_client.kafka")


@dataclass(frozen=True, slots=True)
class FailedMessages:
    """Messages that belong together and were not handled."""

    basket_id: str | None
    """None if not even that could be read."""
    records: tuple[Record, ...]
    error: Exception
    attempts: int
    """How often the handler tried; 0 if the messages could not be read."""

    def __str__(self) -> str:
        what = "cannot be read" if self.attempts == 0 else f"was not handled in {self.attempts} attempts"
        return f"{self.records[0].place} {what}: {type(self.error).__name__}: {self.error}"


DeadLetterHook = Callable[[FailedMessages], Awaitable[None]]
"""Takes messages over. Once it returns they count as finished, and reading goes on. If it raises, reading ends there,
and the messages come again."""


class MessageFailed(CheckoutClientError):
    """A message cannot be read or handled, and nothing takes it over. `failed` has it."""

    def __init__(self, failed: FailedMessages) -> None:
        super().__init__(str(failed))
        self.failed = failed


async def stop_reading(failed: FailedMessages) -> None:
    """The default hook: raises MessageFailed, so that nothing is lost until somebody looks."""
    raise MessageFailed(failed) from failed.error


async def log_and_go_on(failed: FailedMessages) -> None:
    """A hook that logs the messages' place and error, and passes them over."""
    _log.error("a message is passed over: %s", failed)


class DeadLetterTopic:
    """A hook that writes the messages as they are to a topic of yours, with headers that say where they lay and why."""

    def __init__(self, connection: KafkaConnection, topic: str) -> None:
        self._connection = connection
        self._topic = topic
        self._producer: AIOKafkaProducer | None = None

    async def __aenter__(self) -> Self:
        self._producer = self._connection.producer()
        await self._producer.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._producer is not None:
            await self._producer.stop()

    async def __call__(self, failed: FailedMessages) -> None:
        if self._producer is None:
            raise CheckoutClientError("open the DeadLetterTopic first: async with DeadLetterTopic(...) as hook")
        about = (
            ("deadletter_error", f"{type(failed.error).__name__}: {failed.error}".encode()),
            ("deadletter_attempts", str(failed.attempts).encode()),
        )
        for record in failed.records:
            headers = [*record.headers, ("deadletter_place", record.place.encode()), *about]
            await self._producer.send_and_wait(self._topic, record.value, record.key or b"", headers=headers)
        _log.error("written to %s: %s", self._topic, failed)
