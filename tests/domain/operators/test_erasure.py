"""Erasure: what it does to a basket, and what an operator's command does."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
from msgspec import structs
from pydantic_core import from_json

from domain.basket.basket import Basket
from domain.basket.codec import decode
from domain.basket.events import OPEN_MAPS, BasketPersonalDataForgotten
from domain.operators.audit import Operator, OperatorAction
from domain.operators.erasure import (
    BATCH_SIZE,
    BasketSelection,
    ErasureBatch,
    ErasureService,
    EventFactory,
    NothingToErase,
    Owners,
    Person,
    subject_digest,
)
from domain.shared.eventsourcing import fold
from domain.validation.verdict_assembler import VerdictAssembler
from tests.builders import InMemoryCheckout, add, caller, initiate, item, update, validate
from tests.builders.archive import nothing_archived
from tests.scenario import happened

SAID: dict[str, Any] = {
    "external_id": "E-1",
    "country": "GB",
    "tracking": {"who": "ada"},
    "custom_fields": {"mail": "ada"},
    "customer_details": {"mail": "ada"},
    "billing_details": {"mail": "ada"},
    "delivery_details": {"mail": "ada", "country": "IE"},
    "data_subject": "p-1",
}
OPERATOR = Operator(actor="grace", way="command-line", reason="she asked for it")


async def a_basket(checkout: InMemoryCheckout) -> str:
    return (await checkout.handlers.initiate(initiate(item("o-1", 2), **SAID), caller())).basket.id


async def folded(checkout: InMemoryCheckout, id: str) -> Basket:
    basket = fold(None, await checkout.history(id))
    assert isinstance(basket, Basket)
    return basket


# the basket


async def test_an_erased_basket_keeps_everything_but_personal_data() -> None:
    checkout = InMemoryCheckout()
    id = await a_basket(checkout)
    before = await folded(checkout, id)

    await checkout.forget(id)

    after = await folded(checkout, id)
    assert after.details.data_subject is None
    assert [getattr(after.details, name) for name in OPEN_MAPS] == [{}] * 5
    assert (after.details.external_id, after.details.country) == ("E-1", "GB")
    assert (after.items, after.status, after.version) == (before.items, before.status, before.version + 1)


async def test_a_finished_basket_can_be_erased() -> None:
    checkout = InMemoryCheckout()
    id = await a_basket(checkout)
    await checkout.handlers.complete(id, "order-1", caller())
    await checkout.forget(id)
    after = await folded(checkout, id)
    assert (after.details.tracking, after.status, after.order_id) == ({}, "completed", "order-1")


async def test_a_process_that_cached_the_basket_sees_the_erasure_with_its_next_call() -> None:
    checkout = InMemoryCheckout()
    id = await a_basket(checkout)
    await checkout.forget(id)

    updated = await checkout.handlers.update(update(id, add("o-2")), caller())

    assert updated.basket.details.tracking == {}
    assert updated.basket.version == 4


async def test_personal_data_added_after_an_erasure_is_kept() -> None:
    checkout = InMemoryCheckout()
    id = await a_basket(checkout)
    await checkout.forget(id)

    await checkout.handlers.initiate(
        initiate(item("o-1", 2), checkout_id=id, tracking={"new": "word"}, external_id="E-1", country="GB"),
        caller(),
    )

    assert happened(await checkout.history(id))[-2:] == [
        ("personal data forgotten",),
        ("details changed", "tracking"),
    ]
    assert (await folded(checkout, id)).details.tracking == {"new": "word"}


class ErasedStore:
    """Returns the first event of an erased basket without personal data, as a store with destroyed keys does."""

    def __init__(self, checkout: InMemoryCheckout) -> None:
        self._checkout = checkout

    async def read_events(self, stream_id: str, after_version: int = 0) -> Sequence[Any]:
        events = [*await self._checkout.store.read_events(stream_id)]
        if any(event.type == BasketPersonalDataForgotten.TOPIC for event in events):
            events[0] = structs.replace(events[0], data=events[0].data.replace(b'"ada"', b'""'))
        return events[after_version:]


async def test_older_verdicts_published_after_an_erasure_hold_no_personal_data() -> None:
    checkout = InMemoryCheckout()
    id = await a_basket(checkout)
    verdicts = VerdictAssembler(ErasedStore(checkout))  # type: ignore[arg-type]  # the only method that it calls
    await checkout.handlers.validate(validate(id), caller())
    first = await verdicts.of(await checkout.store.read(0, 100))
    assert all(isinstance(verdict, bytes) and b"ada" in verdict for verdict in first.values())
    await checkout.handlers.validate(validate(id), caller())
    await checkout.forget(id)

    late = await verdicts.of(await checkout.store.read(3, 100))

    assert [isinstance(verdict, bytes) and b"ada" not in verdict for verdict in late.values()] == [True]


# the operator


@dataclass
class RecordingErasureStore:
    """An ErasureStore of one person. Records what it was given."""

    baskets: Owners
    forgotten: dict[str, int] = field(default_factory=dict)
    actions: list[OperatorAction] = field(default_factory=list)
    events: list[Any] = field(default_factory=list)

    async def of_person(self, person: Person) -> Owners:
        if person.subject != "p-1":
            return {}
        return {id: partner for id, partner in self.baskets.items() if id not in self.forgotten}

    async def of_ids(self, basket_ids: Collection[str]) -> Owners:
        return {id: partner for id, partner in self.baskets.items() if id in basket_ids}

    async def erase(self, baskets: Owners, new_event: EventFactory, action: OperatorAction) -> ErasureBatch:
        new = [id for id in baskets if id not in self.forgotten]
        self.events += [new_event(id, baskets[id], 5) for id in new]
        self.forgotten |= dict.fromkeys(new, 5)
        self.actions.append(action)
        return ErasureBatch(basket_ids=new, keys_destroyed=len(new))


def many(count: int) -> RecordingErasureStore:
    return RecordingErasureStore({f"basket-{number:04}": ("acme", "zeta")[number % 3 == 0] for number in range(count)})


def service_on(store: RecordingErasureStore) -> ErasureService:
    checkout = InMemoryCheckout()
    return ErasureService(store, nothing_archived, checkout.clock, checkout.ids)


async def test_a_begun_erasure_counts_baskets_by_organisation_and_changes_nothing() -> None:
    store = many(6)
    erasure = await service_on(store).begin(Person(subject="p-1"), OPERATOR)
    assert (erasure.total, erasure.organisations) == (6, {"acme": 4, "zeta": 2})
    assert not store.forgotten


async def test_all_baskets_of_a_person_are_erased_by_one_action_with_an_event_each() -> None:
    store = many(2 * BATCH_SIZE + 1)
    seen: list[tuple[int, int]] = []

    erasure = await service_on(store).begin(Person(subject="p-1", partner="acme"), OPERATOR)
    while erasure.left:
        await erasure.erase_next()
        seen.append((erasure.done, erasure.total))
    forgotten = erasure.result()

    assert seen == [(100, 201), (200, 201), (201, 201)]
    assert (forgotten.baskets, len(forgotten.basket_ids), forgotten.left) == (201, 201, 0)
    assert {action.id for action in store.actions} == {forgotten.action_id}
    event = decode(from_json(store.events[0].data))
    assert isinstance(event, BasketPersonalDataForgotten)
    assert (event.originator_id, event.originator_version) == ("basket-0000", 5)
    assert event.action_id == forgotten.action_id
    metadata = from_json(store.events[0].metadata)
    assert (metadata["partner"], metadata["actor"]) == ("zeta", "operator:grace")
    assert len(metadata["traceparent"]) == 55


async def test_the_audit_record_counts_baskets_but_does_not_name_the_person() -> None:
    store = many(3)
    await service_on(store).erase(Person(subject="p-1"), OPERATOR)
    (action,) = store.actions
    assert (action.type, action.operator) == ("operations.personal-data-forgotten.v1", OPERATOR)
    assert action.scope == {
        "baskets": 3,
        "organisations": {"acme": 2, "zeta": 1},
        "subjectSha256": subject_digest(Person(subject="p-1")),
        "partner": None,
    }
    assert "p-1" not in str(action.scope)


async def test_an_interrupted_erasure_is_completed_by_the_next_one() -> None:
    store = many(250)
    service = service_on(store)

    interrupted = await service.begin(Person(subject="p-1"), OPERATOR)
    await interrupted.erase_next()
    first = interrupted.result()
    assert (len(first.basket_ids), first.left) == (100, 150)

    second = await service.erase(Person(subject="p-1"), OPERATOR)
    assert (len(second.basket_ids), second.left) == (150, 0)
    assert len(store.forgotten) == 250


async def test_baskets_erased_before_are_counted_as_unchanged() -> None:
    store = many(3)
    service = service_on(store)
    ids = BasketSelection(basket_ids=("basket-0000", "basket-0001"))
    await service.erase(ids, OPERATOR)
    again = await service.erase(BasketSelection(basket_ids=("basket-0001", "basket-0002")), OPERATOR)
    assert (again.basket_ids, again.unchanged) == (("basket-0002",), 1)


@pytest.mark.parametrize("whom", [Person(subject="p-2"), BasketSelection(basket_ids=("basket-none",))])
async def test_an_erasure_of_an_unknown_person_or_basket_is_refused(whom: Person | BasketSelection) -> None:
    with pytest.raises(NothingToErase):
        await service_on(many(3)).erase(whom, OPERATOR)
