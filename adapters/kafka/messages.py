"""Messages as they lie in Kafka: CloudEvents 1.0 in binary mode, as contract.md has them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from adapters.kafka import topics
from adapters.kafka.unreadable_batches import UnreadableBatch
from domain.operators.dead_letters.model import UNREADABLE_BATCH
from domain.operators.publisher_checkpoint import event_name
from domain.ports.event_store import StoredEvent
from domain.ports.messaging import DeadLetter
from domain.shared.values import MessageSource

SOURCE = "/partner/checkout"
VERDICT_TYPE = "checkout.validation-result.v1"
DEAD_LETTER_TYPE = "checkout.dead-letter.v1"

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
LATEST_TIMESTAMP = (datetime.max.replace(tzinfo=UTC) - EPOCH) // timedelta(milliseconds=1)

Headers = tuple[tuple[str, bytes], ...]


@dataclass(frozen=True, slots=True)
class Message:
    """What is sent to a topic, or was found in it."""

    topic: str
    key: bytes | None
    value: bytes | None
    headers: Headers

    def header(self, name: str) -> str | None:
        """The last header of this name as text; None where there is none or it is no UTF-8."""
        for known, value in reversed(self.headers):
            if known == name:
                try:
                    return value.decode()
                except UnicodeDecodeError:
                    return None
        return None

    def has_header(self, name: str) -> bool:
        """Whether there is a header of this name, be it text or not."""
        return any(known == name for known, _ in self.headers)


@dataclass(frozen=True, slots=True)
class Received:
    """A message and where it lay."""

    message: Message
    source: MessageSource
    unreadable: UnreadableBatch | None = None
    """What stood in the place of records that cannot be read. The message has nothing then but its bytes."""
    at: datetime | None = None
    """The time that the message bears."""

    @property
    def next_offset(self) -> int:
        """Where its partition goes on once it is done with."""
        return self.unreadable.next_offset if self.unreadable else self.source.offset + 1


def to_received(record: Any) -> Received:
    """What an aiokafka ConsumerRecord, or an UnreadableBatch, holds."""
    if isinstance(record, UnreadableBatch):
        return Received(
            Message(record.topic, None, record.raw, ()),
            MessageSource(record.topic, record.partition, record.offset),
            record,
        )
    return Received(
        Message(
            record.topic,
            record.key,
            record.value,
            tuple([(name, value or b"") for name, value in record.headers]),
        ),
        MessageSource(record.topic, record.partition, record.offset),
        at=EPOCH + timedelta(milliseconds=record.timestamp)
        if 0 <= record.timestamp <= LATEST_TIMESTAMP
        else None,
    )


def cloud_event(
    *,
    id: str,
    type: str,
    time: str,
    subject: str | None = None,
    content_type: str = "application/json",
    **extensions: str | None,
) -> Headers:
    """The headers of a CloudEvent in binary mode; `time` is RFC 3339. Attributes that are None are left
    out; of the extensions only `traceparent` goes without the prefix, for it has a standard of its own."""
    attributes = {
        "ce_specversion": "1.0",
        "ce_id": id,
        "ce_source": SOURCE,
        "ce_type": type,
        "ce_subject": subject,
        "ce_time": time,
        **{name if name == "traceparent" else f"ce_{name}": value for name, value in extensions.items()},
        "content-type": content_type,
    }
    return tuple((name, value.encode()) for name, value in attributes.items() if value is not None)


def basket_event_message(event: StoredEvent) -> Message:
    """The stored event as order services read it: the stored data, byte for byte."""
    return Message(topics.BASKET_EVENTS, event.stream_id.encode(), event.data, _headers(event, event.type))


def verdict_message(event: StoredEvent, verdict: bytes) -> Message:
    """The whole verdict of a basket-validated event; its id is the event's."""
    return Message(
        topics.VALIDATION_RESULTS, event.stream_id.encode(), verdict, _headers(event, VERDICT_TYPE)
    )


def unreadable_batch_letter(batch: UnreadableBatch) -> DeadLetter:
    """The letter about a batch whose records cannot be read. It parks no basket: it names none."""
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


def dead_letter_message(letter: DeadLetter, now: datetime) -> Message:
    """The message that could not be understood, its key and value as they were. Why, and where it lay, is
    in headers of our own; its own headers follow, each named `original_…`. The id is made of where it
    lay, so that a letter that is sent again is known again."""
    source = letter.source
    why: Sequence[tuple[str, str]] = (
        ("dead_letter_code", letter.code),
        ("dead_letter_error", letter.error),
        ("dead_letter_topic", source.topic),
        ("dead_letter_partition", str(source.partition)),
        ("dead_letter_offset", str(source.offset)),
    )
    headers = cloud_event(
        id=f"{source.topic}/{source.partition}/{source.offset}",
        type=DEAD_LETTER_TYPE,
        time=rfc3339(now),
        subject=letter.basket_id,
        content_type="application/octet-stream",
    )
    return Message(
        topics.DEAD_LETTERS,
        letter.key,
        letter.value,
        (
            *headers,
            *((name, value.encode(errors="replace")) for name, value in why),
            *((f"original_{name}", value) for name, value in letter.headers),
        ),
    )


def original_message(letter: DeadLetter) -> Message:
    """The message that a letter is about, as it came."""
    return Message(letter.source.topic, letter.key, letter.value, tuple(letter.headers))


def rfc3339(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _headers(event: StoredEvent, type: str) -> Headers:
    metadata = _document(event.metadata)
    return cloud_event(
        id=event_name(event),
        type=type,
        time=_occurred_at(event),
        subject=event.stream_id,
        sequence=str(event.version),
        partnerorg=_text(metadata.get("partner")),
        traceparent=_text(metadata.get("traceparent")),
    )


def _occurred_at(event: StoredEvent) -> str:
    occurred_at = _document(event.data).get("occurredAt")
    return occurred_at if isinstance(occurred_at, str) else rfc3339(event.recorded_at)


def _document(stored: bytes) -> dict[str, Any]:
    # One event that is not as it should be must not keep all others from being published.
    try:
        document = json.loads(stored)
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None
