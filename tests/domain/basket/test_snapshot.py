"""A basket's state as views keep it, and the repository that reads it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from msgspec import structs
from pydantic_core import to_json

from domain.basket.basket import Basket
from domain.basket.basket_view import to_view
from domain.basket.codec import decode_all
from domain.basket.serialization import serialize_order
from domain.basket.snapshot import BasketSnapshot, UnreadableSnapshot, restore
from domain.operators.verify.compare import differing_columns
from domain.ports.event_store import StoredStream
from domain.shared.eventsourcing import fold
from tests.builders import (
    LIFETIME,
    InMemoryCheckout,
    add,
    availability,
    basket,
    caller,
    initiate,
    item,
    line,
    money,
    offer,
    price,
    quantities,
    update,
    validate,
)
from tests.builders.stored_events import fold_basket
from tests.domain.stored import samples
from tests.fakes.event_store import InMemoryEventStore


async def lived(checkout: InMemoryCheckout, ending: str = "") -> str:
    """The id of a basket with every kind of event."""
    await checkout.record(offer("o-1"), price("o-1"), availability("SKU-1"))
    own = "0b6f5d3c-1111-7000-8000-000000000001"
    command = initiate(
        item("o-1", 2, id=own, type="offer"),
        item("a-1", type="add_on", parent_id=own),
        external_id="E-1",
        custom_fields={"deep": [{"er": None}]},
    )
    id = (await checkout.handlers.initiate(command, caller())).basket.id
    await checkout.handlers.update(update(id, add("o-2", 3, type="offer")), caller())
    await checkout.handlers.validate(validate(id), caller())
    await checkout.handlers.initiate(initiate(item("o-1", 4), checkout_id=id, source="shop"), caller())
    if ending == "completed":
        await checkout.handlers.complete(id, "order-1", caller())
    elif ending == "expired":
        checkout.clock.advance(LIFETIME)
        await checkout.handlers.expire(id, caller())
    return id


async def folded(checkout: InMemoryCheckout, id: str, upto: int | None = None) -> Basket:
    return fold_basket((await checkout.history(id))[:upto])


@pytest.mark.parametrize("ending", ["", "completed", "expired"])
async def test_a_snapshot_has_the_whole_state_of_a_basket(ending: str) -> None:
    checkout = InMemoryCheckout()
    basket = await folded(checkout, await lived(checkout, ending))
    snapshot = BasketSnapshot.take(basket)
    assert snapshot.restore() == basket
    assert restore(to_json(snapshot)) == basket
    assert list(snapshot.restore().items) == list(basket.items)


async def test_folding_onto_a_snapshot_gives_what_folding_from_the_start_gives() -> None:
    checkout = InMemoryCheckout()
    id = await lived(checkout, "completed")
    whole = await folded(checkout, id)
    for version in range(1, whole.version + 1):
        taken = restore(to_json(BasketSnapshot.take(await folded(checkout, id, version))))
        assert fold(taken, (await checkout.history(id))[version:]) == whole


def test_a_snapshot_of_every_golden_sample_can_be_taken() -> None:
    initiated = samples()["basket-initiated"]
    for name, sample in samples().items():
        needs_a_line = ("order-item-removed", "order-item-quantity", "order-item-price", "order-item-repriced")
        if name.startswith(("basket-initiated", *needs_a_line)):
            continue
        events = decode_all(to_json([initiated, {**sample, "version": 2}]))
        basket = fold(None, events)
        assert isinstance(basket, Basket)
        assert restore(to_json(BasketSnapshot.take(basket))) == basket, name


async def test_a_snapshot_without_finding_codes_is_readable() -> None:
    checkout = InMemoryCheckout()
    basket = await folded(checkout, await lived(checkout))
    assert basket.finding_codes
    old = to_json(BasketSnapshot.take(basket), exclude={"finding_codes"})

    assert restore(old).finding_codes == ()
    assert {**vars(restore(old)), "finding_codes": basket.finding_codes} == vars(basket)


def test_a_snapshot_from_before_prices_had_intervals_is_the_same_basket() -> None:
    now = to_view(basket(line("line-1", expected_price=money("9.00")), line("line-2", "o-2")))
    before = replace(now, snapshot=now.snapshot.replace(b',"interval":null', b""))

    assert before.snapshot != now.snapshot
    assert BasketSnapshot.take(restore(before.snapshot)) == BasketSnapshot.take(restore(now.snapshot))
    assert differing_columns(before, now) == ()
    assert serialize_order(restore(before.snapshot)) == serialize_order(restore(now.snapshot))


@pytest.mark.parametrize("text", [b"", b"{}", b"null", b'{"id":"basket-1","version":1}'])
def test_anything_but_a_snapshot_is_unreadable(text: bytes) -> None:
    with pytest.raises(UnreadableSnapshot):
        restore(text)


class StoreWithViews(InMemoryEventStore):
    """A store that returns a basket view's snapshot if it is newer."""

    view: tuple[int, bytes] | None = None

    async def read_stream(self, stream_id: str, after_version: int = 0) -> StoredStream:
        if self.view is None or self.view[0] <= after_version:
            return await super().read_stream(stream_id, after_version)
        stream = await super().read_stream(stream_id, self.view[0])
        return structs.replace(stream, snapshot=self.view[1])


async def test_a_basket_is_loaded_from_its_view_and_the_events_after_it() -> None:
    checkout = InMemoryCheckout(make_store=StoreWithViews)
    id = await lived(checkout)
    whole = await folded(checkout, id)
    assert isinstance(checkout.store, StoreWithViews)
    for version in range(1, whole.version + 1):
        snapshot = to_json(BasketSnapshot.take(await folded(checkout, id, version)))
        checkout.store.view = (version, snapshot)
        assert await checkout.process().baskets.load(id) == whole


async def test_a_view_newer_than_the_cache_is_used() -> None:
    checkout = InMemoryCheckout(make_store=StoreWithViews)
    id = await lived(checkout)
    assert isinstance(checkout.store, StoreWithViews)
    await checkout.process().handlers.update(update(id, add("o-7", 7, type="offer")), caller())
    now = await folded(checkout, id)
    checkout.store.view = (now.version, to_json(BasketSnapshot.take(now)))
    assert quantities(await checkout.handlers.get(id, "acme"))["o-7@v-1"] == 7


@pytest.mark.parametrize("text", [b"{}", b"not json", b'{"status":"parked"}'])
async def test_an_unreadable_view_is_ignored_in_favour_of_the_events(text: bytes) -> None:
    checkout = InMemoryCheckout(make_store=StoreWithViews)
    id = await lived(checkout)
    assert isinstance(checkout.store, StoreWithViews)
    checkout.store.view = (2, text)
    assert await checkout.process().baskets.load(id) == await folded(checkout, id)


async def test_a_decision_does_not_change_the_loaded_basket() -> None:
    checkout = InMemoryCheckout()
    id = await lived(checkout)
    loaded = await checkout.main.baskets.load(id)
    before = restore(to_json(BasketSnapshot.take(loaded)))
    await checkout.handlers.update(update(id, add("o-9", 9, type="offer")), caller())
    assert loaded == before
