"""Messages of the topics, and their CloudEvents attributes (CloudEvents 1.0.2, Kafka binding, binary mode)."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Generic, TypeVar

from pydantic import AwareDatetime, TypeAdapter, ValidationError

from checkout_client.errors import CheckoutClientError

EVENTS_TOPIC = "checkout.basket-events.v1"
VERDICTS_TOPIC = "checkout.validation-results.v1"
BASKETS_TOPIC = "checkout.baskets.v1"
ORDERS_TOPIC = "checkout.orders.v1"
ORDER_RESULTS_TOPIC = "checkout.order-results.v1"
COMMANDS_TOPIC = "checkout.commands.v1"
COMMAND_RESULTS_TOPIC = "checkout.command-results.v1"

Headers = tuple[tuple[str, bytes], ...]
T_co = TypeVar("T_co", covariant=True)

_TIME: TypeAdapter[datetime] = TypeAdapter(AwareDatetime)


class InvalidMessage(CheckoutClientError, ValueError):
    """A message is not what its topic promises; the text says why."""


@dataclass(frozen=True, slots=True)
class Record:
    """A message as it lies in its topic."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: Headers = ()

    @property
    def place(self) -> str:
        """Where it lies, for people."""
        return f"{self.topic}, partition {self.partition}, offset {self.offset}"

    def header(self, name: str) -> str | None:
        """The last header of this name; None where there is none. Raises InvalidMessage where it is not UTF-8."""
        for known, value in reversed(self.headers):
            if known == name:
                try:
                    return value.decode()
                except UnicodeDecodeError as error:
                    raise InvalidMessage(f"the header {name} is not UTF-8 ({self.place})") from error
        return None


@dataclass(frozen=True, slots=True)
class EventContext:
    """The attributes of a CloudEvent. `id` and `source` together name one event."""

    id: str
    source: str
    type: str
    basket_id: str
    """The subject, which is also the key."""
    time: datetime
    """When it happened."""
    record: Record = field(repr=False)
    sequence: int | None = None
    """The basket's version after an event; the version of a state; of a verdict, the version of its event."""
    request_index: int | None = None
    """This is so many-th of the events that one request made, from 1. None in topics that hold the old form."""
    request_count: int | None = None
    """So many events the request made."""
    correlation_id: str | None = None
    causation_id: str | None = None
    partner: str | None = None
    """The partner organisation."""
    recorded_time: datetime | None = None
    """When the service stored it."""
    replay: str | None = None
    """The id of the run that published it again; None for a message that was published for the first time."""
    traceparent: str | None = None
    """W3C Trace Context."""

    @property
    def partition(self) -> int:
        return self.record.partition

    @property
    def offset(self) -> int:
        return self.record.offset


@dataclass(frozen=True, slots=True)
class Received(Generic[T_co]):
    """A message's typed content with its attributes."""

    context: EventContext
    data: T_co


def read_context(record: Record) -> EventContext:
    """The attributes of a message, in the form of now or in that of before (one source, numbers without zeros, no
    request). Raises InvalidMessage."""
    basket_id = record.header("ce_subject") or (record.key or b"").decode(errors="replace")
    if not basket_id:
        raise InvalidMessage(f"neither ce_subject nor the key names a basket ({record.place})")
    time = _time(record, "ce_time")
    if time is None:
        raise InvalidMessage(f"the header ce_time is missing ({record.place})")
    index, count = _number(record, "ce_requestindex"), _number(record, "ce_requestcount")
    if (index is None) != (count is None) or (index is not None and count is not None and not 1 <= index <= count):
        raise InvalidMessage(f"event {index} of {count} is none of a request ({record.place})")
    return EventContext(
        id=_required(record, "ce_id"),
        source=_required(record, "ce_source"),
        type=_required(record, "ce_type"),
        basket_id=basket_id,
        time=time,
        record=record,
        sequence=_number(record, "ce_sequence"),
        request_index=index,
        request_count=count,
        correlation_id=record.header("ce_correlationid"),
        causation_id=record.header("ce_causationid"),
        partner=record.header("ce_partnerorg"),
        recorded_time=_time(record, "ce_recordedtime"),
        replay=record.header("ce_replay"),
        traceparent=record.header("traceparent"),
    )


def _required(record: Record, name: str) -> str:
    value = record.header(name)
    if not value:
        raise InvalidMessage(f"the header {name} is missing ({record.place})")
    return value


def _number(record: Record, name: str) -> int | None:
    value = record.header(name)
    if value is None:
        return None
    if not (value.isascii() and value.isdigit()) or len(value) > 18:
        raise InvalidMessage(f"the header {name} is no number: {value!r} ({record.place})")
    return int(value)


def _time(record: Record, name: str) -> datetime | None:
    value = record.header(name)
    if value is None:
        return None
    try:
        return _TIME.validate_strings(value)
    except ValidationError as error:
        raise InvalidMessage(f"the header {name} is no RFC 3339 time: {value!r} ({record.place})") from error
