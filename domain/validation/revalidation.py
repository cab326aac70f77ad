"""Validation that nobody asked for: a basket is judged again because the catalogue went on."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from domain.basket.basket import Basket
from domain.basket.codec import decode_all
from domain.basket.command_executor import CommandExecutor
from domain.basket.commands import Caller
from domain.basket.events import BasketValidated
from domain.basket.references import references_of
from domain.ports.event_store import EventStore
from domain.shared.findings import Verdict
from domain.validation.validator import BasketValidator
from domain.validation.verdict_assembler import BASKET_VALIDATED, recorded_verdict
from domain.validation.verdict_diff import are_equivalent


@dataclass(frozen=True, slots=True)
class RevalidationResult:
    """Whether a verdict was recorded; `basket` has it in its history then."""

    basket: Basket
    changed: bool


class Revalidation:
    """Judges baskets again like a validation that was asked for, and records what is new."""

    def __init__(self, store: EventStore, executor: CommandExecutor, validator: BasketValidator) -> None:
        self._store = store
        self._executor = executor
        self._validator = validator

    async def revalidate(
        self, basket_id: str, touched: Collection[str], caller: Caller
    ) -> RevalidationResult:
        """Judges an open basket that uses any of the names in `touched`, and records the verdict if it says
        something else than the last one did. A basket that was never judged has no verdict that could
        change. Raises BasketNotFound and VersionConflict."""

        async def record_if_changed(basket: Basket) -> RevalidationResult:
            same = RevalidationResult(basket, changed=False)
            if basket.ready is None or references_of(basket).isdisjoint(touched):
                return same
            judged = await self._validator.validate(basket)
            if judged.basket.status != "open" or are_equivalent(await self._last(basket), judged.verdict):
                return same
            judged.record_on(basket)
            return RevalidationResult(basket, changed=True)

        return await self._executor.change(basket_id, record_if_changed, caller)

    async def _last(self, basket: Basket) -> Verdict:
        """The last verdict on the basket. A later one than the basket's version makes the append a conflict."""
        for stored in reversed(await self._store.read_events(basket.id)):
            if stored.type == BASKET_VALIDATED and stored.version <= basket.version:
                (event,) = decode_all(b"[" + stored.data + b"]")
                if isinstance(event, BasketValidated):
                    return recorded_verdict(event)
        raise LookupError(f"{basket.id} was judged, and its history has no verdict")
