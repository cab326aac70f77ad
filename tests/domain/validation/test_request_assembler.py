from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from domain.basket.events import BasketPersonalDataForgotten
from domain.basket.request_feed import RequestFeed
from domain.ports.event_store import StoredEvent
from domain.validation.request_assembler import RequestAssembler
from tests.builders import InMemoryCheckout, add, caller, initiate, item, update, validate


class DecryptingStore:
    """What of an EventStore is called. It shows an erased basket without personal data, and counts its reads. It tells
    erasures too."""

    def __init__(self, checkout: InMemoryCheckout) -> None:
        self._checkout = checkout
        self.reads = 0

    async def read_events(self, stream_id: str, after_version: int = 0) -> Sequence[StoredEvent]:
        self.reads += 1
        events = [*await self._checkout.store.read_events(stream_id)]
        if (await self.forgotten([stream_id])).get(stream_id):
            events[0] = replace(events[0], data=events[0].data.replace(b'"ada"', b'""'))
        return events[after_version:]

    async def forgotten(self, basket_ids: Collection[str]) -> Mapping[str, int]:
        return {
            id: event.version
            for id in basket_ids
            for event in await self._checkout.store.read_events(id)
            if event.type == BasketPersonalDataForgotten.TOPIC
        }


async def test_a_cached_basket_does_not_outlive_its_personal_data() -> None:
    checkout = InMemoryCheckout()
    command = initiate(item("o-1"), tracking={"name": "ada"})
    id = (await checkout.handlers.initiate(command, caller())).basket.id
    store = DecryptingStore(checkout)
    assembler = RequestAssembler(store, store)  # type: ignore[arg-type]  # it only reads events
    feed = RequestFeed(checkout.store, checkout.store)
    (first,) = await assembler.assemble(await feed.read(0, 10))
    assert b'"ada"' in (first.state if isinstance(first.state, bytes) else b"")

    await checkout.handlers.validate(validate(id), caller())
    await checkout.forget(id)
    late, last = await assembler.assemble(await feed.read(2, 10))

    for document in (late.state, last.state, *late.verdicts.values()):
        assert isinstance(document, bytes)
        assert b"ada" not in document


async def test_a_stream_is_read_only_where_the_basket_is_not_cached() -> None:
    checkout = InMemoryCheckout()
    id = (await checkout.handlers.initiate(initiate(item("o-1"), tracking={"name": "ada"}), caller())).basket.id
    for offer in ("o-2", "o-3"):
        await checkout.handlers.update(update(id, add(offer)), caller())
    store = DecryptingStore(checkout)
    requests = await RequestFeed(checkout.store, checkout.store).read(0, 10)
    assembler = RequestAssembler(store, store)  # type: ignore[arg-type]  # it only reads events
    one_by_one = [(await assembler.assemble([request]))[0].state for request in requests]
    assert store.reads == 0

    fresh = RequestAssembler(store, store)  # type: ignore[arg-type]  # it only reads events
    assert [(await fresh.assemble([request]))[0].state for request in reversed(requests)] == one_by_one[::-1]
    assert store.reads == 2
