"""What the publisher writes beside events: the basket as of each request, and tombstones. In memory."""

from __future__ import annotations

import asyncio
import random
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.kafka.topics import BASKET_EVENTS, BASKETS, VALIDATION_RESULTS
from adapters.wire.responses import order_body
from domain.basket.orders import OrderReport
from domain.ports.event_store import Append, NewEvent
from domain.shared.errors import BasketFinished
from tests.builders import (
    LIFETIME,
    InMemoryCheckout,
    add,
    caller,
    cancel,
    initiate,
    item,
    update,
    validate,
)
from tests.fakes.publisher import InMemoryBroker
from tests.random_baskets import CATALOGUE, RandomLife
from tests.workers.published_baskets import RETENTION, InMemoryPublishing, require_states_of_events


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    page=st.integers(1, 6) | st.just(2_000),
    failing=st.sets(st.integers(1, 80), max_size=12),
)
def test_at_each_commit_every_state_is_the_fold_of_the_events_so_far(seed: int, page: int, failing: set[int]) -> None:
    async def play() -> None:
        checkout = InMemoryCheckout()
        await checkout.record(*CATALOGUE)
        lives = [
            RandomLife(checkout.handlers, checkout.store, checkout.clock, random.Random(seed + n)) for n in range(3)
        ]
        ends = await asyncio.gather(*(life.live(6) for life in lives), return_exceptions=True)
        # They share a clock: one that ends by its expiry takes the others along.
        assert all(isinstance(end, str | BasketFinished) for end in ends)
        service = InMemoryPublishing(checkout, InMemoryBroker(failing), page=page)
        await service.publish()
        checkout.clock.advance(RETENTION + timedelta(seconds=1))
        await service.publish()

        committed = service.broker.committed
        for stop in range(1, len(committed) + 1):
            require_states_of_events(service.broker, committed[:stop])
        for topic in (BASKET_EVENTS, BASKETS, VALIDATION_RESULTS):
            named = [message.header("ce_id") for message in service.broker.read(topic)]
            assert len(set(named)) == len(named), "nothing comes twice"
        assert not service.letters.letters

    asyncio.run(play())


async def a_basket(checkout: InMemoryCheckout, lines: int = 2) -> str:
    """A basket at version 1 + `lines`."""
    wanted = initiate(*(item(f"o-{number}") for number in range(lines)))
    return (await checkout.handlers.initiate(wanted, caller())).basket.id


async def test_the_state_of_every_request_goes_out_also_of_several_in_one_batch() -> None:
    checkout = InMemoryCheckout()
    id = await a_basket(checkout)
    await checkout.handlers.update(update(id, add("o-8"), add("o-9")), caller())
    await checkout.handlers.validate(validate(id), caller())
    service = InMemoryPublishing(checkout)

    await service.publish()

    assert service.states() == {id: [(3, "state"), (5, "state"), (6, "state")]}
    assert len(service.broker.sizes) == 1


async def test_a_state_is_what_get_answered_then() -> None:
    checkout = InMemoryCheckout()
    id = await a_basket(checkout)
    body = order_body(await checkout.handlers.get(id, "acme"))
    service = InMemoryPublishing(checkout)
    await service.publish()
    (message,) = service.broker.read(BASKETS)
    assert message.value == body


async def test_an_overdue_basket_is_open_until_its_expiry_is_an_event() -> None:
    checkout = InMemoryCheckout()
    id = await a_basket(checkout)
    checkout.clock.advance(LIFETIME + timedelta(days=1))
    service = InMemoryPublishing(checkout)
    await service.publish()
    (message,) = service.broker.read(BASKETS)
    assert b'"status":"open"' in (message.value or b"")
    await checkout.handlers.expire(id, caller())
    await service.publish()
    assert b'"status":"expired"' in (service.broker.read(BASKETS)[-1].value or b"")


@pytest.mark.parametrize("page", [1, 2, 3, 4, 50])
async def test_a_request_of_a_thousand_events_is_one_transaction(page: int) -> None:
    checkout = InMemoryCheckout()
    id = await a_basket(checkout, lines=400)
    service = InMemoryPublishing(checkout, page=page)
    await service.publish()
    assert (service.broker.sizes, service.states()) == ([401], {id: [(401, "state")]})


async def test_a_basket_that_cannot_be_folded_loses_its_states_and_no_other_does() -> None:
    checkout = InMemoryCheckout()
    odd = "basket-00000000-0000-7000-8000-00000000dead"
    types = ["checkout.basket-initiated.v1", "checkout.basket-validated.v1"]
    broken = [NewEvent(type, b'{"no":"basket"}', b"{}") for type in types]
    await checkout.store.append(Append(odd, 0, broken[:1]))
    id = await a_basket(checkout)
    await checkout.store.append(Append(odd, 1, broken[1:]))
    service = InMemoryPublishing(checkout)

    await service.publish()

    assert service.states() == {id: [(3, "state")]}
    assert len(service.broker.read(BASKET_EVENTS)) == 5
    assert [(letter.code, letter.source.offset) for letter in service.letters.letters] == [
        ("state_lost", 1),
        ("verdict_lost", 5),
        ("state_lost", 5),
    ]


