from __future__ import annotations

from collections.abc import Sequence

from msgspec import structs

from domain.basket.basket import Basket
from domain.basket.codec import decode_all
from domain.basket.events import OrderItemAdded
from domain.basket.serialization import state_json
from domain.ports.event_store import StoredEvent
from domain.shared.eventsourcing import fold
from domain.validation.stream_fold import StreamFold, UnfoldableBasket
from tests.played_basket import play_basket


async def played_events() -> Sequence[StoredEvent]:
    played = await play_basket()
    return await played.checkout.store.read_events(played.held.id)


def by_models(events: Sequence[StoredEvent]) -> bytes:
    basket: Basket | None = fold(None, decode_all(b"[" + b",".join(event.data for event in events) + b"]"))
    assert basket is not None
    return state_json(basket)


def odd(event: StoredEvent) -> StoredEvent:
    """The same event in a form that only its model reads: an amount with a zero in front."""
    return structs.replace(event, data=event.data.replace(b'"amount":"', b'"amount":"0'))


async def test_the_state_after_each_event_is_what_the_models_make() -> None:
    events = await played_events()
    folded = StreamFold(events[0].stream_id)
    for number, event in enumerate(events, start=1):
        folded.advance([event])
        assert folded.state() == by_models(events[:number])
    assert len({event.type for event in events}) > 5


async def test_lines_of_odd_events_stand_beside_those_of_usual_ones() -> None:
    events = await played_events()
    added = [number for number, event in enumerate(events) if event.type == OrderItemAdded.TOPIC]
    for chosen in added:
        mixed = [odd(event) if number == chosen else event for number, event in enumerate(events)]
        folded = StreamFold(events[0].stream_id)
        folded.advance(mixed)
        assert folded.state() == by_models(mixed)


async def test_events_that_do_not_follow_each_other_cannot_be_folded() -> None:
    first, *_, last = await played_events()
    folded = StreamFold(first.stream_id)
    folded.advance([first, last])
    assert isinstance(folded.state(), UnfoldableBasket)

    stranger = structs.replace(last, data=last.data.replace(first.stream_id.encode(), b"basket-other"))
    folded = StreamFold(first.stream_id)
    folded.advance([first, stranger])
    assert isinstance(folded.state(), UnfoldableBasket)
