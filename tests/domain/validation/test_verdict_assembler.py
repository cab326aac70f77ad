from __future__ import annotations

from collections.abc import Sequence

from domain.basket.serialization import verdict_json
from domain.ports.event_store import Append, NewEvent, StoredEvent
from domain.validation.stream_fold import UnfoldableBasket
from domain.validation.verdict_assembler import VerdictAssembler
from tests.builders import InMemoryCheckout, add, caller, initiate, item, update, validate
from tests.fakes.event_store import InMemoryEventStore


async def judged_baskets(checkout: InMemoryCheckout, count: int) -> dict[str, list[bytes]]:
    """Baskets with three verdicts each, and what their callers were told."""
    told: dict[str, list[bytes]] = {}
    for _ in range(count):
        basket = (await checkout.handlers.initiate(initiate(item("o-1", 2)), caller())).basket
        told[basket.id] = []
        for offer in ("o-2", "o-3", None):
            if offer is not None:
                await checkout.handlers.update(update(basket.id, add(offer)), caller())
            validated = await checkout.handlers.validate(validate(basket.id), caller())
            told[basket.id].append(verdict_json(validated))
    return told


async def whole(verdicts: VerdictAssembler, events: Sequence[StoredEvent]) -> dict[str, list[object]]:
    found = await verdicts.of(events)
    return {
        id: [found[event.position] for event in events if event.stream_id == id and event.position in found]
        for id in {event.stream_id for event in events}
    }


async def test_an_assembled_verdict_is_what_the_caller_got() -> None:
    checkout = InMemoryCheckout()
    told = await judged_baskets(checkout, 3)
    assert await whole(VerdictAssembler(checkout.store), await checkout.store.read(0, 1_000)) == told


async def test_an_assembled_verdict_does_not_depend_on_batches_or_repeats() -> None:
    checkout = InMemoryCheckout()
    told = await judged_baskets(checkout, 2)
    events = await checkout.store.read(0, 1_000)
    for size in (1, 2, 5):
        verdicts = VerdictAssembler(checkout.store)
        for start in [*range(0, len(events), size), *range(0, len(events), size)]:
            part = events[start : start + size]
            for position, verdict in (await verdicts.of(part)).items():
                event = events[position - 1]
                assert verdict in told[event.stream_id]
        assert await whole(verdicts, events) == told


async def test_other_events_have_no_verdict() -> None:
    checkout = InMemoryCheckout()
    await checkout.handlers.initiate(initiate(item()), caller())
    assert await VerdictAssembler(checkout.store).of(await checkout.store.read(0, 10)) == {}


async def test_only_the_verdict_of_an_unreadable_basket_is_unavailable() -> None:
    checkout = InMemoryCheckout()
    told = await judged_baskets(checkout, 1)
    await _append(checkout.store, "odd-1", b'{"odd":1}', b'{"odd":2}')
    await _append(checkout.store, "odd-2", b"[", b"]")
    found = await whole(VerdictAssembler(checkout.store), await checkout.store.read(0, 1_000))
    assert isinstance(found.pop("odd-1")[0], UnfoldableBasket)
    assert isinstance(found.pop("odd-2")[0], UnfoldableBasket)
    assert found == told


async def _append(store: InMemoryEventStore, id: str, *documents: bytes) -> None:
    types = ["checkout.basket-initiated.v1", "checkout.basket-validated.v1"]
    events = [NewEvent(type, data, b"{}") for type, data in zip(types, documents, strict=True)]
    await store.append(Append(id, 0, events))
