"""Dead letters on their topic, for operators."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from adapters.kafka.messages import Message, dead_letter_message
from adapters.kafka.producer import MessageTooLarge, send_standalone
from adapters.settings import Settings
from domain.ports.messaging import DeadLetter
from domain.shared.values import Clock


class KafkaDeadLetters:
    """DeadLetters, at least once: a letter that is recorded again is a message with the same id. One that is larger
    than the topic takes comes without its content."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock

    async def record(self, letters: Sequence[DeadLetter]) -> None:
        """Returns once the broker has them all; raises BrokerUnavailable."""
        if letters:
            now = self._clock()
            try:
                await self._send([dead_letter_message(letter, now) for letter in letters])
            except MessageTooLarge:
                for letter in letters:
                    await self._send_what_fits(letter, now)

    async def _send_what_fits(self, letter: DeadLetter, now: datetime) -> None:
        try:
            await self._send([dead_letter_message(letter, now)])
        except MessageTooLarge:
            # Its content is in PostgreSQL. It must not hold up what comes behind it.
            await self._send([dead_letter_message(replace(letter, key=None, value=None, headers=()), now)])

    async def _send(self, messages: Sequence[Message]) -> None:
        await send_standalone(self._settings, "dead letters", messages)
