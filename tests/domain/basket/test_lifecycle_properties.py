"""Whatever happens to baskets, in whatever order, these rules hold."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Literal

from hypothesis import event as noted
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.basket.basket import Basket
from domain.basket.basket_view import to_view
from domain.basket.decision import CheckoutConfig
from domain.basket.orders import OrderReport
from domain.basket.repository import external_id_claim
from domain.basket.view_fold import project_structs
from domain.shared.errors import CommandRejected
from tests.builders import LIFETIME, InMemoryCheckout, add, caller, cancel, initiate, item, update, validate
from tests.builders.direct_handlers import DirectHandlers
from tests.builders.stored_events import decode_stored, fold_basket

ORDERS = st.sampled_from(["order-1", "order-2"])
Step = Literal["update", "details", "validate", "cancel", "placed", "rejected", "expire", "forget", "wait", "back"]
STEPS: list[Step] = [
    *("update", "details", "validate", "cancel", "placed", "placed", "rejected", "rejected"),
    *("expire", "forget", "wait", "back"),
]
CHANGES_NOTHING_WHEN_OVER = {"update", "details"}


class SharedLives:
    """Baskets that share their external ids, and two processes that work on them by turns."""

    def __init__(self, data: st.DataObject) -> None:
        self._data = data
        policy = CheckoutConfig(expiry_from=data.draw(st.sampled_from(["creation", "last_change"])))
        self.checkout = InMemoryCheckout(policy=policy)
        self._other = self.checkout.process()
        self.ids: list[str] = []
        self._expiries: dict[str, datetime] = {}

    async def step(self) -> None:
        process = self._data.draw(st.sampled_from([self.checkout.main, self._other]))
        handlers, clock = process.handlers, self.checkout.clock
        if not self.ids or self._data.draw(st.integers(0, 5)) == 0:
            external_id = self._data.draw(st.sampled_from([None, "E-1", "E-2"]))
            begun = await handlers.initiate(initiate(item("o-1"), external_id=external_id), caller())
            if begun.created:
                self.ids.append(begun.basket.id)
            return
        id = self._data.draw(st.sampled_from(self.ids))
        step = self._data.draw(st.sampled_from(STEPS))
        before = await self.folded(id)
        over = before.status_at(clock()) != "open"
        with suppress(CommandRejected):
            await self._run(step, handlers, before)
        after = await self.folded(id)
        if over and step in CHANGES_NOTHING_WHEN_OVER:
            assert after.version == before.version
        if after.status == "open" and before.status != "open":
            assert (before.status, step) == ("completed", "rejected")

    async def _run(self, step: Step, handlers: DirectHandlers, before: Basket) -> None:
        id, clock = before.id, self.checkout.clock
        match step:
            case "update":
                await handlers.update(update(id, add("o-2")), caller())
            case "details":
                external_id = self._data.draw(st.sampled_from([None, "E-1", "E-2"]))
                wanted = initiate(item("o-1"), checkout_id=id, external_id=external_id)
                await handlers.initiate(wanted, caller())
            case "validate":
                await handlers.validate(validate(id), caller())
            case "cancel":
                await handlers.cancel(cancel(id), caller())
            case "placed" | "rejected" as status:
                version = self._data.draw(st.none() | st.integers(1, before.version + 1))
                placed_at = self._data.draw(st.none() | st.just(clock()))
                order = OrderReport(id, self._data.draw(ORDERS), status, version, placed_at)
                result = await handlers.settle_order(order, caller())
                noted(f"{status}: {result.outcome} {result.code or ''}")
            case "expire":
                await handlers.expire(id, caller())
            case "forget":
                await self.checkout.forget(id)
            case "wait":
                clock.advance(self._data.draw(st.sampled_from([timedelta(seconds=1), LIFETIME / 2, LIFETIME])))
            case "back":
                clock.advance(-timedelta(seconds=1))

    async def folded(self, id: str) -> Basket:
        return fold_basket(decode_stored(await self.checkout.store.read_events(id)))

    async def check(self) -> None:
        claims: dict[str, str] = {}
        for id in self.ids:
            stored = await self.checkout.store.read_events(id)
            basket = fold_basket(decode_stored(stored))
            for process in (self.checkout.main, self._other):
                assert await process.baskets.load(id) == basket
            assert project_structs(id, b",".join(event.data for event in stored)) == to_view(basket)
            assert basket.expires_at >= self._expiries.get(id, basket.expires_at)
            self._expiries[id] = basket.expires_at
            if (claim := external_id_claim(basket)) is not None:
                assert claim not in claims, "two open baskets have one external id"
                claims[claim] = id
        for external_id in ("E-1", "E-2"):
            name = f"acme\x1f{external_id}"
            assert await self.checkout.store.find_claim(name) == claims.get(name)


@given(st.data())
@settings(max_examples=150)
def test_finished_baskets_keep_still_claims_belong_to_open_ones_and_time_goes_on(data: st.DataObject) -> None:
    async def play() -> None:
        world = SharedLives(data)
        for _ in range(data.draw(st.integers(1, 25))):
            await world.step()
            await world.check()

    asyncio.run(play())
