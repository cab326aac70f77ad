"""How baskets end: by time, or by an order."""

from __future__ import annotations

import pytest

from domain.basket.orders import OrderReport
from domain.shared.errors import BasketFinished, BasketNotFound
from tests.builders import LIFETIME, SECOND, InMemoryCheckout, add, basket_id, caller, initiate, update
from tests.scenario import happened


async def begun(checkout: InMemoryCheckout) -> str:
    return (await checkout.handlers.initiate(initiate(), caller())).basket.id


async def test_a_basket_expires_once_and_only_when_it_is_due() -> None:
    checkout = InMemoryCheckout()
    id = await begun(checkout)
    checkout.clock.advance(LIFETIME - SECOND)
    await checkout.handlers.expire(id, caller())
    assert happened(await checkout.history(id)) == [("initiated", "acme")]
    checkout.clock.advance(SECOND)
    await checkout.handlers.expire(id, caller())
    await checkout.process().handlers.expire(id, caller())
    assert happened(await checkout.history(id)) == [("initiated", "acme"), ("expired",)]


async def test_a_basket_past_its_expiry_is_shown_as_expired_before_an_event_says_so() -> None:
    checkout = InMemoryCheckout()
    id = await begun(checkout)
    checkout.clock.advance(LIFETIME)
    assert (await checkout.handlers.get(id, "acme")).status == "expired"
    assert len(await checkout.history(id)) == 1


async def test_an_order_completes_a_basket_and_releases_its_external_id() -> None:
    checkout = InMemoryCheckout()
    first = await checkout.handlers.initiate(initiate(external_id="E-1"), caller())
    await checkout.handlers.complete(first.basket.id, "order-1", caller("order-service"))
    basket = await checkout.handlers.get(first.basket.id, "acme")
    assert (basket.status, basket.order_id) == ("completed", "order-1")
    assert (await checkout.handlers.initiate(initiate(external_id="E-1"), caller())).created


async def test_the_same_order_completes_a_basket_once() -> None:
    checkout = InMemoryCheckout()
    id = await begun(checkout)
    await checkout.handlers.complete(id, "order-1", caller())
    await checkout.process().handlers.complete(id, "order-1", caller())
    assert happened(await checkout.history(id))[1:] == [("completed", "order-1")]


async def test_another_order_from_a_completed_basket_is_refused() -> None:
    checkout = InMemoryCheckout()
    id = await begun(checkout)
    await checkout.handlers.complete(id, "order-1", caller())
    refused = await checkout.handlers.settle_order(OrderReport(id, "order-2"), caller())
    assert (refused.outcome, refused.code) == ("refused", "already_completed")


@pytest.mark.parametrize("recorded", [True, False])
async def test_an_order_counts_even_after_the_basket_expired(recorded: bool) -> None:
    checkout = InMemoryCheckout()
    id = await begun(checkout)
    checkout.clock.advance(LIFETIME)
    if recorded:
        await checkout.handlers.expire(id, caller())
    await checkout.handlers.complete(id, "order-1", caller())
    assert (await checkout.handlers.get(id, "acme")).status == "completed"


async def test_a_completed_basket_does_not_expire_and_takes_no_changes() -> None:
    checkout = InMemoryCheckout()
    id = await begun(checkout)
    await checkout.handlers.complete(id, None, caller())
    checkout.clock.advance(LIFETIME)
    await checkout.handlers.expire(id, caller())
    assert (await checkout.handlers.get(id, "acme")).status == "completed"
    with pytest.raises(BasketFinished) as caught:
        await checkout.handlers.update(update(id, add()), caller())
    assert caught.value.status == "completed"


async def test_a_basket_that_is_not_there_can_neither_expire_nor_be_ordered_from() -> None:
    checkout = InMemoryCheckout()
    with pytest.raises(BasketNotFound):
        await checkout.handlers.expire(basket_id(99), caller())
    result = await checkout.handlers.settle_order(OrderReport(basket_id(99), "order-1"), caller())
    assert (result.outcome, result.code, result.basket) == ("refused", "basket_not_found", None)
