"""One run of republishing, with progress and messages on stderr."""

from __future__ import annotations

import asyncio
import contextlib
import shlex
import time
from collections.abc import Coroutine
from functools import partial
from typing import Any

from adapters.container import Container
from cli.outage_retry import OutageRetry
from cli.output import Output, progress_bars
from cli.runner import DONE, INTERRUPTED, NOT_DONE
from cli.signals import Interrupted
from domain.operators.audit import Operator
from domain.operators.republish.republish import Republication, RepublishProgress, RepublishRequest
from domain.ports.archive import ArchiveSelection
from domain.shared.errors import CheckoutError
from domain.shared.eventsourcing import Value
from domain.shared.formatting import count_noun

FINISH_WITHIN_SECONDS = 10.0


class RepublishOutcome(Value):
    """`run` is None where none began, `progress` where nothing was sent."""

    run: Republication | None = None
    progress: RepublishProgress | None = None
    archived: int = 0
    """Baskets of the run's positions that are in the archive, and are not sent."""
    interrupted: bool = False
    error: str | None = None

    @property
    def exit_code(self) -> int:
        if self.error is not None:
            return NOT_DONE
        if self.interrupted:
            return INTERRUPTED
        return NOT_DONE if self.progress is not None and self.progress.lost else DONE


class RepublishRun:
    """Sends until the end, or until it is stopped."""

    def __init__(self, operator: Operator, start: RepublishRequest | str, rate: float | None, out: Output) -> None:
        """`start` is the request of a new run, or the id of a run to resume."""
        self._operator = operator
        self._start = start
        self._rate = rate
        self._say = out.say
        self._run: Republication | None = None
        self._progress: RepublishProgress | None = None
        self._archived = 0

    async def send(self, container: Container, stop: asyncio.Event) -> None:
        """Raises CheckoutError; then the run can be resumed."""
        settings, republisher = container.settings, container.republisher
        if isinstance(self._start, str):
            self._run = run = await republisher.resume(self._start, self._operator)
        else:
            self._run = run = await republisher.begin(self._start, self._operator)
        what = "baskets that began at" if run.content == "states" else f"{run.content} of"
        self._say(f"run {run.id}: {what} positions {run.from_position} to {run.to_position} to {run.topic}")
        selection = ArchiveSelection(run.partner, run.from_position, run.to_position)
        if run.basket_id is None and (archived := await container.archive_index.count(selection)):
            self._archived = archived
            self._say(
                f"{count_noun(archived, 'basket')} of these positions are in the archive, and are not sent."
                f" Bring them back, and begin again: checkout archive restore {_options(selection)}"
            )
        if settings.kafka_delivery == "at_least_once":
            self._say("The broker has no transactions: where it is cut off, messages may be sent twice.")
        retry = OutageRetry(stop, settings.long_run_patience)
        total = run.to_position - run.from_position + 1
        begun = time.monotonic()
        with progress_bars() as move:

            def report(progress: RepublishProgress, before: RepublishProgress | None) -> None:
                retry.under_way()
                if before is not None:
                    sums = {"sent": before.sent + progress.sent, "lost": before.lost + progress.lost}
                    progress = progress.model_copy(update=sums)
                self._progress = progress
                done = progress.position - progress.from_position + 1
                rate = progress.sent / max(time.monotonic() - begun, 0.001)
                move("republishing", done, total, f"{progress.sent:,} sent, {rate:,.0f} a second")

            async def attempt() -> None:
                """Sends what follows the last transaction, and adds to what earlier attempts sent."""
                reports = partial(report, before=self._progress)
                await _until_stopped(republisher.send(run, stop, reports, self._rate), stop)

            with contextlib.suppress(Interrupted):
                # The republisher reacts to a stop itself, between two batches.
                await retry.do(attempt, stoppable=False)

    def conclude(self, error: CheckoutError | ValueError | None) -> RepublishOutcome:
        """Prints how it ended."""
        run, progress = self._run, self._progress
        complete = progress is not None and progress.complete
        if progress is not None:
            self._say(f"{progress.sent:,} messages sent, up to position {progress.position}.")
            if progress.lost:
                what = run.content if run else "documents"
                self._say(f"{progress.lost:,} {what} could not be put together, and were left out.")
        if error is not None:
            self._say(f"checkout: {error}")
        if run is not None and not complete:
            self._say(f"Go on with: checkout republish --resume {run.id}")
        return RepublishOutcome(
            run=run,
            progress=progress,
            archived=self._archived,
            interrupted=run is not None and not complete and error is None,
            error=str(error) if error is not None else None,
        )


def _options(selection: ArchiveSelection) -> str:
    """The options by which commands take the same baskets."""
    partner = f"--partner {shlex.quote(selection.partner)} " if selection.partner is not None else ""
    return f"{partner}--from-position {selection.from_position} --to-position {selection.to_position}"


async def _until_stopped(sending: Coroutine[Any, Any, RepublishProgress], stop: asyncio.Event) -> None:
    """Waits for the end of the sending. After a stop it gives that FINISH_WITHIN_SECONDS, in case that Kafka does not
    answer: an open transaction counts as not sent."""
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
