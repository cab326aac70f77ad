"""Dead letters on their topic, for operators."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from adapters.kafka.clients import producer
from adapters.kafka.errors import close, translated
from adapters.kafka.messages import Message, dead_letter_message
from adapters.settings import Settings
from domain.ports import Clock, DeadLetter

SEND_WITHIN_SECONDS = 20.0


class KafkaDeadLetters:
    """DeadLetters, at least once: a letter that is recorded again is a message with the same id."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock

    async def record(self, letters: Sequence[DeadLetter]) -> None:
        """Returns once the broker has them all; raises BrokerUnavailable."""
        if not letters:
            return
        # Dead letters are rare: a client that is made for them costs less than one that is kept.
        client = producer(self._settings)
        try:
            async with translated("dead letters", SEND_WITHIN_SECONDS):
                await client.start()
                sent = [
                    await client.send(
                        message.topic, message.value, _sendable_key(message), headers=message.headers
                    )
                    for message in (dead_letter_message(letter, self._clock()) for letter in letters)
                ]
                await asyncio.gather(*sent)
        finally:
            await close(client)


def _sendable_key(message: Message) -> bytes | None:
    # A message has a key or a value; a dead letter may have come without either.
    return b"" if message.key is None and message.value is None else message.key
