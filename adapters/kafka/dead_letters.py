"""Dead letters on their topic, for operators."""

from __future__ import annotations

from collections.abc import Sequence

from adapters.kafka.messages import dead_letter_message
from adapters.kafka.sending import send_apart
from adapters.settings import Settings
from domain.ports import Clock, DeadLetter


class KafkaDeadLetters:
    """DeadLetters, at least once: a letter that is recorded again is a message with the same id."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock

    async def record(self, letters: Sequence[DeadLetter]) -> None:
        """Returns once the broker has them all; raises BrokerUnavailable."""
        if letters:
            messages = [dead_letter_message(letter, self._clock()) for letter in letters]
            await send_apart(self._settings, "dead letters", messages)
