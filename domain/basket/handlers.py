"""The commands on baskets, each in one sentence: load, decide, append. `domain.validation.handlers` adds validation."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection

from domain.basket.basket import Basket
from domain.basket.command_executor import CommandExecutor, Render
from domain.basket.commands import (
    Caller,
    CancelBasket,
    Cancelled,
    InitiateBasket,
    Initiated,
    UpdateBasket,
    Updated,
)
from domain.basket.decision import CheckoutConfig, DecisionContext
from domain.basket.orders import (
    OrderRefusal,
    OrderReport,
    OrderResult,
    changes_content,
    is_reopening,
    refusal_of,
)
from domain.basket.reconcile import reconcile
from domain.basket.repository import BasketRepository
from domain.basket.update import apply_actions
from domain.basket.update_reads import need_present_facts, offers_of_actions, offers_of_lines
from domain.catalogue.catalogue import Catalogue
from domain.ports.catalogue import CatalogueFacts
from domain.ports.event_store import EventStore, IdempotencyKey, RenderedResponse
from domain.shared.errors import BasketNotFound
from domain.shared.findings import Assessment
from domain.shared.values import Clock, NewId

_NO_CATALOGUE = Catalogue()


class BasketHandlers:
    """Each command raises, or renders, what `CommandExecutor.execute` says."""

    def __init__(
        self,
        store: EventStore,
        baskets: BasketRepository,
        catalogue: CatalogueFacts,
        clock: Clock,
        new_id: NewId,
        config: CheckoutConfig | None = None,
    ) -> None:
        self._store = store
        self._baskets = baskets
        self._catalogue = catalogue
        self._clock = clock
        self._new_id = new_id
        self._config = config or CheckoutConfig()
        self._executor = CommandExecutor(store, baskets, clock, new_id, self._config)

    def drop(self) -> None:
        """Drops all cached baskets, because one of them was erased."""
        self._baskets.drop()

    async def get(self, basket_id: str, partner: str) -> Basket:
        """The basket with everything acknowledged so far, as it is now; raises BasketNotFound."""
        basket = await self._baskets.load_owned(basket_id, partner)
        return basket.as_seen_at(self._clock())

    async def initiate(
        self,
        command: InitiateBasket,
        caller: Caller,
        render: Render[Initiated],
        key: IdempotencyKey | None = None,
    ) -> RenderedResponse:
        """Creates a basket, or sets the basket that the command means to what it says.

        Raises BasketNotFound and BasketFinished only for a basket named by `checkout_id`. The landing state's
        basket gives way to the next rule if it is gone or finished. Raises ExternalIdInUse if another open basket
        has the external id.
        """
        catalogue = await self._load_catalogue({item.offer.id for item in command.items or ()}, caller.partner)

        async def decide(basket: Basket) -> Initiated:
            context = self._context(basket, catalogue)
            created = bool(basket.pending_events)
            if not created:
                basket.require_open(context.now)
            reconcile(context, command.details, command.items)
            return Initiated(basket, created, await self._assess(basket) if command.include_findings else None)

        return await self._executor.execute(command, decide, render, caller, key)

    async def update(
        self,
        command: UpdateBasket,
        caller: Caller,
        render: Render[Updated],
        key: IdempotencyKey | None = None,
    ) -> RenderedResponse:
        """Applies the actions, all or none. Raises InvalidCommand with everything that is wrong, and ExternalIdInUse
        if the actions set an external id that another open basket has."""
        actions = command.actions
        fresh = need_present_facts(actions)
        recent = await self._load_catalogue(() if fresh else offers_of_actions(actions), caller.partner)

        async def decide(basket: Basket) -> Updated:
            catalogue = recent
            if fresh:
                offer_ids = offers_of_actions(actions) | offers_of_lines(basket, actions)
                catalogue = await self._load_catalogue(offer_ids, basket.partner, fresh=True)
            context = self._context(basket, catalogue)
            basket.require_open(context.now)
            results = apply_actions(context, actions)
            return Updated(basket, results, await self._assess(basket) if command.include_findings else None)

        return await self._executor.execute(command, decide, render, caller, key)

    async def cancel(
        self,
        command: CancelBasket,
        caller: Caller,
        render: Render[Cancelled],
        key: IdempotencyKey | None = None,
    ) -> RenderedResponse:
        """Cancels the basket. A cancelled one stays as it is; raises BasketFinished if it is completed or expired."""

        async def decide(basket: Basket) -> Cancelled:
            basket.cancel(command.code, command.text, self._clock())
            return Cancelled(basket)

        return await self._executor.execute(command, decide, render, caller, key)

    async def expire(self, basket_id: str, caller: Caller) -> bool:
        """Records that a basket expired, once and only when it is due. False if it is still open. Raises
        BasketNotFound."""
        return await self._executor.expire(basket_id, caller)

    async def settle_order(
        self,
        report: OrderReport,
        caller: Caller,
        render: Callable[[OrderResult], RenderedResponse],
        key: IdempotencyKey,
        came_back: Callable[[], Awaitable[bool]] | None = None,
    ) -> RenderedResponse:
        """Completes a basket, opens it again, or says why not: once for each key, and with one response.

        `came_back` is asked where the store does not have the basket, and says whether it has it now. Raises VersionConflict, KeyReused, RequestInProgress, AnsweredElsewhere and Unavailable if nothing is decided.
        """

        async def decide(basket: Basket) -> OrderResult:
            now = self._clock()
            refusal = refusal_of(basket, report, now) or await self._late_refusal(basket, report, caller)
            if refusal is not None:
                return OrderResult(report, basket, now, "refused", refusal)
            if report.status == "placed":
                basket.complete(report.order_id, now)
                return OrderResult(report, basket, now, "completed")
            if is_reopening(basket, report):
                basket.reopen(report.reason, now, now + self._config.lifetime)
            return OrderResult(report, basket, now, "reopened")

        try:
            return await self._executor.settle(report.basket_id, decide, render, caller, key)
        except BasketNotFound:
            if came_back is not None and await came_back():
                return await self.settle_order(report, caller, render, key, came_back)
            response = render(OrderResult(report, None, self._clock(), "refused", "basket_not_found"))
            return await self._executor.settle_without_basket(response, key)

    async def _late_refusal(self, basket: Basket, report: OrderReport, caller: Caller) -> OrderRefusal | None:
        """The refusals that other data than the basket's state gives."""
        if is_reopening(basket, report):
            taken = await self._executor.is_external_id_taken(basket, caller)
            return "external_id_in_use" if taken else None
        if report.status == "placed" and basket.status != "completed" and await self._has_changed(basket, report):
            return "basket_changed"
        return None

    async def _has_changed(self, basket: Basket, report: OrderReport) -> bool:
        """Whether the basket's content is another than at the report's version. So it is if there is no such
        version."""
        if report.version is None or report.version == basket.version:
            return False
        if report.version > basket.version:
            return True
        later = await self._store.read_events(basket.id, report.version)
        return changes_content(event.type for event in later if event.version <= basket.version)

    async def _assess(self, basket: Basket) -> Assessment | None:
        """The findings as of now, by what is remembered. None here: only validation knows the checks."""
        return None

    def _context(self, basket: Basket, catalogue: Catalogue) -> DecisionContext:
        return DecisionContext(basket, catalogue, self._new_id, self._clock(), self._config.limits)

    async def _load_catalogue(self, offer_ids: Collection[str], partner: str, *, fresh: bool = False) -> Catalogue:
        """These offers, with their prices for this partner. For new lines they may be a moment old, because
        validation reads them afresh. A caller who accepts a price needs the present one."""
        if not offer_ids:
            return _NO_CATALOGUE
        return await self._catalogue.catalogue(offer_ids, (), fresh=fresh, at=self._clock(), prices_for=partner)
