"""The event types of this release, by their `ce_type`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import get_args

from checkout_client.models.base import UnknownEvent
from checkout_client.models.events import BasketEvent

__all__ = ["EVENT_TYPES", "BasketEvent", "parse_event"]

EVENT_TYPES: Mapping[str, type[BasketEvent]] = {
    event.model_fields["type"].default: event for event in get_args(BasketEvent)
}


def parse_event(ce_type: str, value: bytes) -> BasketEvent | UnknownEvent:
    """The event that a message's value holds; an UnknownEvent where this release has no class for its type.

    Raises pydantic's ValidationError if the value is not that event's JSON.
    """
    return EVENT_TYPES.get(ce_type, UnknownEvent).model_validate_json(value)
