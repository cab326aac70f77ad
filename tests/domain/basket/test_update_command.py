"""Updates of a stored basket: owners, versions and other writers."""

from __future__ import annotations

import asyncio

import pytest

from domain.basket.command_executor import VersionConflict
from domain.basket.commands import IfMatch
from domain.basket.decision import CheckoutConfig
from domain.ports.event_store import Append, AppendOutcome, Conflict
from domain.shared.errors import BasketFinished, BasketNotFound, InvalidCommand, VersionMismatch
from tests.builders import (
    LIFETIME,
    SECOND,
    CheckoutProcess,
    InMemoryCheckout,
    add,
    at_version,
    basket_id,
    caller,
    change,
    initiate,
    item,
    quantities,
    remove,
    update,
)
from tests.fakes.event_store import InMemoryEventStore
from tests.scenario import happened


async def begun(checkout: InMemoryCheckout, *items: str) -> str:
    command = initiate(*(item(offer) for offer in items))
    return (await checkout.handlers.initiate(command, caller())).basket.id


async def test_an_update_is_stored_before_it_is_answered() -> None:
    checkout = InMemoryCheckout()
    id = await begun(checkout, "o-1")
    updated = await checkout.handlers.update(update(id, add("o-2", 2)), caller())
    assert happened(await checkout.history(id))[-1][0] == "added"
    assert updated.basket.version == 3
    assert quantities(await checkout.handlers.get(id, "acme")) == {"o-1@v-1": 1, "o-2@v-1": 2}


async def test_events_record_the_caller_and_the_conversation() -> None:
    checkout = InMemoryCheckout()
    id = await begun(checkout)
    await checkout.handlers.update(update(id, add()), caller(causation_id="command-7"))
    metadata = (await checkout.store.read_events(id))[-1].metadata
    assert b'"partner":"acme"' in metadata
    assert b'"causationId":"command-7"' in metadata


async def test_a_refused_update_stores_nothing() -> None:
    checkout = InMemoryCheckout()
    id = await begun(checkout, "o-1")
    with pytest.raises(InvalidCommand) as caught:
        await checkout.handlers.update(update(id, add("o-2"), remove("x"), change("y", 1)), caller())
    assert [violation.location[:2] for violation in caught.value.violations] == [
        ("orderItemActions", 1),
        ("orderItemActions", 2),
    ]
    assert len(await checkout.history(id)) == 2


async def test_an_update_that_changes_nothing_stores_nothing() -> None:
    checkout = InMemoryCheckout()
    id = await begun(checkout, "o-1")
    (line,) = (await checkout.handlers.get(id, "acme")).items.values()
    updated = await checkout.handlers.update(update(id, change(line.id, 1)), caller())
    assert (updated.basket.version, updated.results[0].status) == (2, "unchanged")


async def test_another_organisations_basket_does_not_exist() -> None:
    checkout = InMemoryCheckout()
    id = await begun(checkout)
    for asked in (id, basket_id(99)):
        with pytest.raises(BasketNotFound):
            await checkout.handlers.update(update(asked, add()), caller("globex"))
        with pytest.raises(BasketNotFound):
            await checkout.handlers.get(asked, "globex")


async def test_a_finished_basket_takes_no_changes() -> None:
    checkout = InMemoryCheckout()
    id = await begun(checkout)
    checkout.clock.advance(LIFETIME - SECOND)
    await checkout.handlers.update(update(id, add()), caller())
    checkout.clock.advance(SECOND)
    with pytest.raises(BasketFinished):
        await checkout.handlers.update(update(id, add()), caller())


# versions


@pytest.mark.parametrize("if_match", [at_version(2), at_version(1, 2), IfMatch(None)])
async def test_an_update_at_the_expected_version_is_applied(if_match: IfMatch) -> None:
    checkout = InMemoryCheckout()
    id = await begun(checkout, "o-1")
    updated = await checkout.handlers.update(update(id, add("o-2"), if_match=if_match), caller())
    assert updated.basket.version == 3


@pytest.mark.parametrize("if_match", [at_version(1), at_version(3), IfMatch(frozenset())])
async def test_an_update_at_another_version_is_refused_with_the_current_one(if_match: IfMatch) -> None:
    checkout = InMemoryCheckout()
    id = await begun(checkout, "o-1")
    with pytest.raises(VersionMismatch) as caught:
        await checkout.handlers.update(update(id, add("o-2"), if_match=if_match), caller())
    assert caught.value.actual == 2


async def test_a_version_known_only_to_a_stale_cache_is_rejected() -> None:
    checkout = InMemoryCheckout()
    id = await begun(checkout, "o-1")
    await checkout.process().handlers.update(update(id, add("o-2")), caller())
    with pytest.raises(VersionMismatch) as caught:
        await checkout.handlers.update(update(id, add("o-3"), if_match=at_version(2)), caller())
    assert caught.value.actual == 3


async def test_a_version_newer_than_the_cache_is_accepted() -> None:
    checkout = InMemoryCheckout()
    id = await begun(checkout, "o-1")
    await checkout.process().handlers.update(update(id, add("o-2")), caller())
    updated = await checkout.handlers.update(update(id, add("o-3"), if_match=at_version(3)), caller())
    assert updated.basket.version == 4