async def test_a_verdict_or_state_that_no_message_takes_becomes_a_letter_and_holds_up_nothing() -> None:
    checkout = InMemoryCheckout()
    large = await a_basket(checkout, lines=50)
    await checkout.handlers.validate(validate(large), caller())
    small = await a_basket(checkout)
    service = InMemoryPublishing(checkout, max_value_bytes=10_000)

    await service.publish()

    assert service.states() == {small: [(3, "state")]}
    assert service.broker.read(VALIDATION_RESULTS) == []
    assert len(service.broker.read(BASKET_EVENTS)) == 51 + 1 + 3
    assert [(letter.code, letter.source.offset) for letter in service.letters.letters] == [
        ("state_too_large", 51),
        ("verdict_too_large", 52),
        ("state_too_large", 52),
    ]
    assert "has" in service.letters.letters[0].error
    assert "10000" in service.letters.letters[0].error


async def test_the_events_before_one_that_cannot_be_folded_keep_their_states() -> None:
    checkout = InMemoryCheckout()
    id = await a_basket(checkout)
    odd = NewEvent("checkout.order-item-removed.v1", b'{"odd":1}', b"{}")
    await checkout.store.append(Append(id, 3, [odd]))
    for page in (1, 50):
        service = InMemoryPublishing(checkout, page=page)
        await service.publish()
        assert service.states() == {id: [(3, "state")]}


class TestRetirement:
    async def over(self, checkout: InMemoryCheckout) -> tuple[str, InMemoryPublishing]:
        """A basket that was cancelled at version 4, and published."""
        id = await a_basket(checkout)
        await checkout.handlers.cancel(cancel(id), caller())
        service = InMemoryPublishing(checkout)
        await service.publish()
        return id, service

    async def test_a_basket_gets_one_tombstone_after_its_retention(self) -> None:
        checkout = InMemoryCheckout()
        id, service = await self.over(checkout)
        checkout.clock.advance(RETENTION)
        await service.publish()
        assert service.states() == {id: [(3, "state"), (4, "state")]}

        checkout.clock.advance(timedelta(seconds=1))
        for _ in range(2):
            await service.publish()
        assert service.states() == {id: [(3, "state"), (4, "state"), (4, "tombstone")]}

    async def test_an_open_basket_has_no_retention(self) -> None:
        checkout = InMemoryCheckout()
        id = await a_basket(checkout)
        service = InMemoryPublishing(checkout)
        await service.publish()
        checkout.clock.advance(10 * RETENTION)
        await service.publish()
        assert service.states() == {id: [(3, "state")]}

    async def test_a_retired_basket_stays_retired_when_something_happens_to_it(self) -> None:
        checkout = InMemoryCheckout()
        id, service = await self.over(checkout)
        checkout.clock.advance(2 * RETENTION)
        await service.publish()
        await checkout.forget(id)
        await service.publish()
        assert service.states()[id][-2:] == [(4, "tombstone"), (5, "tombstone")]

    async def test_what_happens_before_the_retention_has_passed_is_published(self) -> None:
        checkout = InMemoryCheckout()
        id, service = await self.over(checkout)
        await checkout.forget(id)
        await service.publish()
        checkout.clock.advance(2 * RETENTION)
        await service.publish()
        assert service.states()[id][-2:] == [(5, "state"), (5, "tombstone")]

    async def test_a_reopened_basket_is_not_over(self) -> None:
        checkout = InMemoryCheckout()
        id = await a_basket(checkout)
        rejected = OrderReport(id, "order-1", "rejected")
        await checkout.handlers.complete(id, "order-1", caller())
        await checkout.handlers.settle_order(rejected, caller())
        service = InMemoryPublishing(checkout)
        await service.publish()
        checkout.clock.advance(2 * RETENTION)
        await service.publish()
        assert service.states()[id][-1] == (5, "state")

    async def test_a_basket_that_is_reopened_after_its_tombstone_comes_back(self) -> None:
        checkout = InMemoryCheckout()
        id = await a_basket(checkout)
        await checkout.handlers.complete(id, "order-1", caller())
        service = InMemoryPublishing(checkout)
        await service.publish()
        checkout.clock.advance(2 * RETENTION)
        await service.publish()
        await checkout.handlers.settle_order(OrderReport(id, "order-1", "rejected"), caller())
        await service.publish()
        await checkout.handlers.complete(id, "order-2", caller())
        await service.publish()
        checkout.clock.advance(2 * RETENTION)
        await service.publish()
        assert service.states()[id][1:] == [
            (4, "state"),
            (4, "tombstone"),
            (5, "state"),
            (6, "state"),
            (6, "tombstone"),
        ]
