"""Messages in Kafka, and events and verdicts as messages: CloudEvents 1.0 in binary mode."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, TypeVar

import msgspec

from adapters.kafka import topics
from adapters.kafka.cloud_events import SOURCE, Headers, extension_headers, join_headers, rfc3339
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


class Message(msgspec.Struct, frozen=True):
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


class Received(msgspec.Struct, frozen=True):
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
    headers: Headers = record.headers
    for _, value in headers:
        if value is None:
            headers = tuple([(name, value or b"") for name, value in headers])
            break
    known_time = 0 <= record.timestamp <= LATEST_TIMESTAMP
    return Received(
        Message(record.topic, record.key, record.value, headers),
        source,
        at=EPOCH + timedelta(milliseconds=record.timestamp) if known_time else None,
    )


def basket_event_message(publication: Publication) -> Message:
    """The stored event; its data goes out byte for byte."""
    return _EventMessages(publication).event()


def verdict_message(publication: Publication) -> Message:
    """The whole verdict of a basket-validated event."""
    return _EventMessages(publication).verdict()


def state_message(publication: Publication) -> Message:
    """The basket as of the publication's event."""
    return _EventMessages(publication).state()


def tombstone_message(publication: Publication) -> Message:
    """Takes the basket of the publication's event off the compacted topic."""
    return _EventMessages(publication).tombstone()


def messages_of(publication: Publication) -> Iterator[Message]:
    """Everything that is sent for an event, in this order."""
    messages = _EventMessages(publication)
    yield messages.event()
    if publication.verdict is not None:
        yield messages.verdict()
    if publication.retired:
        yield messages.tombstone()
    elif publication.state is not None:
        yield messages.state()


class _EventMessages:
    """The messages that an event makes. Their headers share what is known of the event."""

    __slots__ = ("_key", "_more", "_name", "_publication", "_source", "_time")

    def __init__(self, publication: Publication) -> None:
        event, request = publication.event, publication.request
        self._publication = publication
        self._name = event_name(event)
        self._key, self._source, about_basket = _basket_parts(event.stream_id)
        recorded = _rfc3339(event.recorded_at)
        data = _read(_DATA, event.data)
        self._time = data.occurred_at.encode() if data and _RFC3339.fullmatch(data.occurred_at) else recorded
        self._more = (
            *about_basket,
            ("ce_sequence", b"%010d" % event.version),
            ("ce_requestindex", b"%d" % request.index_of(event.version)),
            ("ce_requestcount", b"%d" % request.count),
            ("ce_recordedtime", recorded),
            *_caller_headers(event.metadata),
        )

    def event(self) -> Message:
        event = self._publication.event
        return self._message(topics.BASKET_EVENTS, event.data, self._name, event.type)

    def verdict(self) -> Message:
        name = self._name + VERDICT_SUFFIX
        return self._message(topics.VALIDATION_RESULTS, self._publication.verdict, name, VERDICT_TYPE)

    def state(self) -> Message:
        return self._message(topics.BASKETS, self._publication.state, self._name + STATE_SUFFIX, STATE_TYPE)

    def tombstone(self) -> Message:
        return self._message(topics.BASKETS, None, self._name + TOMBSTONE_SUFFIX, STATE_TYPE)

    def _message(self, topic: str, value: bytes | None, id: str, type: str) -> Message:
        return Message(topic, self._key, value, join_headers(id, self._source, type, self._time, self._more))


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


@lru_cache(maxsize=1_024)
def _basket_parts(basket_id: str) -> tuple[bytes, bytes, Headers]:
    """The key and the source of a basket's messages, and the headers that name it."""
    named = extension_headers(subject=basket_id, partitionkey=basket_id)
    return basket_id.encode(), f"{BASKET_SOURCE}{basket_id}".encode(), named


@lru_cache(maxsize=1_024)
def _caller_headers(metadata: bytes) -> Headers:
    """The headers that name an event's caller. All events of a request have the same metadata."""
    caller = _read(_METADATA, metadata) or _Metadata()
    return extension_headers(
        correlationid=_text(caller.correlation_id),
        causationid=_text(caller.causation_id),
        partnerorg=_text(caller.partner),
        traceparent=_text(caller.traceparent),
    )


@lru_cache(maxsize=1_024)
def _rfc3339(moment: datetime) -> bytes:
    return rfc3339(moment).encode()


def _read(decoder: msgspec.json.Decoder[T], document: bytes) -> T | None:
    try:
        return decoder.decode(document)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None
