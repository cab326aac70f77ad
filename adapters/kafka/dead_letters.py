"""Dead letters as messages on their topic, for operators."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from adapters.kafka import topics
from adapters.kafka.cloud_events import SOURCE, cloud_event, rfc3339
from adapters.kafka.messages import Message
from adapters.kafka.producer import MessageTooLarge, send_standalone
from adapters.kafka.unreadable_batches import UnreadableBatch
from adapters.settings import Settings
from domain.operators.dead_letters.model import UNREADABLE_BATCH
from domain.ports.messaging import DeadLetter
from domain.shared.values import Clock, MessageSource

DEAD_LETTER_TYPE = "checkout.dead-letter.v1"
DEAD_LETTER_SOURCE = f"{SOURCE}/dead-letters"


class KafkaDeadLetters:
    """DeadLetters, at least once: a letter that is recorded again has the same id. A letter that is larger than the
    topic takes is sent without its content, which is in PostgreSQL."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock

    async def record(self, letters: Sequence[DeadLetter]) -> None:
        """Returns once the broker has them all; raises BrokerUnavailable."""
        if not letters:
            return
        now = self._clock()
        try:
            await self._send(letters, now)
        except MessageTooLarge:
            for letter in letters:
                try:
                    await self._send([letter], now)
                except MessageTooLarge:
                    await self._send([replace(letter, key=None, value=None, headers=())], now)

    async def _send(self, letters: Sequence[DeadLetter], now: datetime) -> None:
        messages = [dead_letter_message(letter, now) for letter in letters]
        await send_standalone(self._settings, "dead letters", messages)


def dead_letter_message(letter: DeadLetter, now: datetime) -> Message:
    """The message with its key and value as they were.

    Headers of ours say why it was not understood and where it lay. Its own headers follow, each as `original_…`. Where
    it lay makes the id, so that a letter that is sent again is recognized. Bytes in headers that are not UTF-8 are
    escaped (`\\xff`), because CloudEvents must be readable as text; PostgreSQL keeps them as they came.
    """
    source = letter.source
    headers = cloud_event(
        id=f"{source.topic}/{source.partition}/{source.offset}",
        source=DEAD_LETTER_SOURCE,
        type=DEAD_LETTER_TYPE,
        time=rfc3339(now),
        subject=letter.basket_id,
        content_type="application/octet-stream",
        partitionkey=_text(letter.key),
    )
    reasons = {
        "dead_letter_code": letter.code,
        "dead_letter_error": letter.error,
        "dead_letter_topic": source.topic,
        "dead_letter_partition": str(source.partition),
        "dead_letter_offset": str(source.offset),
    }
    return Message(
        topics.DEAD_LETTERS,
        letter.key,
        letter.value,
        (
            *headers,
            *((name, value.encode(errors="replace")) for name, value in reasons.items()),
            *((f"original_{name}", _readable(value)) for name, value in letter.headers),
        ),
    )


def _text(key: bytes | None) -> str | None:
    try:
        return key.decode() if key is not None else None
    except UnicodeDecodeError:
        return None


def _readable(header: bytes) -> bytes:
    return header.decode(errors="backslashreplace").encode()


def unreadable_batch_letter(batch: UnreadableBatch) -> DeadLetter:
    """The letter about a batch whose records cannot be read. It blocks no basket, because it names none."""
    match batch.next_offset - batch.offset:
        case 0:
            offsets = f"the rest of the batch that ends before offset {batch.offset}"
        case 1:
            offsets = f"offset {batch.offset}"
        case _:
            offsets = f"offsets {batch.offset} to {batch.next_offset - 1}"
    error = f"{offsets} of {batch.topic}, partition {batch.partition}, cannot be read: {batch.why}"
    source = MessageSource(batch.topic, batch.partition, batch.offset)
    return DeadLetter(source, None, batch.raw, (), UNREADABLE_BATCH, error)


def original_message(letter: DeadLetter) -> Message:
    """The message that a letter is about, as it came."""
    return Message(letter.source.topic, letter.key, letter.value, tuple(letter.headers))
