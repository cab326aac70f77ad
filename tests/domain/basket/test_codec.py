"""Events from and to their stored JSON."""

from __future__ import annotations

import json
from typing import Any

import pytest

from domain.basket.basket import Basket
from domain.basket.codec import Document, UnreadableEvent, decode, decode_all, encode
from domain.basket.events import BasketEvent, OrderItemQuantityChanged, OrderItemRemoved, UnknownEvent
from domain.shared.eventsourcing import fold
from tests.builders import NOW, basket_id
from tests.domain.stored import samples

REMOVED = samples()["order-item-removed"]
NEWER = {**REMOVED, "type": "checkout.order-item-moved.v1", "to": "basket-2"}


def array(*documents: Any) -> bytes:
    return json.dumps(documents).encode()


def test_an_event_is_stored_as_compact_utf_8() -> None:
    event = OrderItemQuantityChanged(
        originator_id=basket_id(), originator_version=2, timestamp=NOW, order_item_id="ä", before=1, after=2
    )
    assert encode(event).decode() == (
        f'{{"basketId":"{basket_id()}","version":2,"occurredAt":"2026-11-23T12:00:00Z",'
        '"type":"checkout.order-item-quantity-changed.v1","orderItemId":"ä","before":1,"after":2}'
    )


def test_each_event_class_has_a_type_name_of_its_own_that_ends_in_its_version() -> None:
    names = [event.TOPIC for event in BasketEvent.__args__]
    assert len(set(names)) == len(names)
    assert all(name.startswith("checkout.") and name.endswith(".v1") for name in names)


def test_unknown_fields_are_ignored() -> None:
    assert decode({**REMOVED, "since": "a later release"}) == decode(REMOVED)


# upcasting


def _was_called_quantity_set(document: Document) -> Document:
    renamed = {key: value for key, value in document.items() if key != "quantity"}
    return {
        **renamed,
        "type": "checkout.order-item-quantity-changed.v1",
        "before": document["was"],
        "after": document["quantity"],
    }


def _had_no_before(document: Document) -> Document:
    return {**document, "type": "checkout.order-item-quantity-set.v1", "was": 1}


OLDEST = {
    "type": "checkout.order-item-quantity-set.v0",
    "basketId": basket_id(),
    "version": 2,
    "occurredAt": "2026-11-23T12:00:00Z",
    "orderItemId": "line-1",
    "quantity": 7,
}
UPCASTERS = {
    "checkout.order-item-quantity-set.v0": _had_no_before,
    "checkout.order-item-quantity-set.v1": _was_called_quantity_set,
}


def test_upcasters_run_version_by_version() -> None:
    before = dict(OLDEST)
    event = decode(OLDEST, UPCASTERS)
    assert isinstance(event, OrderItemQuantityChanged)
    assert (event.before, event.after) == (1, 7)
    assert before == OLDEST


def test_old_and_new_documents_keep_their_order() -> None:
    events = decode_all(array(OLDEST, REMOVED, OLDEST), UPCASTERS)
    assert [type(event) for event in events] == [
        OrderItemQuantityChanged,
        OrderItemRemoved,
        OrderItemQuantityChanged,
    ]


def test_a_document_whose_upcaster_fails_is_unreadable() -> None:
    broken = {key: value for key, value in OLDEST.items() if key != "quantity"}
    with pytest.raises(UnreadableEvent):
        decode(broken, UPCASTERS)


# unknown types


def test_an_event_of_a_newer_release_is_kept_whole() -> None:
    event = decode(NEWER)
    assert isinstance(event, UnknownEvent)
    assert (event.type, event.originator_version, event.document) == (NEWER["type"], 6, NEWER)


def test_an_event_of_a_newer_release_changes_only_the_version() -> None:
    initiated = samples()["basket-initiated"]
    expired = {**samples()["basket-expired"], "version": 3}
    basket = fold(None, decode_all(array(initiated, {**NEWER, "version": 2}, expired)))
    assert isinstance(basket, Basket)
    assert (basket.version, basket.status) == (3, "expired")


# unreadable


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"type": None},
        {"type": ["checkout.basket-expired.v1"]},
        {"type": "checkout.basket-expired.v1"},
        {"type": "somebody.elses.v1"},
        {**REMOVED, "version": 0},
        {**REMOVED, "version": None},
        {**REMOVED, "occurredAt": "yesterday"},
        {**REMOVED, "occurredAt": "2026-11-23T12:00:00"},
        {**REMOVED, "reason": "bored"},
        {**NEWER, "version": "x"},
        [],
        "text",
        None,
        7,
    ],
    ids=repr,
)
def test_a_document_that_is_no_event_is_unreadable(document: Any) -> None:
    with pytest.raises(UnreadableEvent):
        decode(document)
    with pytest.raises(UnreadableEvent):
        decode_all(array(REMOVED, document))


@pytest.mark.parametrize("text", [b"", b"{", b"{}", b"null", b"7", b'[{"type":', b"\xff"])
def test_anything_but_an_array_of_events_is_unreadable(text: bytes) -> None:
    with pytest.raises(UnreadableEvent):
        decode_all(text)


def test_an_empty_array_has_no_events() -> None:
    assert decode_all(b"[]") == []
