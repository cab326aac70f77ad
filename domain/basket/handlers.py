"""What callers ask for, each in one sentence: load, decide, append."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import timedelta

from domain.basket.basket import Basket
from domain.basket.command_executor import (
    BasketChange,
    CommandExecutor,
    claim_name,
    external_id_claim,
    require_partner,
)
from domain.basket.commands import (
    AddItem,
    Caller,
    InitiateBasket,
    Initiated,
    UpdateBasket,
    Updated,
    ValidateBasket,
    Validated,
)
from domain.basket.decision import BasketLimits, DecisionContext
from domain.basket.idempotency import IdempotencyContext
from domain.basket.reconcile import reconcile
from domain.basket.repository import BasketRepository
from domain.basket.update import apply_actions
from domain.catalogue.catalogue import Catalogue
from domain.catalogue.policies import PolicyTerms
from domain.ports.catalogue import CatalogueFacts
from domain.ports.event_store import AlreadyAnswered, Appended, EventStore
from domain.shared.errors import (
    AnsweredElsewhere,
    BasketFinished,
    BasketNotFound,
    ExternalIdInUse,
    VersionMismatch,
)
from domain.shared.values import Clock, NewId
from domain.validation.revalidation import Revalidation
from domain.validation.validator import BasketValidator


@dataclass(frozen=True, slots=True)
class CheckoutConfig:
    """How long baskets live, how large they get, how often a conflict is tried again, and what they are
    judged by where no policy says it."""

    lifetime: timedelta = timedelta(days=14)
    limits: BasketLimits = field(default_factory=BasketLimits)
    attempts: int = 10
    validation: PolicyTerms = field(default_factory=PolicyTerms)


class CheckoutHandlers:
    """What the partner API, the command worker and the expiry worker ask for."""

    def __init__(
        self,
        store: EventStore,
        baskets: BasketRepository,
        facts: CatalogueFacts,
        clock: Clock,
        new_id: NewId,
        policy: CheckoutConfig | None = None,
    ) -> None:
        self._store = store
        self._baskets = baskets
        self._facts = facts
        self._clock = clock
        self._new_id = new_id
        self._policy = policy or CheckoutConfig()
        self._changes = CommandExecutor(baskets, self._policy.attempts)
        self._judging = BasketValidator(facts, clock, self._policy.validation)
        self.revalidation = Revalidation(store, self._changes, self._judging)

    def drop(self) -> None:
        """Keeps no basket in memory any longer, where one of them was told to forget."""
        self._baskets.drop()
        self._judging.drop()

    async def get(self, basket_id: str, partner: str) -> Basket:
        """The basket with everything acknowledged so far, as it is now; raises BasketNotFound."""
        basket = await self._baskets.load(basket_id)
        require_partner(partner, basket)
        return basket.as_seen_at(self._clock())

    async def initiate(
        self, command: InitiateBasket, caller: Caller, remember: IdempotencyContext[Initiated] | None = None
    ) -> Initiated:
        """Creates a basket, or brings the one that the command names to what it says.

        Raises BasketNotFound and BasketFinished only for a basket named by `checkout_id`; one of the
        landing state that is gone or finished gives way to the next rule. Raises ExternalIdInUse where
        the basket that is meant is another than the open one with this external id.
        """
        catalogue = await self._describing({item.offer.id for item in command.items})

        async def bring(basket: Basket) -> Initiated:
            deciding = self._deciding(basket, catalogue)
            basket.require_open(deciding.now)
            reconcile(deciding, command.details, command.items)
            return Initiated(basket, created=False)

        for _ in range(self._policy.attempts):
            basket_id = await self._meant(command, caller)
            try:
                if basket_id is None:
                    return await self._create(command, caller, catalogue, remember)
                return await self._changes.carry_out(
                    BasketChange(
                        basket_id,
                        bring,
                        caller,
                        caller.partner,
                        command.preconditions,
                        remember,
                    )
                )
            except BasketFinished:
                if command.checkout_id is not None:
                    raise
            except ExternalIdInUse as taken:
                # Taken in between by another initiate, which this one may mean; or by a basket that is
                # over, which has given way now.
                if basket_id is not None and await self._holder(taken.external_id, caller) is not None:
                    raise
        raise ExternalIdInUse(command.details.external_id or "")

    async def update(
        self, command: UpdateBasket, caller: Caller, remember: IdempotencyContext[Updated] | None = None
    ) -> Updated:
        """Carries out the actions, all or none; raises InvalidCommand with all that is wrong."""
        added = {action.item.offer.id for action in command.actions if isinstance(action, AddItem)}
        catalogue = await self._describing(added)

        async def act(basket: Basket) -> Updated:
            deciding = self._deciding(basket, catalogue)
            basket.require_open(deciding.now)
            return Updated(basket, apply_actions(deciding, command.actions))

        return await self._changes.carry_out(
            BasketChange(
                command.basket_id,
                act,
                caller,
                caller.partner,
                command.preconditions,
                remember,
            )
        )

    async def validate(
        self, command: ValidateBasket, caller: Caller, remember: IdempotencyContext[Validated] | None = None
    ) -> Validated:
        """Judges the basket with everything acknowledged so far, and records the verdict."""

        async def record(basket: Basket) -> Validated:
            judged = await self._judging.validate(basket)
            judged.record_on(basket)
            return Validated(judged.basket, basket, judged.verdict)

        return await self._changes.carry_out(
            BasketChange(
                command.basket_id,
                record,
                caller,
                caller.partner,
                command.preconditions,
                remember,
            )
        )

    async def expire(self, basket_id: str, caller: Caller) -> None:
        """Records that a basket expired, once and only when it is due; raises BasketNotFound."""

        async def expire(basket: Basket) -> Basket:
            basket.expire(self._clock())
            return basket

        await self._changes.carry_out(BasketChange(basket_id, expire, caller, partner=None))

    async def complete(self, basket_id: str, order_id: str | None, caller: Caller) -> None:
        """Records that an order was placed from a basket; raises BasketNotFound, and BasketFinished
        where another order was placed from it before."""

        async def complete(basket: Basket) -> Basket:
            basket.complete(order_id, self._clock())
            return basket

        await self._changes.carry_out(BasketChange(basket_id, complete, caller, partner=None))

    async def _meant(self, command: InitiateBasket, caller: Caller) -> str | None:
        """Which basket an initiate means: the named one, else the landing state's while it is open, else
        the open one with this external id, else none."""
        if command.checkout_id is not None:
            return command.checkout_id
        if command.landing_basket_id is not None and await self._is_open(command.landing_basket_id, caller):
            return command.landing_basket_id
        if command.details.external_id is not None:
            return await self._holder(command.details.external_id, caller)
        return None

    async def _is_open(self, basket_id: str, caller: Caller) -> bool:
        try:
            return (await self.get(basket_id, caller.partner)).status == "open"
        except BasketNotFound:
            return False

    async def _holder(self, external_id: str, caller: Caller) -> str | None:
        """The open basket with this external id. One that is over but not recorded so is recorded, and
        gives the id free."""
        holder = await self._store.find_claim(claim_name(caller.partner, external_id))
        if holder is None or await self._is_open(holder, caller):
            return holder
        await self.expire(holder, caller)
        return None

    async def _create(
        self,
        command: InitiateBasket,
        caller: Caller,
        catalogue: Catalogue,
        remember: IdempotencyContext[Initiated] | None,
    ) -> Initiated:
        """A new basket; raises ExternalIdInUse where another one took the external id in between."""
        basket_id = f"basket-{self._new_id()}"
        if command.preconditions.if_match is not None:
            raise VersionMismatch(basket_id, None)
        now = self._clock()
        basket = Basket.initiate(
            id=basket_id,
            partner=caller.partner,
            details=command.details,
            now=now,
            expires_at=now + self._policy.lifetime,
        )
        reconcile(self._deciding(basket, catalogue), command.details, command.items)
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
        if not isinstance(outcome, Appended):
            raise ExternalIdInUse(command.details.external_id or "")
        return result

    def _deciding(self, basket: Basket, catalogue: Catalogue) -> DecisionContext:
        now = self._clock()
        return DecisionContext(
            basket,
            catalogue,
            self._new_id,
            now,
            self._policy.limits,
        )

    async def _describing(self, offer_ids: Collection[str]) -> Catalogue:
        """What items are described with: a moment's lag is no harm, for validation judges anew."""
        if not offer_ids:
            return Catalogue()
        return await self._facts.catalogue(offer_ids, (), fresh=False, at=self._clock())
