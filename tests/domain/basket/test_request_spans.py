"""Which events one request appended."""

from __future__ import annotations

import json
from collections.abc import Sequence

import pytest
from msgspec import structs

from domain.basket.request_spans import RequestSpanReader
from domain.ports.event_store import Append, NewEvent, StoredEvent
from domain.shared.request_span import RequestSpan
from tests.builders import FixedClock, InMemoryCheckout, add, caller, initiate, item, update
from tests.fakes.event_store import InMemoryEventStore

BASKET = "basket-1"


async def spans_of(store: InMemoryEventStore, events: Sequence[StoredEvent]) -> list[tuple[int, int]]:
    return [(span.first, span.last) for span in await RequestSpanReader(store).of(events)]


async def stored(*metadata: bytes) -> tuple[InMemoryEventStore, list[StoredEvent]]:
    """A stream whose events have these metadata, as an earlier release stored it."""
    store = InMemoryEventStore(FixedClock())
    await store.append(Append(BASKET, 0, [NewEvent("x", b"{}", each) for each in metadata]))
    return store, list(await store.read_events(BASKET))


def told(cause: str, **more: object) -> bytes:
    return json.dumps({"causationId": cause, **more}).encode()


async def test_the_events_of_an_append_name_its_versions() -> None:
    checkout = InMemoryCheckout()
    begun = await checkout.handlers.initiate(initiate(item("o-1"), item("o-2")), caller("shop"))
    await checkout.handlers.update(update(begun.basket.id, add("o-3"), add("o-4")), caller("shop"))

    events = await checkout.store.read_events(begun.basket.id)
    assert [json.loads(event.metadata)["requestVersions"] for event in events] == [[1, 3]] * 3 + [[4, 5]] * 2
    assert await spans_of(checkout.store, events) == [(1, 3)] * 3 + [(4, 5)] * 2


def test_a_span_numbers_its_events_from_one() -> None:
    span = RequestSpan(4, 6)
    assert (span.count, [span.index_of(version) for version in (4, 5, 6)]) == (3, [1, 2, 3])


async def test_neighbours_with_the_same_metadata_are_one_request_of_an_earlier_release() -> None:
    store, events = await stored(told("a"), told("a"), told("b"), told("a"))
    assert await spans_of(store, events) == [(1, 2), (1, 2), (3, 3), (4, 4)]


@pytest.mark.parametrize("asked", [[1], [2], [1, 2], [0, 3]])
async def test_a_span_does_not_depend_on_which_events_are_asked_for(asked: list[int]) -> None:
    store, events = await stored(told("a"), told("a"), told("a"), told("b"))
    whole = await spans_of(store, events)
    assert await spans_of(store, [events[n] for n in asked]) == [whole[n] for n in asked]


async def test_a_stream_may_go_on_with_events_that_name_their_request() -> None:
    store, events = await stored(told("a"), told("a"), told("a", requestVersions=[3, 3]))
    assert await spans_of(store, events) == [(1, 2), (1, 2), (3, 3)]


@pytest.mark.parametrize("metadata", [b"{", b"[]", b"{}", b"\xff", b'{"causationId": 7}'])
async def test_events_whose_metadata_names_no_command_stand_alone(metadata: bytes) -> None:
    store, events = await stored(metadata, metadata)
    assert await spans_of(store, events) == [(1, 1), (2, 2)]


@pytest.mark.parametrize("named", [[2, 3], [0, 1], [1, 2**31], [1], ["1", "2"], [1.0, 2.0], None, "12", {}])
async def test_a_span_that_cannot_be_is_derived_instead(named: object) -> None:
    store, events = await stored(told("a", requestVersions=named), told("b"))
    assert await spans_of(store, events) == [(1, 1), (2, 2)]


async def test_an_event_that_the_store_lacks_stands_alone() -> None:
    store, (event,) = await stored(told("a"))
    assert await spans_of(store, [structs.replace(event, stream_id="basket-2", version=9)]) == [(9, 9)]
