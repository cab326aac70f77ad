"""What happened to a basket, in a form that reads well in a test."""

from __future__ import annotations

from collections.abc import Iterable

from domain.basket.events import (
    BasketCompleted,
    BasketDetailsChanged,
    BasketExpired,
    BasketInitiated,
    BasketPersonalDataForgotten,
    BasketValidated,
    OrderItemAdded,
    OrderItemPriceExpected,
    OrderItemQuantityChanged,
    OrderItemRemoved,
    UnknownEvent,
)
from domain.shared.eventsourcing import DomainEvent


def happened(events: Iterable[DomainEvent]) -> list[tuple[object, ...]]:
    """Each event as a short tuple."""
    return [_told(event) for event in events]


def _told(event: DomainEvent) -> tuple[object, ...]:
    match event:
        case BasketInitiated():
            return ("initiated", event.partner)
        case BasketDetailsChanged():
            return ("details changed", *event.changed)
        case OrderItemAdded(order_item=line):
            return ("added", line.id, str(line.offer), line.quantity)
        case OrderItemRemoved():
            return ("removed", event.order_item_id, event.reason)
        case OrderItemQuantityChanged():
            return ("quantity", event.order_item_id, event.before, event.after)
        case OrderItemPriceExpected():
            return ("price expected", event.order_item_id, str(event.before), str(event.after))
        case BasketValidated():
            return ("validated", event.basket_version, event.ready)
        case BasketExpired():
            return ("expired",)
        case BasketCompleted():
            return ("completed", event.order_id)
        case BasketPersonalDataForgotten():
            return ("personal data forgotten",)
        case UnknownEvent():
            return ("unknown", event.type)
        case _:
            raise AssertionError(f"{type(event).__name__} has no short form")
