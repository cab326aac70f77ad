"""Basket events from and to their stored JSON.

Old events stay readable: on load, an upcaster turns one version of a stored document into the next. An unknown type
becomes an `UnknownEvent`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Any

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError
from pydantic_core import from_json, to_json

from domain.basket.events import BasketEvent, UnknownEvent
from domain.shared.eventsourcing import DomainEvent

Document = dict[str, Any]
Upcaster = Callable[[Document], Document]
Upcasters = Mapping[str, Upcaster]

UPCASTERS: Upcasters = {}
"""From a superseded type name to the function that makes its document the next version's."""

_UNQUOTED = ConfigDict(hide_input_in_errors=True)
_EVENT: TypeAdapter[BasketEvent] = TypeAdapter(Annotated[BasketEvent, Field(discriminator="type")], config=_UNQUOTED)
_EVENTS: TypeAdapter[list[BasketEvent]] = TypeAdapter(
    list[Annotated[BasketEvent, Field(discriminator="type")]], config=_UNQUOTED
)
KNOWN_TYPES: frozenset[str] = frozenset(event.model_fields["type"].default for event in BasketEvent.__args__)


class UnreadableEvent(ValueError):
    """A stored document that is no basket event of any version."""


def encode(event: DomainEvent) -> bytes:
    """The event's stored and published form: UTF-8 JSON."""
    return to_json(event, by_alias=True)


def decode(document: Document, upcasters: Upcasters = UPCASTERS) -> DomainEvent:
    """One event in its newest version from its stored document; raises UnreadableEvent."""
    if not isinstance(document, dict) or not isinstance(document.get("type"), str):
        raise UnreadableEvent("not an object with a type")
    try:
        while (upcast := upcasters.get(document["type"])) is not None:
            document = upcast(document)
        if document["type"] in KNOWN_TYPES:
            return _EVENT.validate_python(document)
        return UnknownEvent(
            originator_id=document["basketId"],
            originator_version=document["version"],
            timestamp=document["occurredAt"],
            type=document["type"],
            document=document,
        )
    # An upcaster may fail in any way on an old document; then the event is unreadable.
    except (ValidationError, LookupError, TypeError, ValueError) as error:
        raise UnreadableEvent(repr(error)) from error


def decode_all(array: bytes, upcasters: Upcasters = UPCASTERS) -> list[DomainEvent]:
    """The events of a JSON array, in its order; raises UnreadableEvent. One parse for all is the fastest way; if it
    fails, each document is decoded on its own."""
    try:
        return [*_EVENTS.validate_json(array)]
    except ValidationError:
        try:
            documents = from_json(array)
        except ValueError as error:
            raise UnreadableEvent(str(error)) from error
        if not isinstance(documents, list):
            raise UnreadableEvent("not an array of events") from None
        return [decode(document, upcasters) for document in documents]
