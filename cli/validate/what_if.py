"""Runs a what-if: finds the open baskets that some facts touch, and validates them in several processes."""

from __future__ import annotations

import asyncio
import gc
import os
import time
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from hashlib import blake2b
from pathlib import Path

from pydantic import BaseModel, Field

from adapters.container import Container, open_operator_container
from adapters.settings import Settings
from adapters.system import utc_now
from cli.catalogue.fact_file import FileLine, check_file
from cli.checkpoint_file import CheckpointFile, RunCheckpoint
from cli.outage_retry import OutageRetry
from cli.output import ProgressCallback, progress_bars
from cli.process_pool import ProcessPool, process_pool, results_in_order
from cli.runner import load_settings, run_interruptible
from cli.signals import Interrupted
from domain.basket.basket import Basket
from domain.basket.references import policy_reference, references_of, references_touched_by
from domain.basket.repository import BasketRepository
from domain.catalogue.facts import Fact
from domain.ports.read_models import OpenBaskets
from domain.shared.errors import CheckoutError
from domain.validation.what_if import WhatIfValidator, effective_facts

REASONS_SHOWN = 100
PAGE_BASKETS = 500
IDS_PER_QUERY = 20_000
NEWEST_EVENTS = 20_000
"""Baskets whose views lag are found among so many of the newest events."""
PAGES_AHEAD = 2
"""For each process, so that none waits for the next page."""

_Page = Sequence[str]


class BadLines(CheckoutError):
    """Some lines of the file are no facts; the message lists them."""


class NotReadyBasket(BaseModel):
    """A basket that would become not ready, with the codes of its errors."""

    basket: str
    partner: str
    codes: tuple[str, ...]


class WhatIfFindings(BaseModel):
    """The consequences for some baskets."""

    judged: int = 0
    stays_ready: int = 0
    was_not_ready: int = 0
    unreadable: list[str] = Field(default_factory=list)
    becomes_not_ready: list[NotReadyBasket] = Field(default_factory=list)

    def add(self, other: WhatIfFindings) -> None:
        self.judged += other.judged
        self.stays_ready += other.stays_ready
        self.was_not_ready += other.was_not_ready
        self.unreadable += other.unreadable
        self.becomes_not_ready += other.becomes_not_ready


class WhatIfCheckpoint(WhatIfFindings, RunCheckpoint):
    """The findings so far. `asked` is the digest of the facts and of the partner."""

    position: int
    """The catalogue's position at the start."""
    at: datetime
    """The moment as of which baskets are validated."""
    after: str = ""
    """All baskets up to this id are done."""
    lagging: list[str] = Field(default_factory=list)
    """Baskets whose views lagged at the start; they come last."""


@dataclass(slots=True)
class WhatIfOutcome:
    """`touched` of `open` baskets were to be validated; `without_effect` facts change nothing that is known."""

    found: WhatIfCheckpoint
    open: int
    touched: int
    without_effect: int
    complete: bool
    seconds: float


@dataclass(frozen=True, slots=True)
class WhatIfTask:
    """The inputs for all pages of a run. `partner` None means baskets of all organisations."""

    facts: Sequence[Fact]
    touched: frozenset[str]
    position: int
    at: datetime
    partner: str | None


def run_what_if(file: Path, partner: str | None, resume: Path | None) -> WhatIfOutcome:
    """Runs until all baskets are validated or the run is interrupted. Raises BadLines and CheckoutError; the file
    `resume` keeps what was found until then."""
    facts = _read_facts(file, load_settings().catalogue_ignored_members)
    with progress_bars() as progress:

        async def run(container: Container, stop: asyncio.Event) -> WhatIfOutcome:
            return await _what_if(container, stop, facts, partner, resume, progress)

        return run_interruptible(run)


def _read_facts(path: Path, ignored: Collection[str]) -> list[Fact]:
    """The file's facts, each line checked as strictly as by `checkout catalogue load`; raises BadLines."""
    facts: list[Fact] = []

    def keep(_: FileLine, fact: Fact | None) -> None:
        if fact is not None:
            facts.append(fact)

    checked = check_file(path, on_line=keep, ignored=ignored)
    if checked.refused:
        bad = [f"line {number}: {reason}" for number, reason in checked.refused.items()]
        more = len(bad) - REASONS_SHOWN
        shown = [*bad[:REASONS_SHOWN], *([f"and {more:,} lines more"] if more > 0 else [])]
        raise BadLines("\n".join(["there are bad lines:", *shown]))
    return facts


