"""A what-if over all open baskets: finds those that the facts touch, and has them judged by several processes."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from functools import partial
from hashlib import blake2b
from pathlib import Path

from adapters.container import open_operator_container
from adapters.system import utc_now
from cli.outage_retry import OutageRetry, with_long_run_timeouts
from cli.runner import load_settings
from cli.signals import Interrupted, stop_signal
from cli.validate.what_if_checkpoint import WhatIfCheckpoint
from cli.validate.what_if_process import PageResult, WhatIfTask, initialize, validate_page
from domain.basket.references import policy_reference, references_touched_by
from domain.catalogue.facts import Fact
from domain.ports.read_models import OpenBaskets
from domain.shared.errors import CheckoutError
from domain.validation.what_if import effective_facts

PAGE_BASKETS = 500
IDS_PER_QUERY = 20_000
NEWEST_EVENTS = 20_000
"""Baskets are found by their views, and among so many of the newest events by the events themselves."""
PAGES_AHEAD = 2
"""For each process, so that none waits for the next page."""
STATE_EVERY_SECONDS = 2.0


class ValidatorProcessDied(CheckoutError):
    """A process that judged baskets ended; the others' work is in the state."""


@dataclass(frozen=True, slots=True)
class WhatIfOptions:
    """What is asked. `resume` names the file of the state; None: it cannot go on after an interruption."""

    facts: Sequence[Fact]
    partner: str | None
    resume: Path | None
    processes: int = os.cpu_count() or 1

    @property
    def asked(self) -> str:
        said = "\n".join([self.partner or "*", *(fact.model_dump_json() for fact in self.facts)])
        return blake2b(said.encode(), digest_size=16).hexdigest()


@dataclass(slots=True)
class WhatIfOutcome:
    """`touched` were to be judged of `open` baskets; `without_effect` facts would change nothing that is known.
    Not `complete` where it was interrupted."""

    state: WhatIfCheckpoint
    open: int
    touched: int
    without_effect: int
    complete: bool
    seconds: float


Told = Callable[[int, int], None]
"""Called with how many baskets are done, and how many there are."""


async def what_if(asked: WhatIfOptions, told: Told) -> WhatIfOutcome:
    """Judges until all is done, or SIGINT or SIGTERM comes. Raises CheckpointMismatch, ProcessDied, MissingSetting and
    StoreUnavailable; what was done until then is in the file of the state."""
    begun = time.monotonic()
    async with (
        open_operator_container(with_long_run_timeouts(load_settings())) as parts,
        stop_signal() as stop,
    ):
        retrying = OutageRetry(stop, parts.settings.long_run_patience)
        state = WhatIfCheckpoint.read(asked.resume, asked.asked) if asked.resume else None
        position = state.position if state else await parts.catalogue_history.position_at()
        facts, without_effect = await retrying.do(
            lambda: effective_facts(asked.facts, parts.catalogue_history, position)
        )
        touched = await retrying.do(lambda: references_touched_by(facts, parts.catalogue_history))
        if state is None:
            behind = partial(parts.open_baskets.behind, NEWEST_EVENTS)
            lagging = await retrying.do(behind) if touched else ()
            state = WhatIfCheckpoint(
                asked=asked.asked, position=position, at=utc_now(), lagging=sorted(lagging)
            )
        others = {*state.lagging}
        ids = await retrying.do(lambda: _found(parts.open_baskets, touched, others))
        task = WhatIfTask(facts, touched, state.position, state.at, asked.partner)
        complete = await _Run(asked, state, task, retrying, told).go(ids)
        count = partial(parts.open_baskets.count, policy_reference(asked.partner))
        open_baskets = await (count() if stop.is_set() else retrying.do(count))
    if complete and asked.resume is not None:
        asked.resume.unlink(missing_ok=True)
    seconds = time.monotonic() - begun
    touched_baskets = len(ids) + len(state.lagging)
    return WhatIfOutcome(state, open_baskets, touched_baskets, without_effect, complete, seconds)


async def _found(baskets: OpenBaskets, touched: frozenset[str], others: Collection[str]) -> list[str]:
    """The baskets whose views say that they are touched, but for some others, in the order of their ids."""
    ids: list[str] = []
    after = ""
    while page := await baskets.using(touched, after, IDS_PER_QUERY):
        ids += [basket_id for basket_id in page if basket_id not in others]
        after = page[-1]
    return ids


class _Run:
    """Hands out pages, and takes in what became of them in their order."""

    def __init__(
        self,
        asked: WhatIfOptions,
        state: WhatIfCheckpoint,
        task: WhatIfTask,
        retrying: OutageRetry,
        told: Told,
    ) -> None:
        self._asked = asked
        self._state = state
        self._task = task
        self._retrying = retrying
        self._told = told
        self._written: float | None = None
        self._done = self._total = 0

    async def go(self, ids: Sequence[str]) -> bool:
        """Judges what is left of these and of the lagging; False where it was stopped before the last."""
        left = [basket_id for basket_id in ids if basket_id > self._state.after]
        self._total = len(ids) + len(self._state.lagging)
        self._done = len(ids) - len(left)
        self._told(self._done, self._total)
        if not left and not self._state.lagging:
            return True
        with ProcessPoolExecutor(
            self._asked.processes,
            multiprocessing.get_context("spawn"),
            initializer=initialize,
            initargs=(self._task,),
        ) as pool:
            try:
                try:
                    async for page, result in self._judged(pool, left):
                        self._take(page, result)
                        self._state.after = page[-1]
                        self._write(every=STATE_EVERY_SECONDS)
                finally:
                    self._write()
                # Few, and without an order in which one could go on: they are judged again after an interruption.
                async for page, result in self._judged(pool, self._state.lagging):
                    self._take(page, result)
            except BrokenProcessPool as error:
                raise ValidatorProcessDied("a process that judged baskets ended in the middle") from error
            finally:
                pool.shutdown(wait=True, cancel_futures=True)
        return self._done == self._total

    async def _judged(
        self, pool: ProcessPoolExecutor, ids: Sequence[str]
    ) -> AsyncIterator[tuple[Sequence[str], PageResult]]:
        """Each page with its result, in order, until all are done or it was stopped."""
        loop = asyncio.get_running_loop()
        pages = [ids[start : start + PAGE_BASKETS] for start in range(0, len(ids), PAGE_BASKETS)]
        ahead: deque[asyncio.Future[PageResult]] = deque()
        begun = 0
        try:
            for page in pages:
                while begun < len(pages) and len(ahead) < self._asked.processes * PAGES_AHEAD:
                    ahead.append(loop.run_in_executor(pool, validate_page, pages[begun]))
                    begun += 1
                again = partial(loop.run_in_executor, pool, validate_page, page)
                yield page, await self._retrying.finish(ahead.popleft(), again)
        except Interrupted:
            return
        finally:
            for future in ahead:
                future.cancel()
            # What else went wrong went wrong for the same reason.
            await asyncio.gather(*ahead, return_exceptions=True)

    def _take(self, page: Sequence[str], result: PageResult) -> None:
        self._state.add(result)
        self._done += len(page)
        self._told(self._done, self._total)

    def _write(self, every: float = 0.0) -> None:
        """Writes the state, at once the first time and then at most once in so many seconds."""
        now = time.monotonic()
        if self._asked.resume is not None and (self._written is None or now - self._written >= every):
            self._state.write(self._asked.resume)
            self._written = now
