"""A rebuild from its beginning to its switch: hands out the parts to processes and leads them."""

from __future__ import annotations

import asyncio
import contextlib
import multiprocessing
import os
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from adapters.container import Container, open_operator_container
from cli.outage_retry import OutageRetry, with_long_run_timeouts
from cli.runner import load_settings
from cli.signals import stop_signal
from domain.operators.audit import Operator
from domain.operators.rebuild import (
    Rebuild,
    RebuildComparison,
    RebuildRefused,
    RebuildScope,
    RebuildStopped,
    RebuildTarget,
)
from domain.shared.errors import CheckoutError, Unavailable

if TYPE_CHECKING:
    from adapters.postgres.rebuild.rebuild_session import RebuildSession

EVENTS_PER_RANGE = 10_000
POLL_SECONDS = 0.25


class BuilderProcessDied(CheckoutError):
    """A process that built a part ended; what was built until then is kept."""


@dataclass(frozen=True, slots=True)
class RebuildOptions:
    """What is to be rebuilt, and how. `rate`: the most events a second in all; None: as fast as it goes."""

    target: RebuildTarget
    operator: Operator
    scope: RebuildScope = field(default_factory=RebuildScope)
    dry_run: bool = False
    resume: bool = False
    workers: int = field(default_factory=lambda: os.cpu_count() or 1)
    rate: float | None = None

    @property
    def staged(self) -> bool:
        """Nothing but a whole rebuild makes a generation."""
        return self.dry_run or not self.scope.everything


Told = Callable[[Rebuild], None]
"""Called a few times a second with how it stands."""


async def rebuild(asked: RebuildOptions, told: Told) -> Rebuild:
    """Rebuilds until all is done, or it is asked to stop (SIGINT, SIGTERM, another process); returns how it ended.
    Where PostgreSQL goes away for a while, it goes on with what was built until then. Raises RebuildRefused,
    ProcessDied, MissingSetting and StoreUnavailable."""
    async with (
        open_operator_container(with_long_run_timeouts(load_settings())) as parts,
        stop_signal() as stop,
    ):
        retrying = OutageRetry(stop, parts.settings.long_run_patience)
        begun: str | None = None

        async def attempt() -> str:
            nonlocal begun
            resumed = None
            if asked.resume or begun is not None:
                resumed = await parts.rebuilds.resumable(asked.target)
            if resumed is None and asked.resume:
                raise RebuildRefused(f"no rebuild of {asked.target} waits to be resumed")
            # What makes no generation is begun anew.
            leading = parts.rebuilds.open_session(
                asked.target, asked.operator, resumed=resumed, staged=asked.staged
            )
            async with leading as work:
                begun = work.id
                retrying.under_way()
                work.stopped = stop.is_set
                await _Run(asked, parts, work, told).go(resumed=resumed is not None)
            return work.id

        rebuild_id = await retrying.do(attempt, stoppable=False)
        ended = await retrying.do(partial(parts.rebuilds.find, rebuild_id), stoppable=False)
    assert ended is not None  # noqa: S101  (it was begun, and none is ever deleted)
    return ended


class _Run:
    def __init__(self, asked: RebuildOptions, parts: Container, work: RebuildSession, told: Told) -> None:
        self._asked = asked
        self._parts = parts
        self._work = work
        self._told = told

    async def go(self, *, resumed: bool) -> None:
        asked, work = self._asked, self._work
        if resumed:
            await work.resume(asked.workers)
        else:
            await work.begin(
                asked.scope, dry_run=asked.dry_run, workers=asked.workers, events_per_range=EVENTS_PER_RANGE
            )
        telling = asyncio.create_task(self._keep_telling())
        try:
            await self._steps()
        except RebuildStopped:
            await work.cancel()
        except Exception as error:
            with contextlib.suppress(Exception):
                await work.set_state("failed", f"{type(error).__name__}: {error}"[:500])
            raise
        finally:
            telling.cancel()
            await asyncio.gather(telling, return_exceptions=True)

    async def _steps(self) -> None:
        asked, work = self._asked, self._work
        if not asked.scope.everything:
            settles = load_settings().database_timeout + 2.0
            await work.repair_in_place(asked.scope, repairs=not asked.dry_run, settles=settles)
            return
        comparisons = await self._build()
        if asked.dry_run:
            await work.save_comparison(comparisons)
            await work.end("compared")
            return
        # Neither can be slowed down. Who wants to be gentle with callers leaves them the other processors.
        sessions = 1 if asked.rate else asked.workers
        await work.index(sessions)
        await work.catch_up()
        await work.set_state("comparing")
        await work.compare(sessions)
        await work.switch()

    async def _build(self) -> list[RebuildComparison]:
        """Has every part built that is left; what each compared, where nothing is written."""
        asked, work = self._asked, self._work
        context = multiprocessing.get_context("spawn")
        stop = context.Event()
        rate = asked.rate / asked.workers if asked.rate else None
        comparisons: list[RebuildComparison] = []
        loop = asyncio.get_running_loop()
        process = self._parts.rebuilds.process(asked.target, staged=asked.staged)
        pool = ProcessPoolExecutor(asked.workers, context, initializer=process.begin, initargs=(stop,))
        try:
            # Again, as long as one was overtaken by a process of a rebuild that was killed.
            while tasks := await work.unfinished(rate, staged=asked.staged):
                building = [loop.run_in_executor(pool, process.build, task) for task in tasks]
                done: set[asyncio.Future[RebuildComparison | None]] = set()
                while len(done) < len(building):
                    done, _ = await asyncio.wait(
                        building, timeout=POLL_SECONDS, return_when=asyncio.FIRST_EXCEPTION
                    )
                    for each in done:
                        each.result()
                    await work.heartbeat()
                comparisons += [comparison for each in building if (comparison := each.result()) is not None]
        except BrokenProcessPool as error:
            raise BuilderProcessDied("a process that built a part ended in the middle") from error
        finally:
            # They end with their page.
            stop.set()
            await asyncio.to_thread(pool.shutdown, wait=True, cancel_futures=True)
        return comparisons

    async def _keep_telling(self) -> None:
        while True:
            with contextlib.suppress(Unavailable):
                stands = await self._parts.rebuilds.find(self._work.id)
                if stands is not None:
                    self._told(stands)
            await asyncio.sleep(POLL_SECONDS)
