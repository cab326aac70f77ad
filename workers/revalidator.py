"""Judges open baskets again when the catalogue or a policy says something new about them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Sequence
from datetime import timedelta

import structlog

from domain.basket.codec import UnreadableEvent
from domain.basket.command_executor import VersionConflict
from domain.basket.references import references_touched_by
from domain.operators.rate_limiter import RateLimiter
from domain.ports.catalogue import CatalogueCheckpoints, CatalogueHistory
from domain.ports.leadership import Leadership
from domain.ports.read_models import OpenBaskets
from domain.shared.errors import BasketNotFound
from domain.shared.values import Clock, NewId
from domain.validation.revalidation import Revalidation
from workers.heartbeat import Heartbeat
from workers.keyed_concurrency import run_keyed
from workers.runner import sleep
from workers.system_caller import system_caller

CHECKPOINT_NAME = "revalidator"
BATCH_FACTS = 2_000
PAGE_BASKETS = 500
AT_ONCE = 8
LOOK_EVERY_SECONDS = 1.0
NEWEST_EVENTS = 20_000
"""Baskets are found by their views, and among so many of the newest events by the events themselves."""

_log = structlog.get_logger("workers.revalidator")


class RevalidatorWorker:
    """At least once, and without harm when it is more: every open basket that was judged before is judged
    again after each fact that touches it was learned, and a verdict is recorded, as an ordinary
    basket-validated event, only if it says something else than the last one (`says_the_same`). Then the
    position of the facts is recorded; a crash before that repeats the judging, which then finds the
    recorded verdict the same.

    A fact is taken up once it is `settles` old: a validation that had read the catalogue before it, and is
    recorded after this worker looked, must not be the last word; it takes less long than that. Views that lag
    by up to `NEWEST_EVENTS` events hide no basket. The first start begins with what is learned after it. One
    process at a time does this; at most `rate` baskets a second are judged.
    """

    name = "revalidator"

    def __init__(
        self,
        history: CatalogueHistory,
        readers: CatalogueCheckpoints,
        baskets: OpenBaskets,
        revalidation: Revalidation,
        leadership: Leadership,
        clock: Clock,
        new_id: NewId,
        *,
        rate: float,
        settles: timedelta,
        look_every: float = LOOK_EVERY_SECONDS,
        batch_facts: int = BATCH_FACTS,
    ) -> None:
        self._history = history
        self._readers = readers
        self._baskets = baskets
        self._revalidation = revalidation
        self._leadership = leadership
        self._clock = clock
        self._new_id = new_id
        # Evenly: a burst would hold up the partners' calls.
        self._limiter = RateLimiter(rate, catch_up=0.0)
        self._settles = settles
        self._look_every = look_every
        self._batch_facts = batch_facts

    async def run(self, heartbeat: Heartbeat) -> None:
        # One that stands by does what it should.
        async with self._leadership.hold(
            CHECKPOINT_NAME, lambda: heartbeat.stands_by(CHECKPOINT_NAME)
        ) as lease:
            heartbeat.holds(CHECKPOINT_NAME)
            position = await self._begin()
            while True:
                await lease.confirm()
                handled = await self._round(position, heartbeat)
                heartbeat.at(handled)
                heartbeat.ready(True)
                if handled == position:
                    await sleep(self._look_every, heartbeat)
                position = handled

    async def _begin(self) -> int:
        position = await self._readers.read(CHECKPOINT_NAME)
        if position is None:
            position = await self._history.position_at()
            await self._readers.write(CHECKPOINT_NAME, position)
        return position

    async def _round(self, position: int, heartbeat: Heartbeat) -> int:
        """Handles the next facts; returns the position after them."""
        settled = await self._history.position_at(self._clock() - self._settles)
        if settled <= position:
            return position
        learned = await self._history.recorded_after(position, self._batch_facts)
        facts = [fact for at, fact in learned if at <= settled]
        upto = max((at for at, _ in learned if at <= settled), default=position)
        touched = await references_touched_by(facts, self._history)
        judged = changed = 0
        async for page in self._pages(touched):
            outcomes = await run_keyed(
                page,
                lambda each: (each,),
                lambda each: self._judge(each, touched, heartbeat),
                at_once=AT_ONCE,
            )
            judged, changed = judged + len(outcomes), changed + sum(outcomes)
        # Last of all: a crash before this line repeats what was done, and repeating it records nothing.
        await self._readers.write(CHECKPOINT_NAME, upto)
        heartbeat.handled(len(facts))
        _log.info("judged again", facts=len(facts), baskets=judged, changed=changed, up_to=upto)
        return upto

    async def _pages(self, touched: Collection[str]) -> AsyncIterator[Sequence[str]]:
        behind = await self._baskets.behind(NEWEST_EVENTS)
        if behind:
            yield sorted(behind)
        after = ""
        while page := await self._baskets.using(touched, after, PAGE_BASKETS):
            yield [basket_id for basket_id in page if basket_id not in behind]
            after = page[-1]

    async def _judge(self, basket_id: str, touched: Collection[str], heartbeat: Heartbeat) -> bool:
        """Whether its verdict changed. Other writers may win for a while: then it is tried again."""
        structlog.contextvars.bind_contextvars(basket=basket_id)
        while True:
            await self._limiter.wait(1)
            heartbeat.beat()
            try:
                return (
                    await self._revalidation.revalidate(
                        basket_id, touched, system_caller("revalidator", self._new_id)
                    )
                ).changed
            except VersionConflict:
                continue
            except (BasketNotFound, UnreadableEvent) as error:
                # Nobody can judge it; the others must not wait for it.
                _log.warning("a basket cannot be judged", error=str(error))
                return False
