"""Validates open baskets again when facts of the catalogue or policies change."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Sequence
from datetime import timedelta
from functools import partial

import structlog

from domain.basket.codec import UnreadableEvent
from domain.basket.command_executor import VersionConflict
from domain.basket.references import references_touched_by
from domain.operators.rate_limiter import RateLimiter
from domain.ports.catalogue import CatalogueCheckpoints, CatalogueHistory
from domain.ports.leadership import Leadership
from domain.ports.read_models import OpenBaskets
from domain.shared.errors import BasketNotFound, InvalidCommand
from domain.shared.values import Clock, NewId
from domain.validation.handlers import CheckoutHandlers
from workers.heartbeat import Heartbeat
from workers.keyed_concurrency import run_keyed
from workers.runner import sleep
from workers.system_caller import system_caller

CHECKPOINT_NAME = "revalidator"
BATCH_FACTS = 2_000
PAGE_BASKETS = 500
CONCURRENCY = 8
POLL_SECONDS = 1.0
NEWEST_EVENTS = 20_000
"""Baskets whose views lag are found among so many of the newest events."""

_log = structlog.get_logger("workers.revalidator")


class RevalidatorWorker:
    """At least once, and harmless if it happens again: records changed verdicts, then the position of the facts.

    It validates every open basket that has a verdict and is touched by a fact. A verdict is recorded only if it is not
    equivalent to the last one.

    A fact counts once it is `settles` old, which must be longer than a validation takes. Otherwise a validation that
    read the catalogue before the fact could record the last verdict. Views may lag by `NEWEST_EVENTS` events. The
    first start begins with the facts after it. One process is active; it validates at most `rate` baskets a second.
    """

    name = "revalidator"

    def __init__(
        self,
        history: CatalogueHistory,
        checkpoints: CatalogueCheckpoints,
        baskets: OpenBaskets,
        handlers: CheckoutHandlers,
        leadership: Leadership,
        clock: Clock,
        new_id: NewId,
        *,
        rate: float,
        settles: timedelta,
        poll_seconds: float = POLL_SECONDS,
        batch_facts: int = BATCH_FACTS,
    ) -> None:
        self._history = history
        self._checkpoints = checkpoints
        self._baskets = baskets
        self._handlers = handlers
        self._leadership = leadership
        self._clock = clock
        self._new_id = new_id
        # Evenly: a burst would slow down the partners' calls.
        self._limiter = RateLimiter(rate, catch_up=0.0)
        self._settles = settles
        self._poll_seconds = poll_seconds
        self._batch_facts = batch_facts

    async def run(self, heartbeat: Heartbeat) -> None:
        stands_by = partial(heartbeat.stands_by, CHECKPOINT_NAME)
        async with self._leadership.hold(CHECKPOINT_NAME, stands_by) as lease:
            heartbeat.holds(CHECKPOINT_NAME)
            position = await self._checkpoint()
            while True:
                await lease.confirm()
                handled = await self._round(position, heartbeat)
                heartbeat.at(handled)
                heartbeat.ready(True)
                if handled == position:
                    await sleep(self._poll_seconds, heartbeat)
                position = handled

    async def _checkpoint(self) -> int:
        position = await self._checkpoints.read(CHECKPOINT_NAME)
        if position is None:
            position = await self._history.position_at()
            await self._checkpoints.write(CHECKPOINT_NAME, position)
        return position

    async def _round(self, position: int, heartbeat: Heartbeat) -> int:
        """Revalidates by the next facts, and returns the position after them."""
        settled = await self._history.position_at(self._clock() - self._settles)
        if settled <= position:
            return position
        recorded = await self._history.recorded_after(position, self._batch_facts)
        facts = {at: fact for at, fact in recorded if at <= settled}
        position = max(facts, default=position)
        touched = await references_touched_by(facts.values(), self._history)
        validated = changed = 0
        async for page in self._pages(touched):
            changes = await run_keyed(
                page,
                lambda each: (each,),
                lambda each: self._revalidate(each, touched, heartbeat),
                at_once=CONCURRENCY,
            )
            validated, changed = validated + len(changes), changed + sum(changes)
        # The checkpoint comes last: a crash before this line repeats the work, which then records nothing.
        await self._checkpoints.write(CHECKPOINT_NAME, position)
        heartbeat.handled(len(facts))
        _log.info("revalidated", facts=len(facts), baskets=validated, changed=changed, up_to=position)
        return position

    async def _pages(self, touched: Collection[str]) -> AsyncIterator[Sequence[str]]:
        behind = await self._baskets.behind(NEWEST_EVENTS)
        if behind:
            yield sorted(behind)
        after = ""
        while page := await self._baskets.using(touched, after, PAGE_BASKETS):
            yield [basket_id for basket_id in page if basket_id not in behind]
            after = page[-1]

    async def _revalidate(self, basket_id: str, touched: Collection[str], heartbeat: Heartbeat) -> bool:
        """Whether the verdict changed. Retries while other writers win."""
        structlog.contextvars.bind_contextvars(basket=basket_id)
        while True:
            await self._limiter.wait(1)
            heartbeat.beat()
            try:
                return await self._handlers.revalidate(basket_id, touched, system_caller("revalidator", self._new_id))
            except VersionConflict:
                continue
            except (BasketNotFound, InvalidCommand, UnreadableEvent) as error:
                _log.warning("a basket cannot be validated", error=str(error))
                return False
