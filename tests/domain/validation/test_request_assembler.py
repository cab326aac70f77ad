from __future__ import annotations

import tracemalloc
from collections.abc import Collection, Mapping, Sequence

from msgspec import structs

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
            events[0] = structs.replace(events[0], data=events[0].data.replace(b'"ada"', b'""'))
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
    (first,) = [each async for each in assembler.assemble(await feed.read(0, 10))]
    assert b'"ada"' in (first.state if isinstance(first.state, bytes) else b"")

    await checkout.handlers.validate(validate(id), caller())
    await checkout.forget(id)
    late, last = [each async for each in assembler.assemble(await feed.read(2, 10))]

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
    one_by_one = [each.state for request in requests async for each in assembler.assemble([request])]
    assert store.reads == 0

    fresh = RequestAssembler(store, store)  # type: ignore[arg-type]  # it only reads events
    backwards = [each.state for request in reversed(requests) async for each in fresh.assemble([request])]
    assert backwards == one_by_one[::-1]
    assert store.reads == 2


async def test_a_large_basket_is_in_memory_once_and_not_once_for_each_of_its_requests() -> None:
    checkout = InMemoryCheckout()
    wanted = initiate(*(item(f"o-{number}") for number in range(200)))
    basket_id = (await checkout.handlers.initiate(wanted, caller())).basket.id
    for number in range(60):
        await checkout.handlers.update(update(basket_id, add(f"more-{number}")), caller())
    requests = await RequestFeed(checkout.store, checkout.store).read(0, 1_000)
    assembler = RequestAssembler(checkout.store)
    sizes = []

    tracemalloc.start()
    async for assembled in assembler.assemble(requests):
        assert isinstance(assembled.state, bytes)
        sizes.append(len(assembled.state))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert len(sizes) == 1 + 60
    assert peak < sum(sizes) / 2