async def _what_if(
    container: Container,
    stop: asyncio.Event,
    facts: Sequence[Fact],
    partner: str | None,
    resume: Path | None,
    progress: ProgressCallback,
) -> WhatIfOutcome:
    begun = time.monotonic()
    history, baskets = container.catalogue_history, container.open_baskets
    retry = OutageRetry(stop, container.settings.long_run_patience)
    question = "\n".join([partner or "*", *(fact.model_dump_json() for fact in facts)])
    asked = blake2b(question.encode(), digest_size=16).hexdigest()
    found = WhatIfCheckpoint.read(resume, asked) if resume else None
    position = found.position if found else await history.position_at()
    effective, without_effect = await retry.do(lambda: effective_facts(facts, history, position))
    touched = await retry.do(lambda: references_touched_by(effective, history))
    if found is None:
        lagging = await retry.do(partial(baskets.behind, NEWEST_EVENTS)) if touched else ()
        found = WhatIfCheckpoint(asked=asked, position=position, at=utc_now(), lagging=sorted(lagging))
    lagged = {*found.lagging}
    ids = await retry.do(lambda: _touched_ids(baskets, touched, lagged))
    task = WhatIfTask(effective, touched, found.position, found.at, partner)
    file = CheckpointFile(resume)
    complete = await _validate_all(task, container.settings, found, file, ids, retry, progress)
    count = partial(baskets.count, policy_reference(partner))
    open_baskets = await (count() if stop.is_set() else retry.do(count))
    if complete:
        file.remove()
    seconds = time.monotonic() - begun
    return WhatIfOutcome(found, open_baskets, len(ids) + len(lagged), without_effect, complete, seconds)


async def _touched_ids(baskets: OpenBaskets, touched: frozenset[str], without: Collection[str]) -> list[str]:
    """The touched baskets by their views, sorted by id."""
    ids: list[str] = []
    after = ""
    while page := await baskets.using(touched, after, IDS_PER_QUERY):
        ids += [basket_id for basket_id in page if basket_id not in without]
        after = page[-1]
    return ids


async def _validate_all(
    task: WhatIfTask,
    settings: Settings,
    found: WhatIfCheckpoint,
    file: CheckpointFile,
    ids: Sequence[str],
    retry: OutageRetry,
    progress: ProgressCallback,
) -> bool:
    """Validates the baskets after the checkpoint; False if the run was interrupted. Raises ProcessDied."""
    left = [basket_id for basket_id in ids if basket_id > found.after]
    total = len(ids) + len(found.lagging)
    done = len(ids) - len(left)
    progress("validating", done, total)
    if not left and not found.lagging:
        return True
    processes = os.cpu_count() or 1
    worker = partial(_PageValidator, task, settings)
    pool: ProcessPool[_Page, WhatIfFindings]
    async with process_pool(processes, worker, "validated baskets") as pool:
        try:
            try:
                async for page, result in results_in_order(_pages(left), pool.submit, processes * PAGES_AHEAD, retry):
                    found.add(result)
                    found.after = page[-1]
                    file.save(found, now=False)
                    progress("validating", done := done + len(page), total)
            finally:
                file.save(found)
            # These few have no order to resume from: after an interruption they are all validated again.
            async for page, result in results_in_order(
                _pages(found.lagging), pool.submit, processes * PAGES_AHEAD, retry
            ):
                found.add(result)
                progress("validating", done := done + len(page), total)
        except Interrupted:
            return False
    return True


async def _pages(ids: Sequence[str]) -> AsyncIterator[_Page]:
    for start in range(0, len(ids), PAGE_BASKETS):
        yield ids[start : start + PAGE_BASKETS]


class _PageValidator:
    """Validates pages in a process of the pool. What it reads of the catalogue serves all pages."""

    def __init__(self, task: WhatIfTask, settings: Settings, _: Callable[[], bool]) -> None:
        # A page leaves no reference cycles, and searching a whole catalogue for them takes a quarter of the time.
        gc.disable()
        self._task = task
        self._runner = asyncio.Runner()
        self._stack = AsyncExitStack()
        container = self._runner.run(self._stack.enter_async_context(open_operator_container(settings)))
        # Checks do not need decrypted personal data.
        self._baskets = BasketRepository(container.raw_event_store, cache_lines=1)
        self._validator = WhatIfValidator(
            task.facts, container.catalogue_history, task.position, task.at, settings.validation_policy
        )

    def __call__(self, page: _Page) -> WhatIfFindings:
        """Raises StoreUnavailable."""
        return self._runner.run(self._validate(page))

    async def _validate(self, page: _Page) -> WhatIfFindings:
        loaded = await self._baskets.load_many(page)
        found = WhatIfFindings(unreadable=[id for id, each in zip(page, loaded, strict=True) if each is None])
        baskets = [basket for basket in loaded if basket is not None and self._counts(basket)]
        await self._validator.prepare(baskets)
        for basket in baskets:
            result = self._validator.consequence_for(basket)
            found.judged += 1
            match result.consequence:
                case "stays_ready":
                    found.stays_ready += 1
                case "was_not_ready":
                    found.was_not_ready += 1
                case "becomes_not_ready":
                    not_ready = NotReadyBasket(basket=basket.id, partner=basket.partner, codes=result.codes)
                    found.becomes_not_ready.append(not_ready)
        return found

    def _counts(self, basket: Basket) -> bool:
        """A basket may have finished or changed since its view."""
        is_asked_for = self._task.partner in (None, basket.partner)
        return is_asked_for and not references_of(basket).isdisjoint(self._task.touched)