async def test_an_unchanged_basket_has_the_stores_version() -> None:
    checkout = InMemoryCheckout()
    id = await begun(checkout, "o-1")
    (line,) = (await checkout.handlers.get(id, "acme")).items.values()
    await checkout.process().handlers.update(update(id, change(line.id, 5)), caller())
    updated = await checkout.handlers.update(update(id, change(line.id, 1)), caller())
    assert (updated.results[0].before, updated.results[0].after) == (5, 1)


# other writers


async def test_concurrent_updates_lose_no_item() -> None:
    # How often the same process wins on a busy machine does not matter here.
    checkout = InMemoryCheckout(policy=CheckoutConfig(attempts=100))
    id = await begun(checkout)
    processes = [checkout.main, *(checkout.process() for _ in range(3))]

    async def add_offers(process: CheckoutProcess, number: int) -> None:
        for _ in range(5):
            await process.handlers.update(update(id, add(f"o-{number}")), caller())

    await asyncio.gather(*(add_offers(processes[number % 4], number) for number in range(16)))
    held = quantities(await checkout.handlers.get(id, "acme"))
    assert held == {f"o-{number}@v-1": 5 for number in range(16)}


@pytest.mark.parametrize(
    "ending", ["an item that only the other process added", "an item that the other process removed"]
)
async def test_a_stale_cache_causes_no_wrong_rejection_and_no_wrong_success(ending: str) -> None:
    checkout = InMemoryCheckout()
    id = await begun(checkout, "o-1")
    (first,) = (await checkout.handlers.get(id, "acme")).items.values()
    other = checkout.process().handlers
    if ending == "an item that only the other process added":
        added = await other.update(update(id, add("o-2")), caller())
        new = added.results[0].order_item_id or ""
        updated = await checkout.handlers.update(update(id, change(new, 4)), caller())
        assert updated.basket.items[new].quantity == 4
    else:
        await other.update(update(id, remove(first.id)), caller())
        with pytest.raises(InvalidCommand):
            await checkout.handlers.update(update(id, change(first.id, 4)), caller())


async def test_a_finished_basket_that_is_cached_as_open_takes_no_changes() -> None:
    checkout = InMemoryCheckout()
    id = await begun(checkout, "o-1")
    await checkout.process().handlers.complete(id, "order-1", caller())
    with pytest.raises(BasketFinished):
        await checkout.handlers.update(update(id, add()), caller())


async def test_the_cached_basket_does_not_count_as_an_attempt() -> None:
    checkout = InMemoryCheckout(policy=CheckoutConfig(attempts=1))
    id = await begun(checkout, "o-1")
    await checkout.process().handlers.update(update(id, add("o-2")), caller())
    updated = await checkout.handlers.update(update(id, add("o-3")), caller())
    assert updated.basket.version == 4


async def test_a_loaded_basket_is_not_changed_by_a_later_load() -> None:
    checkout = InMemoryCheckout()
    id = await begun(checkout, "o-1")
    held = await checkout.main.baskets.load(id)
    await checkout.process().handlers.update(update(id, add("o-2")), caller())
    again = await checkout.main.baskets.load(id)
    assert (held.version, quantities(held)) == (2, {"o-1@v-1": 1})
    assert (again.version, quantities(again)) == (3, {"o-1@v-1": 1, "o-2@v-1": 1})


async def test_a_cache_ahead_of_a_restored_store_is_corrected() -> None:
    checkout = InMemoryCheckout(make_store=RestoredStore)
    assert isinstance(checkout.store, RestoredStore)
    id = await begun(checkout, "o-1")
    await checkout.handlers.update(update(id, add("o-2")), caller())
    checkout.store.lose_last(id)
    updated = await checkout.handlers.update(update(id, add("o-3")), caller())
    assert quantities(updated.basket) == {"o-1@v-1": 1, "o-3@v-1": 1}


class RestoredStore(InMemoryEventStore):
    """A store that can be restored to the state before its last event."""

    def lose_last(self, stream_id: str) -> None:
        self._streams[stream_id].pop()


class ContendedStore(InMemoryEventStore):
    """A store in which another writer always wins, once it is `contended`."""

    contended = False
    tried = 0

    async def append(self, append: Append) -> AppendOutcome:
        if not self.contended:
            return await super().append(append)
        self.tried += 1
        return Conflict()


async def test_endless_conflicts_are_reported_with_the_present_basket() -> None:
    checkout = InMemoryCheckout(policy=CheckoutConfig(attempts=3), make_store=ContendedStore)
    store = checkout.store
    assert isinstance(store, ContendedStore)
    id = await begun(checkout, "o-1")
    store.contended = True
    with pytest.raises(VersionConflict) as caught:
        await checkout.process().handlers.update(update(id, add("o-2")), caller())
    assert store.tried == 3
    assert (caught.value.basket.version, quantities(caught.value.basket)) == (2, {"o-1@v-1": 1})
