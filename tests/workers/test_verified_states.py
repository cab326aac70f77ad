"""Verifying the topic of states, on a publisher in memory."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import timedelta

import pytest

from adapters.kafka.topics import BASKETS
from domain.operators.verify.inconsistencies import Inconsistency
from domain.operators.verify.state_verifier import MAX_MISSING, StateRecord, StateVerifier, state_digest
from tests.builders import InMemoryCheckout, add, caller, cancel, initiate, item, update
from tests.workers.published_baskets import RETENTION, InMemoryPublishing


class PublishedBaskets:
    """StateTopic. `changed` replaces records, or removes them."""

    name = BASKETS

    def __init__(self, service: InMemoryPublishing) -> None:
        self._service = service
        self.changed: dict[str, StateRecord | None] = {}

    async def last_records(self, basket_ids: Collection[str] | None) -> Mapping[str, StateRecord]:
        found: dict[str, StateRecord | None] = {}
        for message in self._service.broker.read(BASKETS):
            id, version, _ = (message.header("ce_id") or "").split("/")
            found[id] = StateRecord(int(version), state_digest(message.value) if message.value else None, "0/0")
        found |= self.changed
        return {id: each for id, each in found.items() if each and (basket_ids is None or id in basket_ids)}


class Verification:
    def __init__(self) -> None:
        self.checkout = InMemoryCheckout()
        self.service = InMemoryPublishing(self.checkout)
        self.topic = PublishedBaskets(self.service)
        self.ids: list[str] = []

    async def begins(self, count: int = 1, **values: object) -> str:
        for _ in range(count):
            command = initiate(item("o-1"), **values)
            self.ids.append((await self.checkout.handlers.initiate(command, caller())).basket.id)
        return self.ids[-1]

    async def record(self) -> StateRecord:
        return (await self.topic.last_records(None))[self.ids[-1]]

    async def verify(self) -> list[Inconsistency]:
        broker = self.service.broker

        async def retired() -> int:
            return broker.retired()

        verifier = StateVerifier(self.checkout.store, self.topic, retired, self.checkout.clock, RETENTION)
        states = await verifier.read(broker.checkpoint().position, 0, None)
        return await verifier.compare(states, self.ids)

    async def kinds(self) -> list[str]:
        return [each.kind for each in await self.verify()]


async def test_what_the_publisher_wrote_is_right_through_a_baskets_whole_life() -> None:
    basket = Verification()
    id = await basket.begins(customer_details={"email": "ada@example.org"})
    assert await basket.kinds() == []  # not published yet
    for happens in (
        lambda: basket.checkout.handlers.update(update(id, add("o-2")), caller()),
        lambda: basket.checkout.handlers.cancel(cancel(id), caller()),
        lambda: basket.checkout.forget(id),
    ):
        await happens()
        assert await basket.kinds() == []
        await basket.service.publish()
        assert await basket.kinds() == []
    basket.checkout.clock.advance(2 * RETENTION)
    assert await basket.kinds() == []
    await basket.service.publish()
    assert (await basket.record()).digest is None
    assert await basket.kinds() == []
    basket.topic.changed[id] = None  # compacted away
    assert await basket.kinds() == []


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({"version": 2}, "message_missing"),
        ({"version": 9}, "message_without_event"),
        ({"version": None}, "message_not_understood"),
        ({"digest": b"another"}, "message_differs"),
        ({"digest": None}, "message_differs"),
        (None, "message_missing"),
    ],
)
async def test_a_record_that_is_not_what_the_events_say_is_reported(
    changes: dict[str, object] | None, kind: str
) -> None:
    basket = Verification()
    id = await basket.begins()
    await basket.checkout.handlers.update(update(id, add("o-2")), caller())
    await basket.service.publish()
    record = await basket.record()
    basket.topic.changed[id] = None if changes is None else replace(record, **changes)  # type: ignore[arg-type]
    (found,) = await basket.verify()
    assert (found.kind, found.subject, found.topic) == (kind, id, BASKETS)


async def test_a_state_in_the_place_of_a_tombstone_is_reported() -> None:
    basket = Verification()
    id = await basket.begins()
    await basket.checkout.handlers.cancel(cancel(id), caller())
    await basket.service.publish()
    state = await basket.record()
    basket.checkout.clock.advance(RETENTION + timedelta(seconds=1))
    await basket.service.publish()
    basket.topic.changed[id] = state
    assert await basket.kinds() == ["message_missing"]


async def test_an_upgraded_service_that_never_republished_is_told_so_once() -> None:
    basket = Verification()
    await basket.begins(MAX_MISSING + 1)
    await basket.service.publish()
    basket.topic.changed = dict.fromkeys(basket.ids)
    (found,) = await basket.verify()
    assert (found.kind, found.subject) == ("message_missing", BASKETS)
    assert "republish --state --live" in found.words
