"""Carries out commands: load, decide, append; on a conflict with another writer load and decide again."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TypeVar, assert_never

from domain.basket.answering import Remember
from domain.basket.basket import Basket
from domain.basket.commands import (
    AddItem,
    Caller,
    IfMatch,
    InitiateBasket,
    Initiated,
    UpdateBasket,
    Updated,
    ValidateBasket,
    Validated,
)
from domain.basket.deciding import Deciding, Limits
from domain.basket.repository import Baskets
from domain.catalogue.catalogue import Catalogue
from domain.errors import (
    AnsweredElsewhere,
    BasketFinished,
    BasketNotFound,
    ExternalIdInUse,
    Refused,
    VersionConflict,
    VersionMismatch,
)
from domain.ports import (
    AlreadyAnswered,
    Appended,
    CatalogueFacts,
    ClaimTaken,
    Clock,
    Conflict,
    EventStore,
    NewId,
)
from domain.validation.judge import judge

R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Policy:
    """How long baskets live, how large they get, how often a conflict is tried again."""

    lifetime: timedelta = timedelta(days=14)
    limits: Limits = field(default_factory=Limits)
    attempts: int = 10


def external_id_claim(basket: Basket) -> str | None:
    """The name under which an open basket holds its external id: one basket of an organisation at a time."""
    external_id = basket.details.external_id
    if basket.status != "open" or external_id is None:
        return None
    return claim_name(basket.partner, external_id)


def claim_name(partner: str, external_id: str) -> str:
    return f"{partner}\x1f{external_id}"


class CheckoutHandlers:
    """What the partner API, the command worker and the expiry worker ask for."""

    def __init__(
        self,
        store: EventStore,
        baskets: Baskets,
        facts: CatalogueFacts,
        clock: Clock,
        new_id: NewId,
        policy: Policy | None = None,
    ) -> None:
        self._store = store
        self._baskets = baskets
        self._facts = facts
        self._clock = clock
        self._new_id = new_id
        self._policy = policy or Policy()

    async def get(self, basket_id: str, partner: str) -> Basket:
        """The basket with everything acknowledged so far; raises BasketNotFound."""
        return _of(partner, await self._baskets.load(basket_id))

    async def initiate(
        self, command: InitiateBasket, caller: Caller, remember: Remember[Initiated] | None = None
    ) -> Initiated:
        """Creates a basket, or brings the one that the command names to what it says.

        Raises BasketNotFound and BasketFinished only for a basket named by `checkout_id`; one of the
        landing state that is gone or finished gives way to the next rule.
        """
        catalogue = await self._describing({item.offer.id for item in command.items})

        def bring(basket: Basket) -> Initiated:
            basket.require_open(self._clock())
            self._deciding(basket, catalogue).bring_to(command.details, command.items)
            return Initiated(basket, created=False)

        for _ in range(self._policy.attempts):
            basket_id = await self._open_basket(command, caller)
            if basket_id is None:
                created = await self._create(command, caller, catalogue, remember)
                if created is not None:
                    return created
                continue
            try:
                return await self._change(basket_id, bring, caller, command.if_match, remember)
            except BasketFinished:
                if command.checkout_id is not None:
                    raise
        raise ExternalIdInUse(command.details.external_id or "")

    async def update(
        self, command: UpdateBasket, caller: Caller, remember: Remember[Updated] | None = None
    ) -> Updated:
        """Carries out the actions, all or none; raises InvalidCommand with all that is wrong."""
        added = {action.item.offer.id for action in command.actions if isinstance(action, AddItem)}
        catalogue = await self._describing(added)

        def carry_out(basket: Basket) -> Updated:
            basket.require_open(self._clock())
            return Updated(basket, self._deciding(basket, catalogue).carry_out(command.actions))

        return await self._change(command.basket_id, carry_out, caller, command.if_match, remember)

    async def validate(
        self, command: ValidateBasket, caller: Caller, remember: Remember[Validated] | None = None
    ) -> Validated:
        """Judges the basket with everything acknowledged so far, and records the verdict."""
        async with self._baskets.turn(command.basket_id):
            for attempt in range(self._policy.attempts):
                loaded = await self.get(command.basket_id, caller.partner)
                _require_match(command.if_match, loaded)
                offer_ids = {item.offer.id for item in loaded.items.values()}
                catalogue = await self._facts.catalogue(offer_ids, _products(loaded), fresh=True)
                basket = loaded.fork()
                verdict = judge(loaded, catalogue, now := self._clock())
                basket.record_verdict(verdict, now)
                result = Validated(loaded, basket, verdict)
                if await self._saved(loaded, basket, caller, result, remember, attempt):
                    return result
            raise VersionConflict(await self._baskets.load(command.basket_id))

    async def expire(self, basket_id: str, caller: Caller) -> None:
        """Records that a basket expired, once and only when it is due."""

        def expire(basket: Basket) -> Basket:
            basket.expire(self._clock())
            return basket

        await self._change(basket_id, expire, caller, None, None, any_partner=True)

    async def complete(self, basket_id: str, order_id: str | None, caller: Caller) -> None:
        """Records that an order was placed from a basket; raises BasketNotFound, and BasketFinished
        where another order was placed from it before."""

        def complete(basket: Basket) -> Basket:
            basket.complete(order_id, self._clock())
            return basket

        await self._change(basket_id, complete, caller, None, None, any_partner=True)

    async def _open_basket(self, command: InitiateBasket, caller: Caller) -> str | None:
        """Which basket an initiate means: the named one, else the landing state's, else the open one
        with this external id, else none."""
        if command.checkout_id is not None:
            return command.checkout_id
        if command.landing_basket_id is not None:
            basket = await self._find(command.landing_basket_id, caller)
            if basket is not None and basket.status_at(self._clock()) == "open":
                return basket.id
        external_id = command.details.external_id
        if external_id is None:
            return None
        holder = await self._store.find_claim(claim_name(caller.partner, external_id))
        basket = await self._find(holder, caller) if holder is not None else None
        if basket is None:
            return None
        if basket.status_at(self._clock()) != "open":
            await self.expire(basket.id, caller)
            return None
        return basket.id

    async def _find(self, basket_id: str, caller: Caller) -> Basket | None:
        try:
            return await self.get(basket_id, caller.partner)
        except BasketNotFound:
            return None

    async def _create(
        self,
        command: InitiateBasket,
        caller: Caller,
        catalogue: Catalogue,
        remember: Remember[Initiated] | None,
    ) -> Initiated | None:
        """A new basket; None where another one took the external id in between."""
        basket_id = f"basket-{self._new_id()}"
        if command.if_match is not None:
            raise VersionMismatch(basket_id, None)
        now = self._clock()
        basket = Basket.initiate(
            id=basket_id,
            partner=caller.partner,
            details=command.details,
            now=now,
            expires_at=now + self._policy.lifetime,
        )
        self._deciding(basket, catalogue).bring_to(command.details, command.items)
        result = Initiated(basket, created=True)
        claim = external_id_claim(basket)
        outcome = await self._baskets.save(
            basket,
            caller,
            claims=[claim] if claim else [],
            answer=remember.answer(result) if remember else None,
        )
        if isinstance(outcome, AlreadyAnswered):
            raise AnsweredElsewhere(basket_id)
        return result if isinstance(outcome, Appended) else None

    async def _change(
        self,
        basket_id: str,
        decide: Callable[[Basket], R],
        caller: Caller,
        if_match: IfMatch | None,
        remember: Remember[R] | None,
        *,
        any_partner: bool = False,
    ) -> R:
        """Load, decide, append. A basket from memory is trusted only as far as its append succeeds: what
        it makes the decision refuse is decided again on a fresh one."""
        async with self._baskets.turn(basket_id):
            for attempt in range(self._policy.attempts):
                remembered = None if attempt else self._baskets.remembered(basket_id)
                loaded = remembered or await self._baskets.load(basket_id)
                basket = loaded.fork()
                try:
                    if not any_partner:
                        _of(caller.partner, loaded)
                    _require_match(if_match, loaded)
                    result = decide(basket)
                except Refused:
                    if remembered is not None:
                        continue
                    raise
                if basket.version == loaded.version and remember is None:
                    if remembered is not None:
                        continue
                    return result
                if await self._saved(loaded, basket, caller, result, remember, attempt):
                    return result
            raise VersionConflict(await self._baskets.load(basket_id))

    async def _saved(
        self,
        loaded: Basket,
        basket: Basket,
        caller: Caller,
        result: R,
        remember: Remember[R] | None,
        attempt: int,
    ) -> bool:
        """Appends what was decided; False where another writer came first and it must be decided again."""
        held, wanted = external_id_claim(loaded), external_id_claim(basket)
        outcome = await self._baskets.save(
            basket,
            caller,
            claims=[wanted] if wanted and wanted != held else [],
            releases=[held] if held and wanted != held else [],
            answer=remember.answer(result) if remember else None,
        )
        match outcome:
            case Appended():
                return True
            case Conflict():
                await asyncio.sleep(0.001 * attempt)
                return False
            case ClaimTaken():
                raise ExternalIdInUse(basket.details.external_id or "")
            case AlreadyAnswered():
                raise AnsweredElsewhere(basket.id)
            case _:
                assert_never(outcome)

    def _deciding(self, basket: Basket, catalogue: Catalogue) -> Deciding:
        now = self._clock()
        return Deciding(
            basket,
            lambda ref, market: catalogue.describe(ref, market, now),
            self._new_id,
            now,
            self._policy.limits,
        )

    async def _describing(self, offer_ids: Collection[str]) -> Catalogue:
        if not offer_ids:
            return Catalogue()
        return await self._facts.catalogue(offer_ids, (), fresh=False)


def _require_match(if_match: IfMatch | None, basket: Basket) -> None:
    if if_match is not None and not if_match.accepts(basket.version):
        raise VersionMismatch(basket.id, basket.version)


def _of(partner: str, basket: Basket) -> Basket:
    """The basket, if it is this organisation's; else it does not exist for it."""
    if basket.partner != partner:
        raise BasketNotFound(basket.id)
    return basket


def _products(basket: Basket) -> set[str]:
    return {product.product_code for item in basket.items.values() for product in item.offer.products}
