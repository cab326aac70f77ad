"""All commands: those on baskets, and validation."""

from __future__ import annotations

from collections.abc import Collection

from domain.basket.basket import Basket
from domain.basket.codec import decode_all
from domain.basket.command_executor import Render
from domain.basket.commands import Caller, ValidateBasket, Validated
from domain.basket.decision import CheckoutConfig
from domain.basket.events import BasketValidated
from domain.basket.handlers import BasketHandlers
from domain.basket.references import references_of
from domain.basket.repository import BasketRepository
from domain.ports.catalogue import CatalogueFacts
from domain.ports.event_store import EventStore, IdempotencyKey, RenderedResponse
from domain.ports.promises import PromiseSigner
from domain.shared.findings import Assessment, Verdict
from domain.shared.values import Clock, NewId
from domain.validation.stream_fold import BASKET_VALIDATED, recorded_verdict
from domain.validation.validator import BasketValidator, ValidatedBasket
from domain.validation.verdict_diff import are_equivalent


class CheckoutHandlers(BasketHandlers):
    """What the partner API, the command worker and the revalidator call."""

    def __init__(
        self,
        store: EventStore,
        baskets: BasketRepository,
        catalogue: CatalogueFacts,
        clock: Clock,
        new_id: NewId,
        config: CheckoutConfig | None = None,
        signer: PromiseSigner | None = None,
    ) -> None:
        """Without a `signer`, verdicts carry no promise."""
        super().__init__(store, baskets, catalogue, clock, new_id, config)
        self._validator = BasketValidator(catalogue, clock, self._config.validation, self._config.limits)
        self._signer = signer

    def drop(self) -> None:
        """Drops all cached baskets and verdicts, because a basket was erased."""
        super().drop()
        self._validator.drop()

    async def get_assessed(self, basket_id: str, partner: str) -> tuple[Basket, Assessment]:
        """As `get`, with the findings as of now, by what is remembered. Changes nothing."""
        basket = await self._baskets.load_owned(basket_id, partner)
        return basket.as_seen_at(self._clock()), await self._validator.assess(basket)

    async def _assess(self, basket: Basket) -> Assessment:
        return await self._validator.assess(basket)

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
            promise = self._sign(validated)
            validated.record_on(basket, promise)
            return Validated(validated.basket, basket, validated.verdict, promise, validated.remedy)

        return await self._executor.execute(command, decide, render, caller, key)

    async def revalidate(self, basket_id: str, touched: Collection[str], caller: Caller) -> bool:
        """Validates an open basket that has any of the references in `touched`. Records the verdict, and returns True,
        only if it is not equivalent to the last one. A basket without a verdict is left alone.

        Raises BasketNotFound and VersionConflict.
        """

        async def decide(basket: Basket) -> bool:
            if basket.ready is None or references_of(basket).isdisjoint(touched):
                return False
            validated = await self._validator.validate(basket)
            if validated.basket.status != "open":
                return False
            if are_equivalent(await self._last_verdict(basket), validated.verdict):
                return False
            validated.record_on(basket, self._sign(validated))
            return True

        return await self._executor.change(basket_id, decide, caller)

    def _sign(self, validated: ValidatedBasket) -> str | None:
        if self._signer is None:
            return None
        promise = validated.promise(self._config.promise_lifetime)
        return None if promise is None else self._signer.sign(promise)

    async def _last_verdict(self, basket: Basket) -> Verdict:
        """The last verdict by the basket's version. If there is a later one, the append will be a conflict."""
        for stored in reversed(await self._store.read_events(basket.id)):
            if stored.type == BASKET_VALIDATED and stored.version <= basket.version:
                (event,) = decode_all(b"[" + stored.data + b"]")
                if isinstance(event, BasketValidated):
                    return recorded_verdict(event)
        raise LookupError(f"{basket.id} has a verdict, but its events contain none")
