"""One rebuild from its beginning to its switch: gives ranges to processes and leads them."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from adapters.container import Container
from adapters.postgres.rebuild.rebuild_session import RebuildSession
from cli.outage_retry import OutageRetry
from cli.process_pool import process_pool
from cli.runner import load_settings
from domain.operators.audit import Operator
from domain.operators.rebuild import (
    Rebuild,
    RebuildComparison,
    RebuildRefused,
    RebuildScope,
    RebuildStopped,
    RebuildTarget,
)
from domain.shared.errors import Unavailable

EVENTS_PER_RANGE = 10_000
POLL_SECONDS = 0.25


@dataclass(frozen=True, slots=True)
class RebuildOptions:
    """`rate`: at most so many events a second in all processes; None: no limit."""

    target: RebuildTarget
    operator: Operator
    scope: RebuildScope
    dry_run: bool
    resume: bool
    workers: int
    rate: float | None

    @property
    def staged(self) -> bool:
        """Only a whole rebuild builds new tables."""
        return self.dry_run or not self.scope.everything


ProgressCallback = Callable[[Rebuild], None]
"""Called a few times a second with the rebuild's record."""


async def run_rebuild(
    options: RebuildOptions, progress: ProgressCallback, container: Container, stop: asyncio.Event
) -> Rebuild:
    """Rebuilds until all is done, or `stop` or another process stops it. Returns the record at the end.

    Where PostgreSQL is away for a while, it goes on with what was built until then. Raises RebuildRefused,
    ProcessDied and StoreUnavailable.
    """
    retry = OutageRetry(stop, container.settings.long_run_patience)
    rebuilds = container.rebuilds
    begun = False

    async def attempt() -> str:
        nonlocal begun
        resumed = await rebuilds.resumable(options.target) if options.resume or begun else None
        if resumed is None and options.resume:
            raise RebuildRefused(f"no rebuild of {options.target} waits to be resumed")
        # What builds no tables begins again.
        async with rebuilds.open_session(
            options.target, options.operator, resumed=resumed, staged=options.staged
        ) as session:
            begun = True
            retry.under_way()
            session.stopped = stop.is_set
            await _Run(options, container, session, progress).run(resumed=resumed is not None)
        return session.id

    rebuild_id = await retry.do(attempt, stoppable=False)
    ended = await retry.do(partial(rebuilds.find, rebuild_id), stoppable=False)
    assert ended is not None  # noqa: S101  (it was begun, and none is ever deleted)
    return ended


class _Run:
    def __init__(
        self,
        options: RebuildOptions,
        container: Container,
        session: RebuildSession,
        progress: ProgressCallback,
    ) -> None:
        self._options = options
        self._container = container
        self._session = session
        self._progress = progress

    async def run(self, *, resumed: bool) -> None:
        options, session = self._options, self._session
        if resumed:
            await session.resume(options.workers)
        else:
            await session.begin(
                options.scope,
                dry_run=options.dry_run,
                workers=options.workers,
                events_per_range=EVENTS_PER_RANGE,
            )
        reporting = asyncio.create_task(self._report_progress())
        try:
            await self._steps()
        except RebuildStopped:
            await session.cancel()
        except Exception as error:
            with contextlib.suppress(Exception):
                await session.set_state("failed", f"{type(error).__name__}: {error}"[:500])
            raise
        finally:
            reporting.cancel()
            await asyncio.gather(reporting, return_exceptions=True)

    async def _steps(self) -> None:
        options, session = self._options, self._session
        if not options.scope.everything:
            # Projectors have the usual time limits, not those of long runs.
            settles = load_settings().database_timeout + 2.0
            await session.repair_in_place(options.scope, repairs=not options.dry_run, settles=settles)
            return
        comparisons = await self._build()
        if options.dry_run:
            await session.save_comparison(comparisons)
            await session.end("compared")
            return
        # Neither step has a rate. A rate limit leaves the other processors to callers.
        sessions = 1 if options.rate else options.workers
        await session.index(sessions)
        await session.catch_up()
        await session.set_state("comparing")
        await session.compare(sessions)
        await session.switch()

    async def _build(self) -> list[RebuildComparison]:
        """Builds every unfinished range; returns how staged ranges compared."""
        options, session = self._options, self._session
        rate = options.rate / options.workers if options.rate else None
        comparisons: list[RebuildComparison] = []
        process = self._container.rebuilds.process(options.target, staged=options.staged)
        async with process_pool(options.workers, process, "built a part") as pool:
            # Again, as long as a process of a killed rebuild took a page of ours.
            while tasks := await session.unfinished(rate, staged=options.staged):
                building = [pool.submit(task) for task in tasks]
                done: set[asyncio.Future[RebuildComparison | None]] = set()
                while len(done) < len(building):
                    done, _ = await asyncio.wait(building, timeout=POLL_SECONDS, return_when=asyncio.FIRST_EXCEPTION)
                    for each in done:
                        each.result()
                    await session.heartbeat()
                comparisons += [result for each in building if (result := each.result()) is not None]
        return comparisons

    async def _report_progress(self) -> None:
        while True:
            with contextlib.suppress(Unavailable):
                rebuild = await self._container.rebuilds.find(self._session.id)
                if rebuild is not None:
                    self._progress(rebuild)
            await asyncio.sleep(POLL_SECONDS)
