"""Messages in Kafka, and events and verdicts as messages: CloudEvents 1.0 in binary mode."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import msgspec

from adapters.kafka import topics
from adapters.kafka.cloud_events import SOURCE, Headers, cloud_event, rfc3339
from adapters.kafka.unreadable_batches import UnreadableBatch
from domain.operators.publisher_checkpoint import event_name
from domain.ports.messaging import DeadLetter, Publication
from domain.shared.values import MessageSource

BASKET_SOURCE = f"{SOURCE}/baskets/"
VERDICT_TYPE = "checkout.validation-result.v1"
VERDICT_SUFFIX = "/verdict"
"""What follows the event's name in the id of its verdict."""
STATE_TYPE = "checkout.basket.v1"
STATE_SUFFIX = "/state"
TOMBSTONE_SUFFIX = "/tombstone"

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
LATEST_TIMESTAMP = (datetime.max.replace(tzinfo=UTC) - EPOCH) // timedelta(milliseconds=1)

T = TypeVar("T")

_RFC3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")


@dataclass(frozen=True, slots=True)
class Message:
    """A message of a topic."""

    topic: str
    key: bytes | None
    value: bytes | None
    headers: Headers

    def header(self, name: str) -> str | None:
        """The last header of this name; None where there is none or it is not UTF-8."""
        for known, value in reversed(self.headers):
            if known == name:
                try:
                    return value.decode()
                except UnicodeDecodeError:
                    return None
        return None

    def has_header(self, name: str) -> bool:
        """Whether there is a header of this name, UTF-8 or not."""
        return any(known == name for known, _ in self.headers)


@dataclass(frozen=True, slots=True)
class Received:
    """A message, where it lay, and the time that it bears.

    `unreadable` stands for records that cannot be read. The message's value is then the whole batch.
    """

    message: Message
    source: MessageSource
    unreadable: UnreadableBatch | None = None
    at: datetime | None = None

    @property
    def next_offset(self) -> int:
        """Where its partition goes on after it."""
        return self.unreadable.next_offset if self.unreadable else self.source.offset + 1

    @property
    def name(self) -> str:
        """Names the message by its place and its time, because a topic that was made again has other messages at the
        same places."""
        source = self.source
        at = "" if self.at is None else f"@{int(self.at.timestamp() * 1000)}"
        return f"{source.topic}/{source.partition}/{source.offset}{at}"

    def dead_letter(self, code: str, error: str, basket_id: str | None = None) -> DeadLetter:
        """The letter about this message. It blocks the basket that is named."""
        message = self.message
        return DeadLetter(self.source, message.key, message.value, message.headers, code, error, basket_id=basket_id)


def to_received(record: Any) -> Received:
    """Converts a ConsumerRecord of aiokafka, or an UnreadableBatch."""
    source = MessageSource(record.topic, record.partition, record.offset)
    if isinstance(record, UnreadableBatch):
        return Received(Message(record.topic, None, record.raw, ()), source, record)
    headers = tuple([(name, value or b"") for name, value in record.headers])
    known_time = 0 <= record.timestamp <= LATEST_TIMESTAMP
    return Received(
        Message(record.topic, record.key, record.value, headers),
        source,
        at=EPOCH + timedelta(milliseconds=record.timestamp) if known_time else None,
    )


def basket_event_message(publication: Publication) -> Message:
    """The stored event; its data goes out byte for byte."""
    event = publication.event
    headers = _headers(publication, event_name(event), event.type)
    return Message(topics.BASKET_EVENTS, event.stream_id.encode(), event.data, headers)


def verdict_message(publication: Publication) -> Message:
    """The whole verdict of a basket-validated event."""
    event = publication.event
    headers = _headers(publication, f"{event_name(event)}{VERDICT_SUFFIX}", VERDICT_TYPE)
    return Message(topics.VALIDATION_RESULTS, event.stream_id.encode(), publication.verdict, headers)


def state_message(publication: Publication) -> Message:
    """The basket as of the publication's event."""
    event = publication.event
    headers = _headers(publication, f"{event_name(event)}{STATE_SUFFIX}", STATE_TYPE)
    return Message(topics.BASKETS, event.stream_id.encode(), publication.state, headers)


def tombstone_message(publication: Publication) -> Message:
    """Takes the basket of the publication's event off the compacted topic."""
    event = publication.event
    headers = _headers(publication, f"{event_name(event)}{TOMBSTONE_SUFFIX}", STATE_TYPE)
    return Message(topics.BASKETS, event.stream_id.encode(), None, headers)


def _headers(publication: Publication, id: str, type: str) -> Headers:
    """The headers of a message that an event makes."""
    event, request = publication.event, publication.request
    caller = _read(_METADATA, event.metadata) or _Metadata()
    data = _read(_DATA, event.data)
    return cloud_event(
        id=id,
        source=f"{BASKET_SOURCE}{event.stream_id}",
        type=type,
        time=data.occurred_at if data and _RFC3339.fullmatch(data.occurred_at) else rfc3339(event.recorded_at),
        subject=event.stream_id,
        partitionkey=event.stream_id,
        sequence=f"{event.version:010}",
        requestindex=str(request.index_of(event.version)),
        requestcount=str(request.count),
        recordedtime=rfc3339(event.recorded_at),
        correlationid=_text(caller.correlation_id),
        causationid=_text(caller.causation_id),
        partnerorg=_text(caller.partner),
        traceparent=_text(caller.traceparent),
    )


class _Metadata(msgspec.Struct, rename="camel"):
    """What headers say of an event's metadata. Members may have any form: a malformed event must not keep all others
    from being published."""

    partner: Any = None
    correlation_id: Any = None
    causation_id: Any = None
    traceparent: Any = None


class _Data(msgspec.Struct, rename="camel"):
    occurred_at: str


_METADATA = msgspec.json.Decoder(_Metadata)
_DATA = msgspec.json.Decoder(_Data)


def _read(decoder: msgspec.json.Decoder[T], document: bytes) -> T | None:
    try:
        return decoder.decode(document)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None
