"""How every command changes a basket: load, decide, append; where another writer came first, once more."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Generic, TypeVar, assert_never

from domain.basket.basket import Basket
from domain.basket.commands import NO_PRECONDITIONS, Caller, Preconditions
from domain.basket.idempotency import IdempotencyContext
from domain.basket.repository import BasketRepository
from domain.ports.event_store import (
    AlreadyAnswered,
    Appended,
    ClaimTaken,
    Conflict,
)
from domain.shared.errors import (
    AnsweredElsewhere,
    BasketNotFound,
    CommandRejected,
    ExternalIdInUse,
)

R = TypeVar("R")

BACKOFF_STEP_SECONDS = 0.001


class VersionConflict(CommandRejected):
    """Other writers won every attempt; `basket` is what they left."""

    def __init__(self, basket: Basket) -> None:
        super().__init__(f"basket {basket.id} keeps changing; it is at version {basket.version}")
        self.basket = basket


@dataclass(frozen=True, slots=True)
class BasketChange(Generic[R]):
    """A decision on one basket. `decide` is given a fork of it and may be called again with a fresher one.

    `partner` is the organisation that the basket must be of; None: of any.
    """

    basket_id: str
    decide: Callable[[Basket], Awaitable[R]]
    caller: Caller
    partner: str | None
    preconditions: Preconditions = NO_PRECONDITIONS
    remember: IdempotencyContext[R] | None = None


class CommandExecutor:
    """Carries changes out, at most `attempts` times against a fresh basket."""

    def __init__(self, baskets: BasketRepository, attempts: int) -> None:
        self._baskets = baskets
        self._attempts = attempts

    async def carry_out(self, change: BasketChange[R]) -> R:
        """What was decided, once it is durable. A basket from memory is tried first: what is appended to
        it was decided on the newest version, or else the store refuses it.

        Raises BasketNotFound, VersionMismatch, BasketExists, VersionConflict, ExternalIdInUse,
        AnsweredElsewhere and what the decision raises.
        """
        async with self._baskets.turn(change.basket_id):
            if (remembered := self._baskets.remembered(change.basket_id)) is not None:
                # Memory may be behind: a refusal, or that nothing is to be done, is not believed of it.
                with suppress(CommandRejected):
                    result = await self._attempt(change, remembered, believed=False)
                    if result is not None:
                        return result
            for attempt in range(self._attempts):
                # Wait a little longer each time, so that other processes get their turn.
                await asyncio.sleep(BACKOFF_STEP_SECONDS * attempt)
                loaded = await self._baskets.load(change.basket_id)
                result = await self._attempt(change, loaded, believed=True)
                if result is not None:
                    return result
            raise VersionConflict(await self._baskets.load(change.basket_id))

    async def _attempt(self, change: BasketChange[R], loaded: Basket, *, believed: bool) -> R | None:
        """What was decided, durable; None where it must be decided again on a fresh basket."""
        if change.partner is not None:
            require_partner(change.partner, loaded)
        change.preconditions.check(loaded.id, loaded.version)
        basket = loaded.fork()
        result = await change.decide(basket)
        if basket.version == loaded.version and change.remember is None:
            return result if believed else None
        held, wanted = external_id_claim(loaded), external_id_claim(basket)
        outcome = await self._baskets.save(
            basket,
            change.caller,
            claims=[wanted] if wanted and wanted != held else [],
            releases=[held] if held and wanted != held else [],
            answer=change.remember.answer(result) if change.remember else None,
        )
        match outcome:
            case Appended():
                return result
            case Conflict():
                return None
            case ClaimTaken():
                raise ExternalIdInUse(basket.details.external_id or "")
            case AlreadyAnswered():
                raise AnsweredElsewhere(basket.id)
            case _:
                assert_never(outcome)


def require_partner(partner: str, basket: Basket) -> None:
    """Another organisation's basket does not exist: raises BasketNotFound."""
    if basket.partner != partner:
        raise BasketNotFound(basket.id)


def external_id_claim(basket: Basket) -> str | None:
    """The name under which an open basket holds its external id: one basket of an organisation at a time."""
    external_id = basket.details.external_id
    if basket.status != "open" or external_id is None:
        return None
    return claim_name(basket.partner, external_id)


def claim_name(partner: str, external_id: str) -> str:
    return f"{partner}\x1f{external_id}"
