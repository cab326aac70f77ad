"""One run of `checkout catalogue load`: checks a file, publishes its facts and waits until they are recorded."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

from adapters.container import Container
from adapters.kafka.catalogue_publisher import PublishProgress, PublishResult, publish_facts
from adapters.settings import MissingSetting, Settings
from cli.catalogue.fact_file import BadLine, CheckedFile, check_file, line_ranges, read_fact, read_lines
from cli.outage_retry import OutageRetry
from cli.output import Output, progress_bars
from cli.runner import DONE, INTERRUPTED, NOT_DONE, load_settings, run_async, run_interruptible
from cli.signals import Interrupted, stop_signal
from domain.catalogue.facts import Fact
from domain.shared.errors import BrokerUnavailable, Unavailable
from domain.shared.formatting import count_noun

REASONS_SHOWN = 100
INTERRUPTED_ERROR = "interrupted"
BAD_LINES_ERROR = "there are bad lines"
IDS_PER_QUERY = 2_000
POLL_SECONDS = 0.2
STALL_SECONDS = 60.0


class NotRecorded(Exception):
    """The catalogue worker made no progress; `recorded` facts were recorded until then."""

    def __init__(self, recorded: int) -> None:
        super().__init__(f"the catalogue worker learned nothing for {STALL_SECONDS:g} s; does it run?")
        self.recorded = recorded


@dataclass(slots=True)
class LoadOutcome:
    """`published` facts are certainly in Kafka. `continue_from_line` is where another run must begin; None if nothing
    is left to publish."""

    lines: int = 0
    published: int = 0
    refused: int = 0
    left_out: str = ""
    continue_from_line: int | None = None
    recorded: int | None = None
    error: str | None = None

    @property
    def exit_code(self) -> int:
        if self.error == INTERRUPTED_ERROR:
            return INTERRUPTED
        return DONE if self.error is None else NOT_DONE

    def to_json(self) -> dict[str, Any]:
        return {
            "published": self.published,
            "refused": self.refused,
            "lines": self.lines,
            "leftOut": self.left_out,
            "continueFromLine": self.continue_from_line,
            "learned": self.recorded,
            "error": self.error,
        }


class Load:
    """Prints progress, reasons and the outcome on stderr."""

    def __init__(self, path: Path, *, skip_bad: bool, from_line: int, wait: bool) -> None:
        self.outcome = LoadOutcome(continue_from_line=from_line)
        self._path = path
        self._skip_bad = skip_bad
        self._from_line = from_line
        self._wait = wait
        self._settings = load_settings()
        self._say = Output(sys.stderr).say

    def run(self) -> LoadOutcome:
        """Never raises because of the file or a server: the outcome names the error."""
        outcome = self.outcome
        try:
            checked = self._check()
            if checked.refused and not self._skip_bad:
                outcome.error = BAD_LINES_ERROR
            else:
                self._publish(checked)
                if self._wait and outcome.error is None:
                    self._wait_until_recorded(checked)
        except (KeyboardInterrupt, Interrupted):
            outcome.error = INTERRUPTED_ERROR
        except (MissingSetting, Unavailable, NotRecorded, ValueError) as error:
            outcome.error = str(error)
        self._conclude()
        return outcome

    def _check(self) -> CheckedFile:
        outcome = self.outcome
        with _bar("checking", self._path.stat().st_size) as progress:
            checked = check_file(
                self._path,
                self._from_line,
                lambda line, _: progress(line.end),
                self._settings.catalogue_ignored_members,
            )
        outcome.lines, outcome.refused = checked.lines, len(checked.refused)
        outcome.left_out = line_ranges(checked.refused)
        for number in sorted(checked.refused)[:REASONS_SHOWN]:
            self._say(f"line {number}: {checked.refused[number]}")
        if outcome.refused > REASONS_SHOWN:
            self._say(f"and {count_noun(outcome.refused - REASONS_SHOWN, 'line')} more")
        return checked

    def _publish(self, checked: CheckedFile) -> None:
        with _bar("publishing", checked.facts) as progress:
            facts_from = partial(self._facts, without=checked.refused)
            published = run_async(_publish(self._settings, facts_from, self._from_line, progress))
        self.outcome.published = published.count
        self.outcome.continue_from_line = published.stopped_at
        self.outcome.error = published.why

    def _wait_until_recorded(self, checked: CheckedFile) -> None:
        ids = (fact.fact_id for _, fact in self._facts(self._from_line, without=checked.refused))
        with _bar("learning", checked.facts) as progress:

            async def wait(container: Container, stop: asyncio.Event) -> int:
                retry = OutageRetry(stop, container.settings.long_run_patience)
                return await _wait_until_recorded(container, retry, ids, progress)

            try:
                self.outcome.recorded = run_interruptible(wait)
            except NotRecorded as error:
                self.outcome.recorded = error.recorded
                raise

    def _facts(self, from_line: int, without: Collection[int]) -> Iterator[tuple[int, Fact]]:
        """The facts of the checked file with their line numbers; raises BadLine if the file has changed."""
        for line in read_lines(self._path):
            if line.number < from_line or line.number in without:
                continue
            try:
                fact = read_fact(line, self._settings.catalogue_ignored_members)
            except BadLine as reason:
                raise BadLine(f"the file was changed meanwhile: line {line.number}: {reason}") from reason
            if fact is not None:
                yield line.number, fact

    def _conclude(self) -> None:
        outcome, say = self.outcome, self._say
        if outcome.refused:
            say(f"{count_noun(outcome.refused, 'line')} of {outcome.lines} refused: {outcome.left_out}")
        if outcome.error == BAD_LINES_ERROR:
            say("Correct them, or publish the others with --skip-bad.")
        elif outcome.error is not None:
            say(f"The load did not end normally: {outcome.error}.")
        published = count_noun(outcome.published, "fact")
        if outcome.continue_from_line is None:
            say(f"Published {published}{', all that were not refused' if outcome.refused else ''}.")
        elif outcome.published:
            say(
                f"{published} certainly published. Continue with the same file and "
                f"--from-line {outcome.continue_from_line}; publishing a fact twice does no harm."
            )
        else:
            say("Nothing was published.")
        if outcome.recorded is not None:
            say(f"The catalogue has learned {count_noun(outcome.recorded, 'fact')} of it.")


async def _publish(
    settings: Settings,
    facts_from: partial[Iterator[tuple[int, Fact]]],
    line: int,
    progress: PublishProgress,
) -> PublishResult:
    """Publishes the facts from a line on, also after outages. It ends early on SIGINT and SIGTERM, and when Kafka
    stays unavailable. Raises BrokerUnavailable if it could not even start."""
    count, why = 0, ""
    async with stop_signal() as stop:
        retry = OutageRetry(stop, settings.long_run_patience)

        async def step() -> PublishResult:
            nonlocal count, line, why
            before = count
            part = await publish_facts(
                settings, facts_from(line), stop=stop, progress=lambda done: progress(before + done)
            )
            retry.under_way()
            count += part.count
            line = part.stopped_at or line
            if part.is_unavailable:
                why = str(part.why)
                raise BrokerUnavailable(why)
            return replace(part, count=count)

        try:
            return await retry.do(step, stoppable=False)
        except BrokerUnavailable:
            if not why:
                raise
            return PublishResult(count, line, why)
        except Interrupted:
            return PublishResult(count, line, INTERRUPTED_ERROR)


async def _wait_until_recorded(
    container: Container, retry: OutageRetry, fact_ids: Iterator[str], progress: PublishProgress
) -> int:
    """The number of facts, once all are recorded. Raises NotRecorded and StoreUnavailable."""
    recorded = 0
    while ids := {*islice(fact_ids, IDS_PER_QUERY)}:
        last_growth, count = time.monotonic(), 0
        while count < len(ids):
            now_recorded = await retry.do(partial(container.catalogue.count_recorded, ids))
            if now_recorded > count:
                last_growth, count = time.monotonic(), now_recorded
                progress(recorded + count)
            elif time.monotonic() - last_growth > STALL_SECONDS:
                raise NotRecorded(recorded + count)
            else:
                await asyncio.sleep(POLL_SECONDS)
        recorded += count
    return recorded


@contextmanager
def _bar(what: str, total: int) -> Iterator[PublishProgress]:
    """A progress bar; the function takes how much is done."""
    with progress_bars() as move:
        move(what, 0, total)
        yield lambda done: move(what, done, total)
