"""Dead letters on their topic, for operators."""

from __future__ import annotations

from collections.abc import Sequence

from aiokafka import AIOKafkaProducer

from adapters.kafka.clients import producer
from adapters.kafka.errors import answered, close
from adapters.kafka.messages import dead_letter_message
from adapters.kafka.sending import send_all
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
            await answered("dead letters", SEND_WITHIN_SECONDS, self._send(client, letters))
        finally:
            await close(client)

    async def _send(self, client: AIOKafkaProducer, letters: Sequence[DeadLetter]) -> None:
        await client.start()
        await send_all(client, [dead_letter_message(letter, self._clock()) for letter in letters])
