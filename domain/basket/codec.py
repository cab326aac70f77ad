"""Basket events from and to their stored JSON.

Old events stay readable: an upcaster is a pure function from one version of a stored document to the
next and is applied on load. A type that this release does not know becomes an `UnknownEvent`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Annotated, Any

from pydantic import Field, TypeAdapter, ValidationError
from pydantic_core import to_json

from domain.base import DomainEvent
from domain.basket.events import BasketEvent, UnknownEvent

Document = dict[str, Any]
Upcaster = Callable[[Document], Document]

UPCASTERS: dict[str, Upcaster] = {}
"""From a superseded type name to the function that turns its document into the next version's."""

_EVENT: TypeAdapter[BasketEvent] = TypeAdapter(Annotated[BasketEvent, Field(discriminator="type")])
_EVENTS: TypeAdapter[list[BasketEvent]] = TypeAdapter(
    list[Annotated[BasketEvent, Field(discriminator="type")]]
)
KNOWN_TYPES: frozenset[str] = frozenset(event.model_fields["type"].default for event in BasketEvent.__args__)


class UnreadableEvent(ValueError):
    """A stored document that is no basket event of any version."""


def encode(event: DomainEvent) -> bytes:
    """The event's stored and published form: UTF-8 JSON."""
    return to_json(event, by_alias=True)


def decode(document: Document, upcasters: dict[str, Upcaster] = UPCASTERS) -> DomainEvent:
    """One event from its stored document, brought to its newest version; raises UnreadableEvent."""
    while (upcast := upcasters.get(document.get("type", ""))) is not None:
        document = upcast(document)
    try:
        if document.get("type") in KNOWN_TYPES:
            return _EVENT.validate_python(document)
        return UnknownEvent(
            originator_id=document["basketId"],
            originator_version=document["version"],
            timestamp=document["occurredAt"],
            type=document["type"],
            document=document,
        )
    except (ValidationError, KeyError) as error:
        raise UnreadableEvent(str(error)) from error


def decode_all(array: bytes, upcasters: dict[str, Upcaster] = UPCASTERS) -> list[DomainEvent]:
    """The events of a JSON array, in its order; raises UnreadableEvent.

    One parse for all is the fastest way; only where that fails each is looked at on its own.
    """
    try:
        return [*_EVENTS.validate_json(array)]
    except ValidationError:
        try:
            documents: Iterable[Document] = json.loads(array)
        except ValueError as error:
            raise UnreadableEvent(str(error)) from error
        return [decode(document, upcasters) for document in documents]
