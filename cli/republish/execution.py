"""One run of republishing, which people may watch and interrupt; what it says goes to stderr."""

from __future__ import annotations

import asyncio
import contextlib
import sys
import time
from collections.abc import Awaitable, Coroutine
from dataclasses import dataclass
from functools import partial
from typing import Any

from adapters.container import open_operator_container
from adapters.settings import Settings
from cli.outage_retry import OutageRetry, with_long_run_timeouts
from cli.output import Output, progress_bars
from cli.runner import INTERRUPTED, load_settings
from cli.signals import Interrupted, stop_signal
from domain.operators.audit import Operator
from domain.operators.republish.republish import Republication, RepublishProgress, RepublishRequest
from domain.operators.republish.republisher import Republisher
from domain.shared.errors import CheckoutError
from domain.shared.eventsourcing import Value

FINISH_WITHIN_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class RepublishOptions:
    """What is asked for: a new run, or one to go on with."""

    operator: Operator
    request: RepublishRequest | None
    resume: str | None
    rate: float | None


class RepublishOutcome(Value):
    """How it ended. `run` None: it did not begin; `progress` None: nothing was sent."""

    run: Republication | None = None
    progress: RepublishProgress | None = None
    interrupted: bool = False
    error: str | None = None

    @property
    def exit_code(self) -> int:
        if self.error is not None:
            return 1
        if self.interrupted:
            return INTERRUPTED
        return 1 if self.progress is not None and self.progress.lost else 0


async def run_republishing(asked: RepublishOptions, out: Output | None = None) -> RepublishOutcome:
    """Sends until the end, or until SIGINT or SIGTERM comes; never raises for what a server is like."""
    run = _Run(asked, out or Output(sys.stderr))
    try:
        settings = with_long_run_timeouts(load_settings())
        async with open_operator_container(settings) as parts:
            await run.go(parts.republisher, settings)
    except (CheckoutError, ValueError) as error:
        run.error = str(error)
    return run.conclude()


async def _until_stopped(sending: Coroutine[Any, Any, RepublishProgress], stop: asyncio.Event) -> None:
    """Waits for the end of what hears of a stop between two portions; where Kafka answers nothing it may not
    hear of it, and is given up: what was open then counts as not sent."""
    task = asyncio.create_task(sending)
    stopping = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait({task, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            await asyncio.wait({task}, timeout=FINISH_WITHIN_SECONDS)
        if task.done():
            await task
    finally:
        for each in (task, stopping):
            each.cancel()
        await asyncio.gather(task, stopping, return_exceptions=True)


class _Run:
    def __init__(self, asked: RepublishOptions, out: Output) -> None:
        self.error: str | None = None
        self._asked = asked
        self.say = out.say
        self._run: Republication | None = None
        self._progress: RepublishProgress | None = None

    async def go(self, republisher: Republisher, settings: Settings) -> None:
        async with stop_signal() as stop:
            self._run = run = await self._begun(republisher)
            self.say(
                f"run {run.id}: {run.content} of positions {run.from_position} to {run.to_position} "
                f"to {run.topic}"
            )
            if settings.kafka_delivery == "at_least_once":
                self.say("The broker has no transactions: where it is cut off, messages may be sent twice.")
            total = run.to_position - run.from_position + 1
            begun = time.monotonic()
            retrying = OutageRetry(stop, settings.long_run_patience)
            with progress_bars() as moved:

                def told(progress: RepublishProgress, before: RepublishProgress | None) -> None:
                    retrying.under_way()
                    if before is not None:
                        sums = {"sent": before.sent + progress.sent, "lost": before.lost + progress.lost}
                        progress = progress.model_copy(update=sums)
                    self._progress = progress
                    done = progress.position - progress.from_position + 1
                    rate = progress.sent / max(time.monotonic() - begun, 0.001)
                    moved("republishing", done, total, f"{progress.sent:,} sent, {rate:,.0f} a second")

                def send() -> Awaitable[None]:
                    """Goes on behind what is certainly sent, however often it is called."""
                    tells = partial(told, before=self._progress)
                    return _until_stopped(republisher.send(run, stop, tells, self._asked.rate), stop)

                with contextlib.suppress(Interrupted):
                    # It hears of a stop by itself, and ends in order.
                    await retrying.do(send, stoppable=False)

    async def _begun(self, republisher: Republisher) -> Republication:
        asked = self._asked
        if asked.resume is not None:
            return await republisher.go_on(asked.resume, asked.operator)
        assert asked.request is not None  # noqa: S101  (one of the two is asked for)
        return await republisher.begin(asked.request, asked.operator)

    def conclude(self) -> RepublishOutcome:
        """Says in a sentence or two how it ended."""
        run, progress = self._run, self._progress
        complete = progress is not None and progress.complete
        if progress is not None:
            self.say(f"{progress.sent:,} messages sent, up to position {progress.position}.")
            if progress.lost:
                self.say(f"{progress.lost:,} verdicts could not be put together, and were left out.")
        if self.error is not None:
            self.say(f"checkout: {self.error}")
        if run is not None and not complete:
            self.say(f"Go on with: checkout republish --resume {run.id}")
        return RepublishOutcome(
            run=run,
            progress=progress,
            interrupted=run is not None and not complete and self.error is None,
            error=self.error,
        )
