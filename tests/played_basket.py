"""A basket to which everything happens."""

from __future__ import annotations

from dataclasses import dataclass

from domain.basket.basket import Basket
from domain.basket.commands import CancelBasket, Validated
from domain.basket.orders import OrderReport
from tests.builders import (
    LIFETIME,
    NOW,
    InMemoryCheckout,
    add,
    availability,
    caller,
    expect_price,
    initiate,
    item,
    money,
    offer,
    price,
    swap,
    update,
    validate,
)


@dataclass(frozen=True, slots=True)
class PlayedBasket:
    """The basket's checkout and id, the basket while it was open, and its last validation."""

    checkout: InMemoryCheckout
    id: str
    held: Basket
    validated: Validated


async def play_basket() -> PlayedBasket:
    """Every event happens, and several requests make more than one."""
    checkout = InMemoryCheckout()
    await checkout.record(
        offer("o-1"),
        price("o-1", valid_until=NOW + LIFETIME),
        availability("SKU-1", quantity=3),
        offer("o-2", status="draft"),
        offer("o-3"),
        offer("o-3@v-2", sequence=2),
    )
    own = "0b6f5d3c-1111-7000-8000-000000000001"
    command = initiate(
        item("o-1", 5, id=own, type="offer"),
        item("a-1", type="add_on", parent_id=own),
        item("o-2", type="offer"),
        item("o-3", type="offer"),
        external_id="E-1",
        tracking={"any": [1, None]},
    )
    handlers = checkout.handlers
    id = (await handlers.initiate(command, caller())).basket.id
    await handlers.validate(validate(id), caller())
    await handlers.update(update(id, add("o-1", type="offer")), caller())
    await handlers.initiate(initiate(item("o-2", expected_price=money("9.00")), checkout_id=id), caller())
    held = (await handlers.update(update(id, add("o-3")), caller())).basket
    (swapped,) = (line.id for line in held.items.values() if line.offer.id == "o-3")
    await handlers.update(update(id, swap(swapped, "o-1")), caller())
    await checkout.record(price("o-1", "8.00", sequence=2, valid_until=NOW + LIFETIME))
    await handlers.update(update(id, expect_price(swapped, money("8.00"))), caller())
    checkout.clock.advance(LIFETIME)
    validated = await handlers.validate(validate(id), caller())
    await handlers.expire(id, caller())
    await handlers.complete(id, None, caller())
    await handlers.settle_order(OrderReport(id, None, "rejected"), caller())
    await handlers.cancel(CancelBasket(id, "customer_left", "no more"), caller())
    await checkout.forget(id)
    return PlayedBasket(checkout, id, held, validated)
