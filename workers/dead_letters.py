"""Sends messages that were not understood to the dead letters."""

from __future__ import annotations

from collections.abc import Sequence

import structlog

from domain.ports.messaging import DeadLetter, DeadLetters
from workers.log_context import dead_letter_context

_log = structlog.get_logger("workers.dead_letters")


async def send_to_dead_letters(sinks: Sequence[DeadLetters], letters: Sequence[DeadLetter]) -> None:
    """Logs the letters and records them in each of the sinks. Raises Unavailable."""
    for letter in letters:
        _log.error(
            "a message was not understood",
            source=letter.source,
            code=letter.code,
            error=letter.error,
            blocks_basket=letter.basket_id is not None,
            **dead_letter_context(letter),
        )
    for sink in sinks:
        await sink.record(letters)
