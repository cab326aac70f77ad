"""Runs every command in the same steps.

1. Idempotency: a key that has a response gets that response again.
2. Target: the basket that the command means. An initiate may mean a new one.
3. Load the basket: from memory first, then from the store.
4. Decide: rules leave events on a fork of the basket.
5. Append the events, claims and response in one transaction. After a conflict, go back to step 3.
6. A rejected command with a key: save the response, then tell the caller.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Generic, TypeVar, assert_never

from msgspec import Struct
from msgspec.structs import replace

from domain.basket.basket import Basket
from domain.basket.commands import NO_PRECONDITIONS, Caller, CancelBasket, Command, InitiateBasket, Preconditions
from domain.basket.decision import CheckoutConfig
from domain.basket.events import BasketStatus
from domain.basket.idempotency import IdempotencyStore
from domain.basket.repository import BasketRepository, claim_name
from domain.ports.event_store import (
    AlreadyAnswered,
    Appended,
    ClaimTaken,
    Conflict,
    EventStore,
    IdempotencyKey,
    RenderedResponse,
)
from domain.shared.errors import (
    AnsweredElsewhere,
    BasketFinished,
    BasketNotFound,
    CommandRejected,
    ExternalIdInUse,
    VersionMismatch,
)
from domain.shared.values import Clock, NewId

R = TypeVar("R")
T = TypeVar("T")

Decide = Callable[[Basket], Awaitable[R]]
"""Decides on a fork of a basket, and returns a result that is not None. After a conflict it is called again with a
fresh fork."""

Render = Callable[[R | CommandRejected], RenderedResponse]
"""Makes the response for a result or a rejection."""

BACKOFF_STEP_SECONDS = 0.001
"""Each attempt waits this much longer than the one before. This is a hot path of a millisecond: a retry library
would cost more than the wait."""


class VersionConflict(CommandRejected):
    """Other writers won every attempt; `basket` is what they left."""

    def __init__(self, basket: Basket) -> None:
        super().__init__(f"basket {basket.id} keeps changing; it is at version {basket.version}")
        self.basket = basket


class _Execution(Struct, Generic[R, T], frozen=True):
    """A command without its target. `partner` must own the basket; None means anybody. `repeats`: a basket with this
    status is as the command wants it, whatever version the preconditions name."""

    decide: Decide[R]
    render: Callable[[R], T]
    caller: Caller
    partner: str | None
    preconditions: Preconditions = NO_PRECONDITIONS
    key: IdempotencyKey | None = None
    repeats: BasketStatus | None = None


class CommandExecutor:
    def __init__(
        self,
        store: EventStore,
        baskets: BasketRepository,
        clock: Clock,
        new_id: NewId,
        config: CheckoutConfig,
    ) -> None:
        self._store = store
        self._baskets = baskets
        self._idempotency = IdempotencyStore(store)
        self._clock = clock
        self._new_id = new_id
        self._config = config

    async def execute(
        self,
        command: Command,
        decide: Decide[R],
        render: Render[R],
        caller: Caller,
        key: IdempotencyKey | None = None,
    ) -> RenderedResponse:
        """The response, once it is durable. With a key, a rejection becomes a response too.

        Without a key, raises BasketNotFound, VersionMismatch, BasketExists, VersionConflict, ExternalIdInUse, and
        whatever `decide` raises. With a key, raises BasketNotFound, because a missing basket is not stored: its id
        becomes known only once it exists. Raises KeyReused, RequestInProgress, AnsweredElsewhere and Unavailable
        if nothing is decided yet.
        """
        repeats: BasketStatus | None = "cancelled" if isinstance(command, CancelBasket) else None
        execution = _Execution(decide, render, caller, caller.partner, command.preconditions, key, repeats)
        if key is None:
            return await self._decide(command, execution)
        with self._idempotency.reserve(key):
            response = await self._idempotency.find_response(key)
            if response is not None:
                return response
            try:
                return await self._decide_or_save_rejection(command, execution, render, key)
            except AnsweredElsewhere:
                response = await self._idempotency.find_response(key)
                if response is None:
                    raise
                return response

    async def change(self, basket_id: str, decide: Decide[R], caller: Caller) -> R:
        """Changes a basket of any organisation, without a response. Raises as `execute` without a key."""
        return await self._change(basket_id, _Execution(decide, _unrendered, caller, partner=None))

    async def settle(
        self,
        basket_id: str,
        decide: Decide[R],
        render: Callable[[R], RenderedResponse],
        caller: Caller,
        key: IdempotencyKey,
    ) -> RenderedResponse:
        """Changes a basket of any organisation once for each key. The response is stored with the change, and a
        rejection is not. Raises as `execute` without a key, and KeyReused, RequestInProgress and AnsweredElsewhere."""
        execution = _Execution(decide, render, caller, partner=None, key=key)
        with self._idempotency.reserve(key):
            if (response := await self._idempotency.find_response(key)) is not None:
                return response
            for _ in range(self._config.attempts):
                # Another basket may take the external id after the decision. Then the next decision knows.
                with suppress(ExternalIdInUse):
                    return await self._change(basket_id, execution)
            raise VersionConflict(await self._baskets.load(basket_id))

    async def settle_without_basket(self, response: RenderedResponse, key: IdempotencyKey) -> RenderedResponse:
        """The key's response where `settle` raised BasketNotFound: this one, or the one that was stored first."""
        try:
            await self._idempotency.save_response(key, response)
        except AnsweredElsewhere:
            found = await self._idempotency.find_response(key)
            if found is None:
                raise
            return found
        return response

    async def is_external_id_taken(self, basket: Basket, caller: Caller) -> bool:
        """Whether another open basket of its organisation holds the basket's external id."""
        external_id = basket.details.external_id
        if external_id is None:
            return False
        owner = await self._store.find_claim(claim_name(basket.partner, external_id))
        if owner in (None, basket.id):  # its own, where this process does not know yet that it is open
            return False
        return await self._claim_owner(external_id, replace(caller, partner=basket.partner)) not in (None, basket.id)

    async def expire(self, basket_id: str, caller: Caller) -> bool:
        """Records that a basket expired, once and only when it is due. False if it is still open. Raises
        BasketNotFound."""

        async def decide(basket: Basket) -> bool:
            basket.expire(self._clock())
            return basket.status != "open"

        return await self.change(basket_id, decide, caller)

    async def _decide_or_save_rejection(
        self,
        command: Command,
        execution: _Execution[R, RenderedResponse],
        render: Render[R],
        key: IdempotencyKey,
    ) -> RenderedResponse:
        try:
            return await self._decide(command, execution)
        except BasketNotFound:
            raise
        except CommandRejected as rejection:
            response = render(rejection)
            shown = rejection.basket if isinstance(rejection, VersionConflict) else None
            await self._idempotency.save_response(key, response, shown)
            return response

    async def _decide(self, command: Command, execution: _Execution[R, T]) -> T:
        if isinstance(command, InitiateBasket):
            return await self._initiate(command, execution)
        for _ in range(self._config.attempts):
            try:
                return await self._change(command.basket_id, execution)
            except ExternalIdInUse as taken:
                external_id = taken.external_id
                if await self._claim_owner(external_id, execution.caller) is not None:
                    raise
        raise ExternalIdInUse(external_id)

    async def _initiate(self, command: InitiateBasket, execution: _Execution[R, T]) -> T:
        if not command.names_a_basket and not command.details.hold_personal_data:
            # The append claims the external id, or finds it taken. So a rejection does not count yet. Personal data
            # gets a key before the append: one that is refused would leave a key of a basket that never was.
            with suppress(CommandRejected):
                return await self._create(command, execution)
        for _ in range(self._config.attempts):
            basket_id = await self._resolve_target(command, execution.caller)
            try:
                if basket_id is None:
                    return await self._create(command, execution)
                return await self._change(basket_id, execution)
            except BasketFinished:
                if command.checkout_id is not None:
                    raise
            except ExternalIdInUse as taken:
                # Either another initiate took the id just now, and this one may mean that basket. Or the owner
                # was over, and has released the id.
                owner = await self._claim_owner(taken.external_id, execution.caller) if basket_id else None
                if owner is not None:
                    raise
        raise ExternalIdInUse(command.details.external_id or "")

    async def _resolve_target(self, command: InitiateBasket, caller: Caller) -> str | None:
        """The basket that the request names, else the landing state's while it is open, else the open basket
        with this external id. None: a new basket."""
        if command.checkout_id is not None:
            return command.checkout_id
        if command.landing_basket_id is not None and await self._is_open(command.landing_basket_id, caller):
            return command.landing_basket_id
        if command.details.external_id is not None:
            return await self._claim_owner(command.details.external_id, caller)
        return None

    async def _claim_owner(self, external_id: str, caller: Caller) -> str | None:
        """The open basket with this external id. If it expired and no event says so, records that, which
        releases the id."""
        owner = await self._store.find_claim(claim_name(caller.partner, external_id))
        if owner is None or await self._is_open(owner, caller):
            return owner
        await self.expire(owner, caller)
        return None

    async def _is_open(self, basket_id: str, caller: Caller) -> bool:
        try:
            basket = await self._baskets.load_owned(basket_id, caller.partner)
        except BasketNotFound:
            return False
        return basket.status_at(self._clock()) == "open"

    async def _create(self, command: InitiateBasket, execution: _Execution[R, T]) -> T:
        basket_id = f"basket-{self._new_id()}"
        if command.preconditions.if_match is not None:
            raise VersionMismatch(basket_id, None)
        now = self._clock()
        basket = Basket.initiate(
            id=basket_id,
            partner=execution.caller.partner,
            details=command.details,
            now=now,
            expires_at=now + self._config.lifetime,
            idle_seconds=self._config.idle_seconds,
        )
        response = execution.render(await execution.decide(basket))
        outcome = await self._baskets.save(basket, None, execution.caller, execution.key, response)
        if isinstance(outcome, AlreadyAnswered):
            raise AnsweredElsewhere(basket_id)
        if not isinstance(outcome, Appended):
            raise ExternalIdInUse(command.details.external_id or "")
        return response

    async def _change(self, basket_id: str, execution: _Execution[R, T]) -> T:
        """Decides on a cached basket first: if the cache is behind, the append is a conflict."""
        await self._baskets.wait_for_turn(basket_id)
        try:
            if (cached := self._baskets.cached(basket_id)) is not None:
                try:
                    response = await self._attempt(execution, cached, authoritative=False)
                    if response is not None:
                        return response
                except CommandRejected:
                    pass  # It may be due to an old version, so it does not count yet.
            for attempt in range(self._config.attempts):
                if attempt > 0:
                    await asyncio.sleep(BACKOFF_STEP_SECONDS * attempt)
                loaded = await self._baskets.load(basket_id)
                response = await self._attempt(execution, loaded, authoritative=True)
                if response is not None:
                    return response
            raise VersionConflict(await self._baskets.load(basket_id))
        finally:
            self._baskets.end_turn(basket_id)

    async def _attempt(self, execution: _Execution[R, T], loaded: Basket, *, authoritative: bool) -> T | None:
        """The durable response; None if the decision must be made again on a fresh basket."""
        if execution.partner not in (None, loaded.partner):
            raise BasketNotFound(loaded.id)
        if loaded.status != execution.repeats:
            execution.preconditions.check(loaded.id, loaded.version)
        basket = loaded.fork()
        response = execution.render(await execution.decide(basket))
        if basket.version == loaded.version and execution.key is None:
            return response if authoritative else None
        outcome = await self._baskets.save(basket, loaded, execution.caller, execution.key, response)
        match outcome:
            case Appended():
                return response
            case Conflict():
                return None
            case ClaimTaken():
                raise ExternalIdInUse(basket.details.external_id or "")
            case AlreadyAnswered():
                raise AnsweredElsewhere(basket.id)
            case _:
                assert_never(outcome)


def _unrendered(result: R) -> R:
    return result
