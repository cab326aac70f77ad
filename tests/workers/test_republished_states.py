"""Republishing whole baskets, also to the live topic while the publisher works. In memory."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Collection
from contextlib import suppress
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.kafka.messages import Message
from adapters.kafka.replay import KafkaReplayTopics
from adapters.kafka.topics import BASKETS
from adapters.settings import Settings
from domain.operators.audit import Operator
from domain.operators.republish.republish import ReplayContent, RepublishProgress, RepublishRefused, RepublishRequest
from domain.operators.republish.republisher import Republisher
from domain.ports.event_store import Append, NewEvent
from domain.shared.errors import Unavailable
from tests.builders import InMemoryCheckout, add, caller, cancel, clear, initiate, item, update, validate
from tests.fakes.publisher import InMemoryBroker
from tests.fakes.republications import InMemoryRepublications
from tests.workers.published_baskets import RETENTION, InMemoryPublishing, end, require_state

ADA = Operator(actor="ada", way="command-line", reason="a new reader")


class ExistingTopics(KafkaReplayTopics):
    async def ensure(self, topic: str, content: ReplayContent) -> bool:
        return False


class Replaying(InMemoryPublishing):
    def __init__(self, checkout: InMemoryCheckout, failing: Collection[int] = (), batch: int = 2_000) -> None:
        super().__init__(checkout, InMemoryBroker(failing))
        self.republisher = Republisher(
            checkout.store,
            checkout.store,
            InMemoryRepublications(),
            ExistingTopics(Settings(_env_file=None)),
            self.broker.publisher,
            self._published,
            checkout.clock,
            checkout.ids,
            state_retention=RETENTION,
            batch_events=batch,
        )

    async def _published(self) -> int:
        return self.broker.checkpoint().position

    async def republish(self, topic: str = BASKETS, **asked: str) -> RepublishProgress:
        request = RepublishRequest(topic=topic, content="states", live=topic == BASKETS, confirmed=topic, **asked)
        run = await self.republisher.begin(request, ADA)
        while True:
            with suppress(Unavailable):
                return await self.republisher.send(await self.republisher.resume(run.id, ADA), asyncio.Event())

    def last(self, topic: str = BASKETS) -> dict[str, Message]:
        """The last record of each basket."""
        return {(message.key or b"").decode(): message for message in self.broker.read(topic)}


async def a_basket(checkout: InMemoryCheckout) -> str:
    return (await checkout.handlers.initiate(initiate(item("o-1")), caller())).basket.id


async def _traffic(checkout: InMemoryCheckout, basket_ids: Collection[str], dice: random.Random, count: int) -> None:
    for _ in range(count):
        id = dice.choice([*basket_ids])
        match dice.randrange(4):
            case 0:
                await checkout.handlers.validate(validate(id), caller())
            case 1:
                await checkout.handlers.update(update(id, clear()), caller())
            case _:
                await checkout.handlers.update(update(id, add("o-2"), add("o-3")), caller())
        for _ in range(dice.randrange(12)):
            await asyncio.sleep(0)


@settings(max_examples=150, deadline=None)
@given(seed=st.integers(0, 10**6), batch=st.integers(1, 9), failing=st.sets(st.integers(1, 60), max_size=8))
def test_the_last_record_of_each_basket_is_right_whatever_the_publisher_sends_meanwhile(
    seed: int, batch: int, failing: set[int]
) -> None:
    async def play() -> None:
        dice = random.Random(seed)
        checkout = InMemoryCheckout()
        service = Replaying(checkout, failing, batch)
        service.broker.pauses = lambda: dice.choice([0, 1, 40])
        ids = [await a_basket(checkout) for _ in range(3)]
        running = asyncio.create_task(service.keep_publishing())
        await asyncio.gather(_traffic(checkout, ids, dice, 12), service.republish(), service.republish())
        await end(running)
        await service.publish()

        last = service.last()
        assert last.keys() == set(ids)
        for id, message in last.items():
            assert message.value is not None
            require_state(message, await checkout.history(id))

    asyncio.run(play())


async def test_a_state_that_the_publisher_overtook_is_followed_by_the_newest() -> None:
    checkout = InMemoryCheckout()
    ids = [await a_basket(checkout) for _ in range(2)]
    service = Replaying(checkout)
    await service.publish()

    async def moves() -> None:
        await checkout.handlers.update(update(ids[0], add("o-2")), caller())
        await service.publish()

    service.broker.before_send = moves
    progress = await service.republish()

    assert progress.sent == 3
    assert [version for version, _ in service.states()[ids[0]]] == [2, 3, 2, 3]
    assert [version for version, _ in service.states()[ids[1]]] == [2, 2]


async def test_a_run_sends_each_basket_once_as_it_is_now() -> None:
    checkout = InMemoryCheckout()
    one, other = [await a_basket(checkout) for _ in range(2)]
    await checkout.handlers.update(update(one, add("o-2")), caller())
    service = Replaying(checkout)

    progress = await service.republish("mine")

    assert (progress.sent, progress.lost, progress.complete) == (2, 0, True)
    last = service.last("mine")
    assert {id: message.header("ce_id") for id, message in last.items()} == {
        one: f"{one}/3/state",
        other: f"{other}/2/state",
    }
    for id, message in last.items():
        require_state(message, await checkout.history(id))
        assert (message.header("ce_replay"), message.header("ce_type")) == (progress.run, "checkout.basket.v1")
    assert not service.broker.read(BASKETS)


async def test_a_run_may_send_one_basket_or_those_of_an_organisation() -> None:
    checkout = InMemoryCheckout()
    one, _ = [await a_basket(checkout) for _ in range(2)]
    service = Replaying(checkout)
    assert (await service.republish("one", basket_id=one)).sent == 1
    assert service.last("one").keys() == {one}
    assert (await service.republish("acme", partner="acme")).sent == 2
    assert (await service.republish("others", partner="other")).sent == 0


async def test_what_is_not_published_yet_is_left_to_the_publisher() -> None:
    checkout = InMemoryCheckout()
    await a_basket(checkout)
    service = Replaying(checkout)
    assert (await service.republish()).sent == 0
    await service.publish()
    assert (await service.republish()).sent == 1


async def test_a_basket_that_cannot_be_folded_is_counted_and_holds_up_no_other() -> None:
    checkout = InMemoryCheckout()
    await checkout.store.append(Append("odd", 0, [NewEvent("checkout.basket-initiated.v1", b"{}", b"{}")]))
    id = await a_basket(checkout)
    service = Replaying(checkout)
    progress = await service.republish("mine")
    assert (progress.sent, progress.lost) == (1, 1)
    assert service.last("mine").keys() == {id}


async def test_erased_personal_data_is_not_sent_again() -> None:
    checkout = InMemoryCheckout()
    wanted = initiate(item("o-1"), customer_details={"email": "ada@example.org"}, data_subject="p-1")
    id = (await checkout.handlers.initiate(wanted, caller())).basket.id
    service = Replaying(checkout)
    await service.republish("before")
    assert b"ada@example.org" in (service.last("before")[id].value or b"")
    await checkout.forget(id)
    await service.republish("after")
    assert b"ada@example.org" not in (service.last("after")[id].value or b"")


@pytest.mark.parametrize(
    ("over_for", "what"),
    [
        (timedelta(0), "state"),
        (RETENTION - timedelta(hours=1, seconds=1), "state"),
        (RETENTION - timedelta(minutes=59), None),
        (RETENTION, None),
        (RETENTION + timedelta(seconds=1), "tombstone"),
    ],
)
async def test_a_basket_that_is_over_is_left_alone_before_its_tombstone(over_for: timedelta, what: str | None) -> None:
    checkout = InMemoryCheckout()
    id = await a_basket(checkout)
    await checkout.handlers.cancel(cancel(id), caller())
    checkout.clock.advance(over_for)
    service = Replaying(checkout)
    await service.republish("mine")
    found = [message.header("ce_id") for message in service.broker.read("mine")]
    assert found == ([] if what is None else [f"{id}/3/{what}"])


async def test_states_have_no_positions() -> None:
    request = RepublishRequest(topic="mine", content="states", from_position=2)
    with pytest.raises(RepublishRefused, match="no positions"):
        await Replaying(InMemoryCheckout()).republisher.begin(request, ADA)
