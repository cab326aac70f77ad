"""Events and baskets as a store holds them."""

from __future__ import annotations

from collections.abc import Iterable

from domain.basket.basket import Basket
from domain.basket.codec import decode_all
from domain.ports.event_store import EventStore, StoredEvent
from domain.shared.eventsourcing import DomainEvent, fold


def decode_stored(stored: Iterable[StoredEvent]) -> list[DomainEvent]:
    return decode_all(b"[" + b",".join(event.data for event in stored) + b"]")


def fold_basket(events: Iterable[DomainEvent]) -> Basket:
    basket = fold(None, events)
    assert isinstance(basket, Basket)
    return basket


async def stored_basket(store: EventStore, basket_id: str) -> Basket:
    """The basket, folded from all its stored events."""
    return fold_basket(decode_stored(await store.read_events(basket_id)))
