"""Which basket an initiate means, and how it changes."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from domain.basket.repository import MAX_EVENT_BYTES
from domain.ports.event_store import Append, AppendOutcome
from domain.shared.errors import BasketFinished, BasketNotFound, ExternalIdInUse, InvalidCommand, VersionMismatch
from domain.shared.values import Clock
from tests.builders import (
    LIFETIME,
    NOW,
    SECOND,
    FixedClock,
    InMemoryCheckout,
    InterruptedStore,
    add,
    at_version,
    basket_id,
    caller,
    initiate,
    item,
    quantities,
    update,
)
from tests.fakes.event_store import InMemoryEventStore
from tests.scenario import happened


async def test_an_initiate_without_a_name_creates_a_basket() -> None:
    checkout = InMemoryCheckout()
    initiated = await checkout.handlers.initiate(initiate(item("o-1", 2), source="shop"), caller())
    assert initiated.created
    basket = await checkout.handlers.get(initiated.basket.id, "acme")
    assert (basket.partner, basket.status, basket.version) == ("acme", "open", 2)
    assert (basket.created_on, basket.expires_at) == (NOW, NOW + LIFETIME)
    assert (basket.details.source, quantities(basket)) == ("shop", {"o-1@v-1": 2})
    assert happened(await checkout.history(basket.id))[0] == ("initiated", "acme")


async def test_a_basket_may_begin_empty() -> None:
    checkout = InMemoryCheckout()
    initiated = await checkout.handlers.initiate(initiate(), caller())
    assert (initiated.basket.version, dict(initiated.basket.items)) == (1, {})


async def test_two_initiates_without_a_name_create_two_baskets() -> None:
    checkout = InMemoryCheckout()
    first = await checkout.handlers.initiate(initiate(), caller())
    second = await checkout.handlers.initiate(initiate(), caller())
    assert first.basket.id != second.basket.id


class CountingStore(InMemoryEventStore):
    """Notes what is asked of it."""

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock)
        self.asked: list[str] = []

    async def append(self, append: Append) -> AppendOutcome:
        self.asked.append("append")
        return await super().append(append)

    async def find_claim(self, name: str) -> str | None:
        self.asked.append("claim")
        return await super().find_claim(name)


@pytest.mark.parametrize(
    ("details", "first", "again"),
    [
        ({}, ["append"], ["append", "claim", "append"]),
        ({"data_subject": "person-1"}, ["claim", "append"], ["claim", "append"]),
    ],
)
async def test_only_where_a_key_would_be_made_the_external_id_is_looked_up_before_the_append(
    details: dict[str, str], first: list[str], again: list[str]
) -> None:
    store = CountingStore(FixedClock())
    checkout = InMemoryCheckout(make_store=lambda _: store)
    initiated = await checkout.handlers.initiate(initiate(item("o-1"), external_id="E-1", **details), caller())
    assert store.asked == first

    store.asked.clear()
    repeated = await checkout.handlers.initiate(initiate(item("o-1", 2), external_id="E-1", **details), caller())

    assert (repeated.created, repeated.basket.id, store.asked) == (False, initiated.basket.id, again)


async def test_a_rejected_initiate_creates_no_basket() -> None:
    checkout = InMemoryCheckout()
    with pytest.raises(InvalidCommand):
        await checkout.handlers.initiate(initiate(item("o-1", 0), external_id="E-1"), caller())
    assert await checkout.store.read(0, 10) == []


async def test_an_event_that_no_message_takes_is_refused() -> None:
    checkout = InMemoryCheckout()
    with pytest.raises(InvalidCommand) as refused:
        await checkout.handlers.initiate(initiate(custom_fields={"note": "x" * MAX_EVENT_BYTES}), caller())
    assert [violation.code for violation in refused.value.violations] == ["event_too_large"]
    assert await checkout.store.read(0, 10) == []


async def test_the_checkout_id_names_the_basket() -> None:
    checkout = InMemoryCheckout()
    first = await checkout.handlers.initiate(initiate(item("o-1")), caller())
    again = await checkout.handlers.initiate(initiate(item("o-1", 3), checkout_id=first.basket.id), caller())
    assert (again.created, again.basket.id) == (False, first.basket.id)
    assert quantities(again.basket) == {"o-1@v-1": 3}


async def test_the_checkout_id_takes_precedence_over_landing_state_and_external_id() -> None:
    checkout = InMemoryCheckout()
    named = await checkout.handlers.initiate(initiate(), caller())
    landed = await checkout.handlers.initiate(initiate(), caller())
    again = await checkout.handlers.initiate(
        initiate(item(), checkout_id=named.basket.id, landing_basket_id=landed.basket.id), caller()
    )
    assert again.basket.id == named.basket.id


async def test_the_landing_state_takes_precedence_over_the_external_id() -> None:
    checkout = InMemoryCheckout()
    await checkout.handlers.initiate(initiate(external_id="E-1"), caller())
    landed = await checkout.handlers.initiate(initiate(), caller())
    with pytest.raises(ExternalIdInUse):
        await checkout.handlers.initiate(initiate(external_id="E-1", landing_basket_id=landed.basket.id), caller())


async def test_the_external_id_names_the_open_basket_of_the_organisation() -> None:
    checkout = InMemoryCheckout()
    first = await checkout.handlers.initiate(initiate(item("o-1"), external_id="E-1"), caller())
    again = await checkout.handlers.initiate(initiate(item("o-2"), external_id="E-1"), caller())
    assert (again.created, again.basket.id) == (False, first.basket.id)
    assert quantities(again.basket) == {"o-2@v-1": 1}


async def test_organisations_do_not_share_external_ids() -> None:
    checkout = InMemoryCheckout()
    first = await checkout.handlers.initiate(initiate(external_id="E-1"), caller("acme"))
    other = await checkout.handlers.initiate(initiate(external_id="E-1"), caller("globex"))
    assert (other.created, other.basket.id != first.basket.id) == (True, True)


async def test_a_released_external_id_is_free() -> None:
    checkout = InMemoryCheckout()
    first = await checkout.handlers.initiate(initiate(external_id="E-1"), caller())
    await checkout.handlers.initiate(initiate(external_id="E-2", checkout_id=first.basket.id), caller())
    second = await checkout.handlers.initiate(initiate(external_id="E-1"), caller())
    assert second.created
    assert (await checkout.handlers.initiate(initiate(external_id="E-2"), caller())).basket.id == (first.basket.id)


async def test_an_open_basket_does_not_take_another_open_baskets_external_id() -> None:
    checkout = InMemoryCheckout()
    await checkout.handlers.initiate(initiate(external_id="E-1"), caller())
    other = await checkout.handlers.initiate(initiate(external_id="E-2"), caller())
    with pytest.raises(ExternalIdInUse):
        await checkout.handlers.initiate(initiate(external_id="E-1", checkout_id=other.basket.id), caller())
    assert (await checkout.handlers.get(other.basket.id, "acme")).details.external_id == "E-2"


async def test_the_same_request_again_changes_nothing() -> None:
    checkout = InMemoryCheckout()
    command = initiate(item("o-1", 2), external_id="E-1", custom_fields={"a": [1]})
    first = await checkout.handlers.initiate(command, caller())
    again = await checkout.handlers.initiate(command, caller())
    assert again.basket.version == first.basket.version


# finished baskets


async def test_a_checkout_id_of_a_finished_basket_is_refused() -> None:
    checkout = InMemoryCheckout()
    first = await checkout.handlers.initiate(initiate(), caller())
    await checkout.handlers.complete(first.basket.id, "order-1", caller())
    with pytest.raises(BasketFinished) as caught:
        await checkout.handlers.initiate(initiate(checkout_id=first.basket.id), caller())
    assert caught.value.status == "completed"


async def test_a_checkout_id_of_a_basket_past_its_expiry_is_refused_before_an_event_says_so() -> None:
    checkout = InMemoryCheckout()
    first = await checkout.handlers.initiate(initiate(), caller())
    checkout.clock.advance(LIFETIME - SECOND)
    await checkout.handlers.initiate(initiate(checkout_id=first.basket.id), caller())
    checkout.clock.advance(SECOND)
    with pytest.raises(BasketFinished) as caught:
        await checkout.handlers.initiate(initiate(checkout_id=first.basket.id), caller())
    assert caught.value.status == "expired"


@pytest.mark.parametrize("ending", ["completed", "expired", "past its expiry"])
async def test_a_landing_state_of_a_finished_basket_gives_way_to_a_new_one(ending: str) -> None:
    checkout = InMemoryCheckout()
    first = await checkout.handlers.initiate(initiate(), caller())
    await _end(checkout, first.basket.id, ending)
    second = await checkout.handlers.initiate(initiate(landing_basket_id=first.basket.id), caller())
    assert (second.created, second.basket.id != first.basket.id) == (True, True)


@pytest.mark.parametrize("ending", ["completed", "expired", "past its expiry"])
async def test_an_external_id_of_a_finished_basket_makes_a_new_one(ending: str) -> None:
    checkout = InMemoryCheckout()
    first = await checkout.handlers.initiate(initiate(external_id="E-1"), caller())
    await _end(checkout, first.basket.id, ending)
    second = await checkout.handlers.initiate(initiate(external_id="E-1"), caller())
    assert (second.created, second.basket.id != first.basket.id) == (True, True)


async def test_a_basket_past_its_expiry_that_holds_an_external_id_is_recorded_as_expired() -> None:
    checkout = InMemoryCheckout()
    first = await checkout.handlers.initiate(initiate(external_id="E-1"), caller())
    checkout.clock.advance(LIFETIME)
    await checkout.handlers.initiate(initiate(external_id="E-1"), caller())
    assert happened(await checkout.history(first.basket.id))[-1] == ("expired",)


@pytest.mark.parametrize("by", ["checkout id", "landing state"])
async def test_a_basket_past_its_expiry_gives_its_external_id_to_a_named_basket_too(by: str) -> None:
    checkout = InMemoryCheckout()
    first = await checkout.handlers.initiate(initiate(external_id="E-1"), caller())
    checkout.clock.advance(timedelta(days=1))
    other = await checkout.handlers.initiate(initiate(), caller())
    checkout.clock.advance(LIFETIME - timedelta(days=1))
    named = {"checkout_id" if by == "checkout id" else "landing_basket_id": other.basket.id}
    brought = await checkout.handlers.initiate(initiate(external_id="E-1", **named), caller())
    assert (brought.basket.id, brought.basket.details.external_id) == (other.basket.id, "E-1")
    assert (await checkout.handlers.get(first.basket.id, "acme")).status == "expired"


# missing baskets, and other organisations' baskets


async def test_a_checkout_id_of_no_basket_is_not_found() -> None:
    with pytest.raises(BasketNotFound):
        await InMemoryCheckout().handlers.initiate(initiate(checkout_id=basket_id(99)), caller())


async def test_a_checkout_id_of_another_organisation_is_not_found() -> None:
    checkout = InMemoryCheckout()
    theirs = await checkout.handlers.initiate(initiate(), caller("globex"))
    with pytest.raises(BasketNotFound):
        await checkout.handlers.initiate(initiate(checkout_id=theirs.basket.id), caller("acme"))


async def test_a_landing_state_of_another_organisation_gives_way_to_a_new_basket() -> None:
    checkout = InMemoryCheckout()
    theirs = await checkout.handlers.initiate(initiate(), caller("globex"))
    mine = await checkout.handlers.initiate(initiate(landing_basket_id=theirs.basket.id), caller("acme"))
    assert mine.created
    assert mine.basket.id != theirs.basket.id


# concurrent initiates


async def test_concurrent_initiates_with_one_external_id_make_one_basket() -> None:
    checkout = InMemoryCheckout()
    processes = [checkout.process() for _ in range(4)]
    commands = [initiate(item("o-1", number + 1), external_id="E-1") for number in range(16)]
    initiated = await asyncio.gather(
        *(processes[number % 4].handlers.initiate(command, caller()) for number, command in enumerate(commands))
    )
    assert len({each.basket.id for each in initiated}) == 1
    assert sum(each.created for each in initiated) == 1
    assert len(await checkout.store.read_events(initiated[0].basket.id)) >= 2


@pytest.mark.parametrize("by", ["landing state", "external id"])
async def test_a_basket_that_ends_during_an_initiate_gives_way_to_a_new_one(by: str) -> None:
    checkout = InMemoryCheckout(make_store=InterruptedStore)
    assert isinstance(checkout.store, InterruptedStore)
    first = await checkout.handlers.initiate(initiate(external_id="E-1"), caller())
    other = checkout.process().handlers
    checkout.store.before_append = lambda: other.complete(first.basket.id, "order-1", caller())
    named = {"landing_basket_id": first.basket.id} if by == "landing state" else {}
    second = await checkout.handlers.initiate(initiate(item(), external_id="E-1", **named), caller())
    assert (second.created, second.basket.id != first.basket.id) == (True, True)


async def test_an_external_id_taken_during_an_initiate_names_the_basket_that_took_it() -> None:
    checkout = InMemoryCheckout(make_store=InterruptedStore)
    assert isinstance(checkout.store, InterruptedStore)
    other = checkout.process().handlers
    checkout.store.before_append = lambda: other.initiate(initiate(external_id="E-1"), caller())
    initiated = await checkout.handlers.initiate(initiate(item(), external_id="E-1"), caller())
    assert not initiated.created
    assert len({event.stream_id for event in await checkout.store.read(0, 10)}) == 1


# versions


async def test_an_initiate_may_name_the_version_it_knows() -> None:
    checkout = InMemoryCheckout()
    first = await checkout.handlers.initiate(initiate(item()), caller())
    command = initiate(item("o-1", 2), checkout_id=first.basket.id, if_match=at_version(2))
    assert (await checkout.handlers.initiate(command, caller())).basket.version == 3
    with pytest.raises(VersionMismatch) as caught:
        await checkout.handlers.initiate(command, caller())
    assert caught.value.actual == 3


async def test_an_initiate_for_a_version_creates_no_basket() -> None:
    checkout = InMemoryCheckout()
    with pytest.raises(VersionMismatch) as caught:
        await checkout.handlers.initiate(initiate(if_match=at_version(1)), caller())
    assert caught.value.actual is None
    assert await checkout.store.read(0, 10) == []


async def _end(checkout: InMemoryCheckout, basket_id: str, ending: str) -> None:
    await checkout.handlers.update(update(basket_id, add()), caller())
    if ending == "completed":
        await checkout.handlers.complete(basket_id, "order-1", caller())
        return
    checkout.clock.advance(LIFETIME)
    if ending == "expired":
        await checkout.handlers.expire(basket_id, caller())
