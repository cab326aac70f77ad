"""The real handlers, called as functions: each returns its result, or raises its rejection."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar
from uuid import uuid4

from domain.basket.command_executor import Render
from domain.basket.commands import (
    Caller,
    CancelBasket,
    Cancelled,
    InitiateBasket,
    Initiated,
    UpdateBasket,
    Updated,
    ValidateBasket,
    Validated,
)
from domain.basket.decision import CheckoutConfig
from domain.basket.orders import OrderReport, OrderResult
from domain.basket.repository import BasketRepository
from domain.ports.catalogue import CatalogueFacts
from domain.ports.event_store import EventStore, IdempotencyKey, RenderedResponse
from domain.ports.promises import PromiseSigner
from domain.shared.errors import CommandRejected
from domain.shared.values import Clock, NewId
from domain.validation.handlers import CheckoutHandlers

R = TypeVar("R")
C = TypeVar("C")

Handle = Callable[[C, Caller, Render[R], IdempotencyKey | None], Awaitable[RenderedResponse]]


class DirectHandlers:
    """`real` are the handlers as the service has them."""

    def __init__(self, real: CheckoutHandlers) -> None:
        self.real = real
        self.get = self.real.get
        self.expire = self.real.expire
        self.drop = self.real.drop

    async def initiate(self, command: InitiateBasket, caller: Caller) -> Initiated:
        return await _result(self.real.initiate, command, caller)

    async def update(self, command: UpdateBasket, caller: Caller) -> Updated:
        return await _result(self.real.update, command, caller)

    async def cancel(self, command: CancelBasket, caller: Caller) -> Cancelled:
        return await _result(self.real.cancel, command, caller)

    async def settle_order(self, report: OrderReport, caller: Caller) -> OrderResult:
        results: list[OrderResult] = []

        def render(result: OrderResult) -> RenderedResponse:
            results.append(result)
            return RenderedResponse(200, {}, b"")

        key = IdempotencyKey("orders", str(uuid4()), b"")
        await self.real.settle_order(report, caller, render, key)
        return results[-1]

    async def complete(self, basket_id: str, order_id: str | None, caller: Caller) -> None:
        """An order that was placed in time completes the basket."""
        assert (await self.settle_order(OrderReport(basket_id, order_id), caller)).outcome == "completed"

    async def validate(self, command: ValidateBasket, caller: Caller) -> Validated:
        return await _result(self.real.validate, command, caller)


def direct_handlers(
    store: EventStore,
    baskets: BasketRepository,
    catalogue: CatalogueFacts,
    clock: Clock,
    new_id: NewId,
    config: CheckoutConfig | None = None,
    signer: PromiseSigner | None = None,
) -> DirectHandlers:
    return DirectHandlers(CheckoutHandlers(store, baskets, catalogue, clock, new_id, config, signer))


async def _result(handle: Handle[C, R], command: C, caller: Caller) -> R:
    results: list[R] = []

    def render(outcome: R | CommandRejected) -> RenderedResponse:
        assert not isinstance(outcome, CommandRejected)
        results.append(outcome)
        return RenderedResponse(200, {}, b"")

    await handle(command, caller, render, None)
    return results[-1]
