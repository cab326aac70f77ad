"""What becomes of a basket when an order service says that an order was placed, or rejected."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import pytest

from domain.basket.decision import CheckoutConfig
from domain.basket.orders import OrderReport, OrderResult, changes_content
from domain.ports.event_store import IdempotencyKey, RenderedResponse
from tests.builders import (
    LIFETIME,
    NOW,
    SECOND,
    InMemoryCheckout,
    InterruptedStore,
    add,
    basket_id,
    caller,
    cancel,
    initiate,
    item,
    update,
    validate,
)
from tests.scenario import happened

Told = tuple[str, str | None]
COMPLETED, REOPENED = ("completed", None), ("reopened", None)


def refused(code: str) -> Told:
    return ("refused", code)


@dataclass
class OrderService:
    """Reports orders of one basket."""

    checkout: InMemoryCheckout = field(default_factory=InMemoryCheckout)
    id: str = ""

    async def begin(self, **values: Any) -> OrderService:
        """A basket with one line, at version 2."""
        begun = await self.checkout.handlers.initiate(initiate(item("o-1"), **values), caller())
        self.id = begun.basket.id
        return self

    async def placed(self, order: str = "order-1", **values: Any) -> Told:
        return await self._report(OrderReport(self.id, order, **values))

    async def rejected(self, order: str = "order-1", **values: Any) -> Told:
        return await self._report(OrderReport(self.id, order, "rejected", **values))

    async def change(self) -> None:
        await self.checkout.handlers.update(update(self.id, add("o-2")), caller())

    async def judge(self) -> None:
        await self.checkout.handlers.validate(validate(self.id), caller())

    async def status(self) -> str:
        return (await self.checkout.handlers.get(self.id, "acme")).status

    async def expires_at(self) -> datetime:
        return (await self.checkout.handlers.get(self.id, "acme")).expires_at

    async def events(self) -> list[tuple[object, ...]]:
        return happened(await self.checkout.history(self.id))

    async def _report(self, report: OrderReport) -> Told:
        result = await self.checkout.handlers.settle_order(report, caller("order-service"))
        return (result.outcome, result.code)


async def test_an_order_on_the_current_version_completes_the_basket() -> None:
    service = await OrderService().begin()
    assert await service.placed(version=2) == COMPLETED
    assert (await service.events())[2:] == [("completed", "order-1")]


async def test_an_order_on_a_version_before_a_change_is_refused_with_both_versions() -> None:
    service = await OrderService().begin()
    await service.change()
    result = await service.checkout.handlers.settle_order(OrderReport(service.id, "order-1", version=2), caller())
    assert (result.outcome, result.code) == refused("basket_changed")
    assert result.basket is not None
    assert (result.report.version, result.basket.version) == (2, 3)
    assert await service.status() == "open"


async def test_a_verdict_and_an_erasure_after_the_version_are_no_change() -> None:
    service = await OrderService().begin(data_subject="p-1")
    await service.judge()
    await service.checkout.forget(service.id)
    assert await service.placed(version=2) == COMPLETED


async def test_a_changed_detail_is_a_change() -> None:
    service = await OrderService().begin(source="shop")
    again = initiate(item("o-1"), checkout_id=service.id, source="kiosk")
    await service.checkout.handlers.initiate(again, caller())
    assert await service.placed(version=2) == refused("basket_changed")


async def test_a_version_that_the_basket_does_not_have_yet_is_refused() -> None:
    service = await OrderService().begin()
    assert await service.placed(version=3) == refused("basket_changed")


async def test_another_process_knows_of_a_change_that_this_one_has_not_seen() -> None:
    service = await OrderService().begin()
    await service.checkout.process().handlers.update(update(service.id, add("o-2")), caller())
    assert await service.placed(version=2) == refused("basket_changed")


async def test_an_order_without_a_version_completes_whatever_changed() -> None:
    service = await OrderService().begin()
    await service.change()
    assert await service.placed() == COMPLETED


async def test_the_same_order_twice_completes_once_whatever_its_version() -> None:
    service = await OrderService().begin()
    assert [await service.placed(version=2), await service.placed(version=1)] == [COMPLETED, COMPLETED]
    assert [event for event in await service.events() if event[0] == "completed"] == [("completed", "order-1")]


async def test_another_order_is_told_that_the_basket_is_completed() -> None:
    service = await OrderService().begin()
    await service.placed()
    assert await service.placed("order-2", version=2) == refused("already_completed")
    assert await service.rejected("order-2") == refused("already_completed")


@pytest.mark.parametrize("recorded", [True, False])
async def test_an_order_counts_by_the_time_at_which_it_was_placed(recorded: bool) -> None:
    service = await OrderService().begin()
    service.checkout.clock.advance(LIFETIME + 5 * SECOND)
    if recorded:
        await service.checkout.handlers.expire(service.id, caller())
    assert await service.placed(placed_at=NOW + LIFETIME) == refused("basket_expired")
    assert await service.placed(placed_at=NOW + LIFETIME - SECOND) == COMPLETED


async def test_an_order_of_a_clock_that_is_ahead_completes_an_open_basket() -> None:
    service = await OrderService().begin()
    assert await service.placed(placed_at=NOW + LIFETIME) == COMPLETED


async def test_a_cancelled_basket_takes_no_order() -> None:
    service = await OrderService().begin()
    await service.checkout.handlers.cancel(cancel(service.id), caller())
    assert await service.placed() == refused("basket_cancelled")
    assert await service.rejected() == refused("basket_cancelled")


async def test_a_basket_that_is_not_there_is_not_found() -> None:
    service = OrderService(id=basket_id(99))
    assert [await service.placed(), await service.rejected()] == [refused("basket_not_found")] * 2


async def test_an_invalid_promise_is_refused_before_anything_else() -> None:
    service = await OrderService().begin()
    assert await service.placed(invalid_promise=True) == refused("invalid_promise")
    assert await service.status() == "open"


async def test_a_rejected_order_opens_its_basket_for_a_whole_lifetime() -> None:
    service = await OrderService().begin()
    await service.placed()
    service.checkout.clock.advance(2 * LIFETIME)
    assert await service.rejected(reason="declined") == REOPENED
    assert (await service.events())[-1] == ("reopened", "order-1", "declined")
    assert await service.expires_at() == NOW + 3 * LIFETIME
    await service.change()
    assert await service.placed("order-2") == COMPLETED


async def test_a_rejection_never_shortens_a_baskets_time() -> None:
    service = await OrderService().begin()
    shorter = OrderService(InMemoryCheckout(service.checkout.clock, policy=CheckoutConfig(lifetime=SECOND)), service.id)
    shorter.checkout.share(service.checkout)
    await service.placed()
    await shorter.rejected()
    assert await service.expires_at() == NOW + LIFETIME


async def test_a_rejection_of_an_open_basket_changes_nothing() -> None:
    service = await OrderService().begin()
    before = await service.events()
    assert await service.rejected() == REOPENED
    assert await service.events() == before


async def test_a_rejection_does_not_open_an_expired_basket() -> None:
    service = await OrderService().begin()
    service.checkout.clock.advance(LIFETIME)
    assert await service.rejected(placed_at=NOW) == refused("basket_expired")


async def test_an_order_again_after_its_rejection_completes_on_the_same_version() -> None:
    service = await OrderService().begin()
    assert [await service.placed(version=2), await service.rejected(), await service.placed(version=2)] == [
        COMPLETED,
        REOPENED,
        COMPLETED,
    ]


async def test_a_reopened_basket_claims_its_external_id_again() -> None:
    service = await OrderService().begin(external_id="E-1")
    await service.placed()
    await service.rejected()
    again = await service.checkout.handlers.initiate(initiate(item("o-1"), external_id="E-1"), caller())
    assert (again.created, again.basket.id) == (False, service.id)


async def test_a_rejection_is_refused_while_another_open_basket_has_the_external_id() -> None:
    service = await OrderService().begin(external_id="E-1")
    await service.placed()
    other = (await service.checkout.handlers.initiate(initiate(external_id="E-1"), caller())).basket.id
    assert await service.rejected() == refused("external_id_in_use")
    assert await service.status() == "completed"
    await service.checkout.handlers.cancel(cancel(other), caller())
    assert await service.rejected() == REOPENED


async def test_an_expired_basket_does_not_keep_the_external_id_from_a_reopened_one() -> None:
    service = await OrderService().begin(external_id="E-1")
    await service.placed()
    other = (await service.checkout.handlers.initiate(initiate(external_id="E-1"), caller())).basket.id
    service.checkout.clock.advance(LIFETIME)
    assert await service.rejected() == REOPENED
    assert (await service.checkout.handlers.get(other, "acme")).status == "expired"


async def test_an_external_id_that_is_taken_meanwhile_is_refused() -> None:
    store: list[InterruptedStore] = []

    def make(clock: Any) -> InterruptedStore:
        store.append(InterruptedStore(clock))
        return store[0]

    service = await OrderService(InMemoryCheckout(make_store=make)).begin(external_id="E-1")
    await service.placed()
    other = service.checkout.process().handlers
    store[0].before_append = lambda: other.initiate(initiate(external_id="E-1"), caller())
    assert await service.rejected() == refused("external_id_in_use")


async def test_a_process_that_has_not_seen_the_reopening_refuses_nothing_for_the_baskets_own_external_id() -> None:
    service = await OrderService().begin(external_id="E-1")
    await service.placed()
    other = service.checkout.process().handlers
    await other.settle_order(OrderReport(service.id, "order-1", "rejected"), caller())
    service.checkout.clock.advance(LIFETIME)
    assert await service.rejected() == refused("basket_expired")
    assert await service.status() == "expired"


async def test_one_report_has_one_result_whatever_happens_after_it() -> None:
    service = await OrderService().begin()
    handlers, results = service.checkout.handlers.real, 0

    def render(result: OrderResult) -> RenderedResponse:
        nonlocal results
        results += 1
        assert result.basket is not None
        return RenderedResponse(200, {}, f"{result.outcome} at {result.basket.version}".encode())

    async def settle(report: OrderReport, name: str) -> bytes:
        return (await handlers.settle_order(report, caller(), render, IdempotencyKey("orders", name, b"d"))).body

    placed, rejected = OrderReport(service.id, "order-1"), OrderReport(service.id, "order-1", "rejected")
    first = await settle(placed, "one")
    reopened = await settle(rejected, "two")
    await service.change()
    refusal = await settle(OrderReport(service.id, "order-1", version=2), "three")
    assert [first, reopened, refusal] == [b"completed at 3", b"reopened at 4", b"refused at 5"]
    assert [await settle(placed, "one"), await settle(rejected, "two")] == [first, reopened]
    assert await settle(OrderReport(service.id, "order-1", version=2), "three") == refusal
    assert await service.status() == "open"
    assert results == 3


def test_an_event_of_a_later_release_may_be_a_change() -> None:
    assert changes_content(["checkout.basket-validated.v1", "checkout.basket-gifted.v1"])
    assert not changes_content(["checkout.basket-validated.v1", "checkout.basket-completed.v1"])
    assert not changes_content([])
