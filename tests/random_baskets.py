"""Baskets with random histories, made by the real handlers."""

from __future__ import annotations

import random
from datetime import timedelta
from typing import Any

from domain.basket.basket import Basket
from domain.basket.commands import (
    Action,
    AddItem,
    CancelBasket,
    ChangeQuantity,
    ClearItems,
    InitiateBasket,
    RemoveItem,
    RequestedItem,
    SwapItem,
    UpdateDetails,
)
from domain.basket.orders import OrderReport
from domain.catalogue.facts import Fact
from domain.ports.event_store import Append, EventStore, NewEvent
from domain.shared.errors import CommandRejected
from domain.shared.money import ExpectedPrice
from tests.builders import (
    LIFETIME,
    FixedClock,
    availability,
    caller,
    expect_price,
    forgotten,
    initiate,
    item,
    money,
    offer,
    price,
    ref,
    update,
    validate,
)
from tests.builders.direct_handlers import DirectHandlers

CATALOGUE: tuple[Fact, ...] = (
    offer("o-1", products=["SKU-1", "SKU-2"]),
    price("o-1", "9.99"),
    price("o-1", "11", "EUR"),
    offer("o-2", products=["SKU-2"], each_product=6),
    price("o-2", "0.0001"),
    offer("o-3", products=["SKU-3"]),
    price("o-3", "120", "EUR"),
    offer("a-1", products=["SKU-4"], addOnTo=["o-1"]),
    price("a-1", "3.5", interval="P1M"),
    offer("o-4", products=["SKU-3"]),
    price("o-4", "49.005", interval="P1Y"),
    availability("SKU-1", quantity=4),
    price("o-2", "0.0002", partner="acme"),
    availability("SKU-2", status="blocked", reason="recalled", validUntil="2099-01-01T00:00:00Z"),
)
OFFERS = ("o-1", "o-1", "o-2", "o-3", "o-4", "o-unknown")
SOURCES = (None, "shop", "kiosk")
OPEN_MAPS: tuple[dict[str, object], ...] = (
    {},
    {"a": 1},
    {"a": True, "it's": [1.5, None], "\\ [*]": {}},
    {"a": {"b": "ä"}},
    {"a": {"c": 1, "": None}},
)


PERSONS: tuple[dict[str, object], ...] = (
    {},
    {},
    {"email": "ü@example.org", "country": "IE"},
    {"country": " ", "x": [1]},
)


