"""Expires baskets whose time is over, deletes idempotency responses that have outlived their lifetime, and makes the
partitions of events of coming months."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from typing import Literal

import structlog

from domain.basket.codec import UnreadableEvent
from domain.basket.command_executor import VersionConflict
from domain.basket.handlers import BasketHandlers
from domain.ports.read_models import BasketViews
from domain.shared.errors import BasketNotFound
from domain.shared.values import Clock, NewId
from workers.heartbeat import Heartbeat
from workers.keyed_concurrency import run_keyed
from workers.runner import sleep
from workers.system_caller import system_caller

PAGE_BASKETS = 500
CONCURRENCY = 32
PURGE_RESPONSES = 5_000
LOOK_AT_PARTITIONS = timedelta(minutes=10)
MAX_AHEAD_OF_VIEWS = 20_000
"""Expired baskets whose views may still say that they are due."""

PurgeResponses = Callable[[int], Awaitable[int]]
"""Deletes at most so many outdated responses and returns how many."""

MakePartitions = Callable[[], Awaitable[Sequence[str]]]
"""Makes the partitions of coming months where they are missing."""

_End = Literal["over", "active", "contended"]
"""`active`: the basket's expiry has moved, and its view lags. `contended`: other writers kept winning. The next round
tries both again."""

_log = structlog.get_logger("workers.expiry")


class ExpiryWorker:
    """Exactly once: the event store takes one expiry of a basket, and only when it is due, however often it is tried.
    Several processes may do this at the same time.

    The views say which baskets are due. They are queried `interval` after the last round.
    """

    name = "expiry"

    def __init__(
        self,
        views: BasketViews,
        handlers: BasketHandlers,
        purge_responses: PurgeResponses,
        make_partitions: MakePartitions,
        clock: Clock,
        new_id: NewId,
        *,
        interval: timedelta,
        page_baskets: int = PAGE_BASKETS,
    ) -> None:
        self._views = views
        self._handlers = handlers
        self._purge_responses = purge_responses
        self._make_partitions = make_partitions
        self._clock = clock
        self._new_id = new_id
        self._interval = interval.total_seconds()
        self._page = page_baskets
        self._ahead: set[str] = set()
        """Expired baskets whose views lag and still say that they are due."""
        self._partitions_made_at: datetime | None = None

    async def run(self, heartbeat: Heartbeat) -> None:
        while True:
            expired = await self._expire_due_baskets(heartbeat)
            purged = await self._purge(heartbeat)
            if expired or purged:
                _log.info("cleared away", expired_baskets=expired, outdated_answers=purged)
            await self._look_at_partitions()
            heartbeat.ready(True)
            await sleep(self._interval, heartbeat)

    async def _expire_due_baskets(self, heartbeat: Heartbeat) -> int:
        expired = 0
        active: set[str] = set()
        while True:
            limit = self._page + len(self._ahead) + len(active)
            due = await self._views.due(self._clock(), limit)
            self._ahead &= set(due)
            late = [basket_id for basket_id in due if basket_id not in self._ahead and basket_id not in active]
            ends = await run_keyed(late, lambda basket_id: (basket_id,), self._expire, at_once=CONCURRENCY)
            active.update(basket_id for basket_id, end in zip(late, ends, strict=True) if end == "active")
            expired += (done := ends.count("over"))
            heartbeat.handled(done)
            heartbeat.beat()
            if len(due) < limit or not any(end != "contended" for end in ends):
                return expired
            if len(self._ahead) + len(active) >= MAX_AHEAD_OF_VIEWS:
                # The views are stalled. Ever longer pages would not move them.
                self._ahead.clear()
                return expired

    async def _expire(self, basket_id: str) -> _End:
        structlog.contextvars.bind_contextvars(basket=basket_id)
        try:
            if not await self._handlers.expire(basket_id, system_caller("expiry", self._new_id)):
                return "active"
        except VersionConflict:
            return "contended"
        except BasketNotFound:
            _log.warning("a view is due whose basket does not exist")
        except UnreadableEvent as error:
            # One basket must not hold up all others.
            _log.warning("a basket cannot be expired", error=str(error))
        self._ahead.add(basket_id)
        return "over"

    async def _purge(self, heartbeat: Heartbeat) -> int:
        purged = 0
        while (deleted := await self._purge_responses(PURGE_RESPONSES)) > 0:
            purged += deleted
            heartbeat.beat()
            if deleted < PURGE_RESPONSES:
                break
        return purged

    async def _look_at_partitions(self) -> None:
        now = self._clock()
        if self._partitions_made_at is None or now - self._partitions_made_at >= LOOK_AT_PARTITIONS:
            await self._make_partitions()
            self._partitions_made_at = now
