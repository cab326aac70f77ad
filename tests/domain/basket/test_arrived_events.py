"""Events that arrive as documents move a view as their models do, byte for byte."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import replace

from hypothesis import event as noted
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.system import utc_now
from domain.basket.projection import ArrivedEvents, BasketProjection
from domain.basket.view_fold import fold_structs
from domain.ports.event_store import Append, NewEvent, StoredEvent
from domain.shared.eventsourcing import DomainEvent
from tests.builders.stored_events import decode_stored
from tests.domain.basket.test_event_structs import a_history, folded, plain_history
from tests.fakes.basket_views import InMemoryBasketViews
from tests.fakes.event_store import InMemoryEventStore


def arrived(events: Sequence[StoredEvent]) -> ArrivedEvents | Sequence[DomainEvent]:
    found = ArrivedEvents.of([each.data for each in events])
    noted("models" if found is None else "structs")
    return decode_stored(events) if found is None else found


async def store_of(events: Sequence[StoredEvent]) -> InMemoryEventStore:
    store = InMemoryEventStore(utc_now)
    new = [NewEvent(event.type, event.data, event.metadata) for event in events]
    await store.append(Append(events[0].stream_id, 0, new))
    return store


@given(st.data())
@settings(max_examples=60)
def test_a_history_that_arrives_in_parts_gives_the_view_of_its_models(data: st.DataObject) -> None:
    async def projected() -> None:
        events = await a_history(data)
        views = InMemoryBasketViews()
        projection = BasketProjection(await store_of(events), views)
        # Parts may repeat what came, and leave out what the store has.
        ends = [*sorted(data.draw(st.sets(st.integers(1, len(events)), min_size=1))), len(events)]
        for end in ends:
            begin = data.draw(st.integers(0, end - 1))
            assert await projection.apply({events[0].stream_id: arrived(events[begin:end])}) == {}
            (view,) = views.all()
            wanted = folded(events[: view.version])
            assert view.version >= end
            assert replace(view, uses=wanted.uses) == wanted
            assert views.used[view.basket_id] == wanted.uses

    asyncio.run(projected())


def test_an_event_that_the_models_refuse_blocks_the_view_at_the_event_before_it() -> None:
    *valid, last = plain_history()
    for each in valid:
        if "details" in each:
            each["details"]["customFields"] = {"gift": True}
    # Structs read a verdict as far as its findings. The space in the custom fields leaves the history to the models.
    documents = [json.dumps(each).encode() for each in (*valid, {**last, "evidence": 5})]
    found = ArrivedEvents.of(documents)
    assert found is not None
    views = InMemoryBasketViews()

    projection = BasketProjection(InMemoryEventStore(utc_now), views)
    stuck = asyncio.run(projection.apply({last["basketId"]: found}))

    assert stuck[last["basketId"]].version == last["version"]
    assert [view.version for view in views.all()] == [valid[-1]["version"]]


def test_a_gap_a_strange_snapshot_and_a_second_beginning_are_left_to_the_models() -> None:
    history = plain_history()
    id = history[0]["basketId"]
    documents = [json.dumps(each, separators=(",", ":")).encode() for each in history]
    found = ArrivedEvents.of(documents)
    assert found is not None
    structs = found.structs
    moved = fold_structs(id, None, structs[:3])
    assert moved is not None
    began, view = moved
    assert (began, view.version) == (0, 3)

    assert fold_structs(id, view.snapshot, structs[4:]) is None
    assert fold_structs(id, view.snapshot, structs[:3]) is None
    assert fold_structs(id, b'{"id":5}', structs) is None
    assert fold_structs(id, None, structs[1:]) is None
    assert fold_structs("another", view.snapshot, structs) is None


def test_documents_that_are_not_one_event_each_are_left_to_the_models() -> None:
    first, second = (json.dumps(each).encode() for each in plain_history()[:2])
    assert ArrivedEvents.of([first, second]) is not None
    for documents in ([b""], [b" "], [b"\n"], [first, b""], [first + b"," + second], [b"", first + b"," + second]):
        assert ArrivedEvents.of(documents) is None
