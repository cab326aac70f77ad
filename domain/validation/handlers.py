"""All commands: those on baskets, and validation."""

from __future__ import annotations

from domain.basket.basket import Basket
from domain.basket.command_executor import Render
from domain.basket.commands import Caller, ValidateBasket, Validated
from domain.basket.decision import CheckoutConfig
from domain.basket.handlers import BasketHandlers
from domain.basket.repository import BasketRepository
from domain.ports.catalogue import CatalogueFacts
from domain.ports.event_store import EventStore, IdempotencyKey, RenderedResponse
from domain.shared.values import Clock, NewId
from domain.validation.revalidation import Revalidation
from domain.validation.validator import BasketValidator


class CheckoutHandlers(BasketHandlers):
    """What the partner API and the command worker call."""

    def __init__(
        self,
        store: EventStore,
        baskets: BasketRepository,
        catalogue: CatalogueFacts,
        clock: Clock,
        new_id: NewId,
        config: CheckoutConfig | None = None,
    ) -> None:
        super().__init__(store, baskets, catalogue, clock, new_id, config)
        self._validator = BasketValidator(catalogue, clock, self._config.validation)
        self.revalidation = Revalidation(store, self._executor, self._validator)

    def drop(self) -> None:
        """Drops all cached baskets and verdicts, because a basket was erased."""
        super().drop()
        self._validator.drop()

    async def validate(
        self,
        command: ValidateBasket,
        caller: Caller,
        render: Render[Validated],
        key: IdempotencyKey | None = None,
    ) -> RenderedResponse:
        """Validates the basket with everything acknowledged so far, and records the verdict."""

        async def decide(basket: Basket) -> Validated:
            validated = await self._validator.validate(basket)
            validated.record_on(basket)
            return Validated(validated.basket, basket, validated.verdict)

        return await self._executor.execute(command, decide, render, caller, key)