class RandomLife:
    """One basket from its start to some end. Its history depends on `dice` alone."""

    def __init__(self, handlers: DirectHandlers, store: EventStore, clock: FixedClock, dice: random.Random) -> None:
        self._handlers = handlers
        self._store = store
        self._clock = clock
        self._dice = dice

    async def live(self, steps: int) -> str:
        """The basket's id after so many commands, some of them rejected."""
        basket = (await self._handlers.initiate(self._wanted(most=1), caller())).basket
        for _ in range(steps):
            self._clock.advance(timedelta(milliseconds=self._dice.choice([0, 1, 90_000])))
            try:
                basket = await self._step(basket)
            except CommandRejected:
                continue
        await self._end(basket)
        return basket.id

    async def _step(self, basket: Basket) -> Basket:
        match self._dice.randrange(8):
            case 0 | 1:
                return (await self._handlers.validate(validate(basket.id), caller())).basket
            case 2:
                wanted = self._wanted(checkout_id=basket.id)
                return (await self._handlers.initiate(wanted, caller())).basket
            case 3 if self._dice.random() < 0.2:
                return await self._later_release(basket)
            case 4 if self._dice.random() < 0.2:
                return await self._forget(basket)
            case 5 if self._dice.random() < 0.5:
                return await self._other_currency(basket)
            case _:
                actions = [self._action(basket) for _ in range(self._dice.randint(1, 3))]
                return (await self._handlers.update(update(basket.id, *actions), caller())).basket

    async def _other_currency(self, basket: Basket) -> Basket:
        """Changes the currency, and accepts the prices of o-1 in it."""
        other = money("11", "EUR") if basket.details.currency == "GBP" else money("9.99")
        lines = [line for line in basket.items.values() if line.offer.id == "o-1"]
        accepted = [expect_price(line.id, other) for line in lines]
        currency = UpdateDetails({"currency": other.currency})
        return (await self._handlers.update(update(basket.id, currency, *accepted), caller())).basket

    async def _later_release(self, basket: Basket) -> Basket:
        """Appends an event of a type that this release does not know."""
        event = b'{"type":"checkout.basket-gifted.v1","basketId":"%s","version":%d,"occurredAt":"%s","to":["me"]}' % (
            basket.id.encode(),
            basket.version + 1,
            self._clock().isoformat().encode(),
        )
        gifted = [NewEvent("checkout.basket-gifted.v1", event.replace(b"+00:00", b"Z"), b"{}")]
        await self._store.append(Append(basket.id, basket.version, gifted))
        return await self._handlers.get(basket.id, basket.partner)

    async def _forget(self, basket: Basket) -> Basket:
        told = forgotten(basket.id, basket.version, self._clock(), "action-1")
        await self._store.append(Append(basket.id, basket.version, [told]))
        return await self._handlers.get(basket.id, basket.partner)

    async def _end(self, basket: Basket) -> None:
        order = self._dice.choice(["order-1", None])
        match self._dice.randrange(6):
            case 0:
                self._clock.advance(LIFETIME)
                await self._handlers.expire(basket.id, caller())
            case 1:
                await self._handlers.complete(basket.id, order, caller())
            case 2:
                await self._handlers.complete(basket.id, order, caller())
                rejected = OrderReport(basket.id, order, "rejected", reason=self._dice.choice([None, "declined"]))
                await self._handlers.settle_order(rejected, caller())
            case 3:
                await self._handlers.cancel(CancelBasket(basket.id, "left", "no more"), caller())
            case _:
                pass

    def _wanted(self, most: int = 3, **values: Any) -> InitiateBasket:
        return initiate(
            *(self._item() for _ in range(self._dice.randint(0, most))),
            source=self._dice.choice(SOURCES),
            currency=self._dice.choice(["GBP", "EUR"]),
            tracking=self._dice.choice(OPEN_MAPS),
            custom_fields=self._dice.choice(OPEN_MAPS),
            data_subject=self._dice.choice([None, "p-1"]),
            **{
                name: self._dice.choice(PERSONS) for name in ("customer_details", "billing_details", "delivery_details")
            },
            **values,
        )

    def _action(self, basket: Basket) -> Action:
        lines = [*basket.items.values()]
        if not lines or self._dice.random() < 0.4:
            return AddItem(self._item())
        line = self._dice.choice(lines)
        match self._dice.randrange(8):
            case 0 | 1:
                return RemoveItem(line.id)
            case 2 | 3 if line.type == "offer":
                return AddItem(item("a-1", type="add_on", parent_id=line.id))
            case 4:
                return SwapItem(line.id, ref(self._dice.choice(OFFERS)), self._dice.choice([None, 3]))
            case 5:
                once = ExpectedPrice.of(money("9.99"))
                return expect_price(line.id, self._dice.choice([money("9.99"), once, money("11", "EUR"), money("3")]))
            case 6:
                return self._rare_action()
            case _:
                return ChangeQuantity(line.id, self._dice.randint(0, 9))

    def _rare_action(self) -> Action:
        if self._dice.random() < 0.1:
            return ClearItems()
        return UpdateDetails({"source": self._dice.choice(SOURCES), "currency": self._dice.choice(["GBP", "EUR"])})

    def _item(self) -> RequestedItem:
        expected = self._dice.choice(
            [None, money("9.99"), ExpectedPrice.of(money("3")), money("3"), money("49.005", interval="P1M")]
        )
        return item(self._dice.choice(OFFERS), self._dice.randint(1, 4), type="offer", expected_price=expected)
