"""Loads a checked file: onto the topics, and on request until the catalogue worker has learned it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Collection, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

from adapters.container import open_operator_container
from adapters.kafka.catalogue_publisher import PublishResult, publish_facts
from adapters.settings import Settings
from cli.catalogue.fact_file import BadLine, read_fact, read_lines
from cli.outage_retry import OutageRetry, with_long_run_timeouts
from cli.signals import Interrupted, stop_signal
from domain.catalogue.facts import Fact
from domain.shared.errors import BrokerUnavailable

IDS_PER_QUERY = 2_000
POLL_SECONDS = 0.2
STALL_SECONDS = 60.0

Told = Callable[[int], None]


class NotRecorded(Exception):
    """The catalogue worker stood still; so many facts were learned until then."""

    def __init__(self, learned: int) -> None:
        super().__init__(f"the catalogue worker learned nothing for {STALL_SECONDS:g} s; does it run?")
        self.learned = learned


def facts_of(
    path: Path, from_line: int, left_out: Collection[int], ignored: Collection[str]
) -> Iterator[tuple[int, Fact]]:
    """The facts of a file that was checked before, with their lines' numbers; raises BadLine where it
    is not that file any more."""
    for line in read_lines(path):
        if line.number < from_line or line.number in left_out:
            continue
        try:
            fact = read_fact(line, ignored)
        except BadLine as reason:
            raise BadLine(f"the file was changed meanwhile: line {line.number}: {reason}") from reason
        if fact is not None:
            yield line.number, fact


async def publish(
    settings: Settings, facts_from: Callable[[int], Iterator[tuple[int, Fact]]], line: int, told: Told
) -> PublishResult:
    """Publishes the facts from a line on until all are in Kafka, or SIGINT or SIGTERM comes, or Kafka stays away;
    raises BrokerUnavailable where nothing could be begun."""
    certain, why = 0, ""
    async with stop_signal() as stop:
        retrying = OutageRetry(stop, settings.long_run_patience)

        async def step() -> PublishResult:
            nonlocal certain, line, why
            before = certain
            part = await publish_facts(
                settings, facts_from(line), stop=stop, told=lambda count: told(before + count)
            )
            retrying.under_way()
            certain += part.count
            line = part.stopped_at or line
            if part.away:
                why = str(part.why)
                raise BrokerUnavailable(why)
            return replace(part, count=certain)

        try:
            return await retrying.do(step, stoppable=False)
        except BrokerUnavailable:
            if not why:
                raise
            return PublishResult(certain, line, why)
        except Interrupted:
            return PublishResult(certain, line, "interrupted")


async def wait_until_recorded(settings: Settings, facts: Iterator[tuple[int, Fact]], told: Told) -> int:
    """Waits until every fact is recorded, and returns how many they are; raises NotRecorded, and
    StoreUnavailable."""
    learned = 0
    async with open_operator_container(with_long_run_timeouts(settings)) as parts, stop_signal() as stop:
        retrying = OutageRetry(stop, settings.long_run_patience)
        while ids := {fact.fact_id for _, fact in _next(facts)}:
            last_growth, recorded = time.monotonic(), 0
            while recorded < len(ids):
                now_recorded = await retrying.do(partial(parts.catalogue.count_recorded, ids))
                if now_recorded > recorded:
                    last_growth, recorded = time.monotonic(), now_recorded
                    told(learned + recorded)
                elif time.monotonic() - last_growth > STALL_SECONDS:
                    raise NotRecorded(learned + recorded)
                else:
                    await asyncio.sleep(POLL_SECONDS)
            learned += recorded
    return learned


def _next(facts: Iterator[tuple[int, Fact]]) -> Iterator[tuple[int, Fact]]:
    for _, numbered in zip(range(IDS_PER_QUERY), facts, strict=False):
        yield numbered
