"""A basket's history as it grows."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from domain.operators.history.as_of import BasketHistory, HistoryEntry
from domain.operators.history.tail import HistoryTail
from domain.ports.event_store import StoredEvent
from domain.shared.errors import BasketNotFound, StoreUnavailable
from tests.builders import InMemoryCheckout, add, basket_id, caller, initiate, item, update, validate
from tests.fakes.event_store import InMemoryEventStore


async def take(following: HistoryTail, id: str, count: int, after: int = 0) -> list[HistoryEntry]:
    """The first `count` entries."""
    found: list[HistoryEntry] = []
    async with asyncio.timeout(20):
        async for entry in following.follow(id, after):
            found.append(entry)
            if len(found) == count:
                return found
    raise AssertionError("it ended by itself")


async def test_a_tail_returns_old_entries_then_new_ones_as_they_are_stored() -> None:
    checkout = InMemoryCheckout()
    id = (await checkout.handlers.initiate(initiate(item()), caller())).basket.id
    following = asyncio.ensure_future(take(HistoryTail(checkout.store, checkout.store), id, 4))

    await asyncio.sleep(0)
    await checkout.handlers.initiate(initiate(item()), caller())
    await checkout.handlers.update(update(id, add("o-2")), caller())
    await asyncio.sleep(0)
    await checkout.handlers.validate(validate(id), caller())

    assert await following == await BasketHistory(checkout.store).entries(id)


async def test_a_tail_after_a_version_has_the_same_descriptions() -> None:
    checkout = InMemoryCheckout()
    id = (await checkout.handlers.initiate(initiate(item()), caller())).basket.id
    following = asyncio.ensure_future(take(HistoryTail(checkout.store, checkout.store), id, 1, after=2))
    await asyncio.sleep(0)
    await checkout.handlers.update(update(id, add("o-1")), caller())

    (entry,) = await following
    assert (entry.version, entry.words) == (3, "quantity of o-1 v-1 from 1 to 2")


async def test_an_unknown_basket_cannot_be_followed() -> None:
    checkout = InMemoryCheckout()
    with pytest.raises(BasketNotFound):
        await take(HistoryTail(checkout.store, checkout.store), basket_id(9), 1)


class UnavailableStore(InMemoryEventStore):
    """A store that can be away."""

    away = False

    async def read_events(self, stream_id: str, after_version: int = 0) -> Sequence[StoredEvent]:
        if self.away:
            raise StoreUnavailable("it is away")
        return await super().read_events(stream_id, after_version)


async def test_a_tail_raises_when_the_store_is_away() -> None:
    checkout = InMemoryCheckout(make_store=UnavailableStore)
    assert isinstance(checkout.store, UnavailableStore)
    id = (await checkout.handlers.initiate(initiate(item()), caller())).basket.id
    following = asyncio.ensure_future(take(HistoryTail(checkout.store, checkout.store), id, 9))
    await asyncio.sleep(0)
    checkout.store.away = True
    await checkout.handlers.initiate(initiate(item()), caller())

    with pytest.raises(StoreUnavailable):
        await following
