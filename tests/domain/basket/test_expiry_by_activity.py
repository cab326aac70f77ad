"""A basket that expires by activity lives for a lifetime after its last change."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

import pytest

from domain.basket.basket_view import to_view
from domain.basket.decision import CheckoutConfig
from domain.basket.events import BasketInitiated
from domain.basket.orders import OrderReport
from domain.basket.snapshot import restore
from tests.builders import (
    LIFETIME,
    NOW,
    InMemoryCheckout,
    add,
    caller,
    cancel,
    change,
    initiate,
    item,
    money,
    remove,
    update,
    validate,
)

BY_ACTIVITY = CheckoutConfig(expiry_from="last_change")
LATER = timedelta(days=3)


async def begin(checkout: InMemoryCheckout) -> str:
    begun = initiate(item("o-1", id="0b6f5d3c-1111-7000-8000-000000000001"), data_subject="p-1")
    return (await checkout.handlers.initiate(begun, caller())).basket.id


async def expiry(checkout: InMemoryCheckout, id: str) -> datetime:
    """As this process, another process and a view have it."""
    here, elsewhere = await checkout.main.baskets.load(id), await checkout.process().baskets.load(id)
    view = to_view(elsewhere)
    assert here.expires_at == elsewhere.expires_at == view.expires_at == restore(view.snapshot).expires_at
    return here.expires_at


async def updated(checkout: InMemoryCheckout, id: str) -> None:
    await checkout.handlers.update(update(id, add("o-2")), caller())


async def quantity_changed(checkout: InMemoryCheckout, id: str) -> None:
    line = next(iter((await checkout.main.baskets.load(id)).items))
    await checkout.handlers.update(update(id, change(line, 7)), caller())


async def removed(checkout: InMemoryCheckout, id: str) -> None:
    line = next(iter((await checkout.main.baskets.load(id)).items))
    await checkout.handlers.update(update(id, remove(line)), caller())


async def price_expected(checkout: InMemoryCheckout, id: str) -> None:
    wanted = initiate(item("o-1", expected_price=money("9")), checkout_id=id, data_subject="p-1")
    await checkout.handlers.initiate(wanted, caller())


async def details_changed(checkout: InMemoryCheckout, id: str) -> None:
    wanted = initiate(item("o-1"), checkout_id=id, data_subject="p-1", source="kiosk")
    await checkout.handlers.initiate(wanted, caller())


async def judged(checkout: InMemoryCheckout, id: str) -> None:
    await checkout.handlers.validate(validate(id), caller())


async def erased(checkout: InMemoryCheckout, id: str) -> None:
    await checkout.forget(id)


async def unchanged(checkout: InMemoryCheckout, id: str) -> None:
    line = next(iter((await checkout.main.baskets.load(id)).items))
    await checkout.handlers.update(update(id, change(line, 1)), caller())


Step = Callable[[InMemoryCheckout, str], Awaitable[None]]


@pytest.mark.parametrize("step", [updated, quantity_changed, removed, price_expected, details_changed])
async def test_a_change_moves_the_expiry(step: Step) -> None:
    checkout = InMemoryCheckout(policy=BY_ACTIVITY)
    id = await begin(checkout)
    checkout.clock.advance(LATER)
    await step(checkout, id)
    assert await expiry(checkout, id) == NOW + LATER + LIFETIME


@pytest.mark.parametrize("step", [judged, erased, unchanged])
async def test_what_is_no_change_does_not_move_the_expiry(step: Step) -> None:
    checkout = InMemoryCheckout(policy=BY_ACTIVITY)
    id = await begin(checkout)
    checkout.clock.advance(LATER)
    await step(checkout, id)
    assert await expiry(checkout, id) == NOW + LIFETIME


async def test_without_the_rule_no_change_moves_the_expiry() -> None:
    checkout = InMemoryCheckout()
    id = await begin(checkout)
    checkout.clock.advance(LATER)
    await updated(checkout, id)
    assert await expiry(checkout, id) == NOW + LIFETIME


async def test_a_basket_keeps_the_rule_that_it_began_with() -> None:
    by_activity, by_creation = InMemoryCheckout(policy=BY_ACTIVITY), InMemoryCheckout()
    by_creation.clock = by_activity.clock
    by_creation.share(by_activity)
    active, fixed = await begin(by_activity), await begin(by_creation)
    by_activity.clock.advance(LATER)
    await updated(by_creation, active)
    await updated(by_activity, fixed)
    assert await expiry(by_activity, active) == NOW + LATER + LIFETIME
    assert await expiry(by_activity, fixed) == NOW + LIFETIME


async def test_the_expiry_never_moves_to_an_earlier_time() -> None:
    checkout = InMemoryCheckout(policy=BY_ACTIVITY)
    checkout.clock.advance(LATER)
    id = await begin(checkout)
    checkout.clock.advance(-LATER)
    await updated(checkout, id)
    assert await expiry(checkout, id) == NOW + LATER + LIFETIME


async def test_an_active_basket_outlives_its_first_expiry_and_then_ends() -> None:
    checkout = InMemoryCheckout(policy=BY_ACTIVITY)
    id = await begin(checkout)
    checkout.clock.advance(LIFETIME - LATER)
    await updated(checkout, id)
    checkout.clock.advance(LATER)
    await checkout.handlers.expire(id, caller())
    assert (await checkout.handlers.get(id, "acme")).status == "open"
    checkout.clock.advance(LIFETIME - LATER)
    await checkout.handlers.expire(id, caller())
    assert (await checkout.main.baskets.load(id)).status == "expired"


async def test_a_reopened_basket_goes_on_by_its_rule() -> None:
    checkout = InMemoryCheckout(policy=BY_ACTIVITY)
    id = await begin(checkout)
    await checkout.handlers.complete(id, "order-1", caller())
    checkout.clock.advance(LATER)
    await checkout.handlers.settle_order(OrderReport(id, "order-1", "rejected"), caller())
    assert await expiry(checkout, id) == NOW + LATER + LIFETIME
    checkout.clock.advance(LATER)
    await updated(checkout, id)
    assert await expiry(checkout, id) == NOW + 2 * LATER + LIFETIME


async def test_a_cancelled_basket_does_not_expire() -> None:
    checkout = InMemoryCheckout(policy=BY_ACTIVITY)
    id = await begin(checkout)
    await checkout.handlers.cancel(cancel(id), caller())
    checkout.clock.advance(2 * LIFETIME)
    await checkout.handlers.expire(id, caller())
    assert (await checkout.main.baskets.load(id)).status == "cancelled"


async def test_a_lifetime_of_a_part_of_a_second_counts_as_a_whole_one() -> None:
    policy = CheckoutConfig(lifetime=timedelta(milliseconds=300), expiry_from="last_change")
    checkout = InMemoryCheckout(policy=policy)
    (first, *_) = await checkout.history(await begin(checkout))
    assert isinstance(first, BasketInitiated)
    assert first.idle_seconds == 1
