"""Expires baskets whose time is over, and clears away answers that nobody asks for any more."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta

import structlog

from adapters.wire.trace_context import continue_trace
from domain.basket.command_executor import VersionConflict
from domain.basket.commands import Caller
from domain.basket.handlers import CheckoutHandlers
from domain.ports.read_models import BasketViews
from domain.shared.errors import BasketNotFound
from domain.shared.values import Clock, NewId
from workers.heartbeat import Heartbeat
from workers.keyed_concurrency import run_keyed
from workers.runner import sleep

PAGE_BASKETS = 500
AT_ONCE = 32
PURGE_ANSWERS = 5_000
MOST_EXPIRED_AHEAD = 20_000
"""So many baskets may be expired in the store while their views still say that they are due."""

PurgeAnswers = Callable[[int], Awaitable[int]]
"""Deletes at most so many outdated answers and says how many."""

_log = structlog.get_logger("workers.expiry")


class ExpiryWorker:
    """At least once, and without harm when it is more: a basket expires by an event, once and only when it
    is due, whoever says so how often. Several processes may do this at the same time.

    Which baskets are due is looked up in their views, `interval` after the last look.
    """

    name = "expiry"

    def __init__(
        self,
        views: BasketViews,
        handlers: CheckoutHandlers,
        purge_answers: PurgeAnswers,
        clock: Clock,
        new_id: NewId,
        *,
        interval: timedelta,
        page_baskets: int = PAGE_BASKETS,
    ) -> None:
        self._views = views
        self._handlers = handlers
        self._purge_answers = purge_answers
        self._clock = clock
        self._new_id = new_id
        self._interval = interval.total_seconds()
        self._page = page_baskets
        self._ahead: set[str] = set()
        """Baskets that are expired in the store, and due by their views, which lag."""

    async def run(self, heartbeat: Heartbeat) -> None:
        while True:
            expired = await self._expire_what_is_due(heartbeat)
            purged = await self._purge(heartbeat)
            if expired or purged:
                _log.info("cleared away", expired_baskets=expired, outdated_answers=purged)
            heartbeat.ready(True)
            await sleep(self._interval, heartbeat)

    async def _expire_what_is_due(self, heartbeat: Heartbeat) -> int:
        expired = 0
        while True:
            limit = self._page + len(self._ahead)
            due = await self._views.due(self._clock(), limit)
            self._ahead &= set(due)
            late = [basket_id for basket_id in due if basket_id not in self._ahead]
            done = await run_keyed(late, lambda basket_id: (basket_id,), self._expire, at_once=AT_ONCE)
            expired += sum(done)
            heartbeat.handled(sum(done))
            heartbeat.beat()
            if len(due) < limit or not any(done):
                return expired
            if len(self._ahead) >= MOST_EXPIRED_AHEAD:
                # The views stand still. Asking for ever longer pages would not move them.
                self._ahead.clear()
                return expired

    async def _expire(self, basket_id: str) -> bool:
        """False where other writers kept winning: it is looked at again in the next round."""
        structlog.contextvars.bind_contextvars(basket=basket_id)
        try:
            await self._handlers.expire(basket_id, self._caller())
        except VersionConflict:
            return False
        except BasketNotFound:
            _log.warning("a view is due whose basket does not exist")
        self._ahead.add(basket_id)
        return True

    async def _purge(self, heartbeat: Heartbeat) -> int:
        purged = 0
        while (deleted := await self._purge_answers(PURGE_ANSWERS)) > 0:
            purged += deleted
            heartbeat.beat()
            if deleted < PURGE_ANSWERS:
                break
        return purged

    def _caller(self) -> Caller:
        trace = continue_trace(None, None, self._new_id)
        return Caller(
            partner="",  # the basket's own is recorded
            actor="expiry",
            correlation_id=trace.correlation_id,
            causation_id=self._new_id(),
            traceparent=trace.traceparent,
        )
