"""A what-if over all open baskets: finds those that the facts touch, and has them judged by several processes."""

from __future__ import annotations

import os
import time
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from dataclasses import dataclass
from functools import partial
from hashlib import blake2b
from pathlib import Path

from adapters.container import open_operator_container
from adapters.system import utc_now
from cli.checkpoint_file import CheckpointFile
from cli.outage_retry import OutageRetry, with_long_run_timeouts
from cli.process_pool import ProcessPool, process_pool, results_in_order
from cli.runner import load_settings
from cli.signals import Interrupted, stop_signal
from cli.validate.what_if_checkpoint import WhatIfCheckpoint
from cli.validate.what_if_process import PageResult, PageValidator, WhatIfTask
from domain.basket.references import policy_reference, references_touched_by
from domain.catalogue.facts import Fact
from domain.ports.read_models import OpenBaskets
from domain.validation.what_if import effective_facts

PAGE_BASKETS = 500
IDS_PER_QUERY = 20_000
NEWEST_EVENTS = 20_000
"""Baskets are found by their views, and among so many of the newest events by the events themselves."""
PAGES_AHEAD = 2
"""For each process, so that none waits for the next page."""


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
    if complete:
        CheckpointFile(asked.resume).remove()
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
        self._file = CheckpointFile(asked.resume)
        self._done = self._total = 0

    async def go(self, ids: Sequence[str]) -> bool:
        """Judges what is left of these and of the lagging; False where it was stopped before the last."""
        left = [basket_id for basket_id in ids if basket_id > self._state.after]
        self._total = len(ids) + len(self._state.lagging)
        self._done = len(ids) - len(left)
        self._told(self._done, self._total)
        if not left and not self._state.lagging:
            return True
        validator = partial(PageValidator, self._task)
        async with process_pool(self._asked.processes, validator, "judged baskets") as pool:
            try:
                try:
                    async for page, result in self._judged(pool, left):
                        self._take(page, result)
                        self._state.after = page[-1]
                        self._file.save(self._state, now=False)
                finally:
                    self._file.save(self._state)
                # Few, and without an order in which one could go on: they are judged again after an interruption.
                async for page, result in self._judged(pool, self._state.lagging):
                    self._take(page, result)
            except Interrupted:
                pass
        return self._done == self._total

    def _judged(
        self, pool: ProcessPool[Sequence[str], PageResult], ids: Sequence[str]
    ) -> AsyncIterator[tuple[Sequence[str], PageResult]]:
        """Each page with its result, in order. Raises Interrupted."""

        async def pages() -> AsyncIterator[Sequence[str]]:
            for start in range(0, len(ids), PAGE_BASKETS):
                yield ids[start : start + PAGE_BASKETS]

        ahead = self._asked.processes * PAGES_AHEAD
        return results_in_order(pages(), pool.submit, ahead, self._retrying)

    def _take(self, page: Sequence[str], result: PageResult) -> None:
        self._state.add(result)
        self._done += len(page)
        self._told(self._done, self._total)
