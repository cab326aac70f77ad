"""Measures how fast catalogue facts go from their topics into the projections, and what limits it."""

from __future__ import annotations

import asyncio
import cProfile
import gc
import os
import pstats
import shutil
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Callable, Collection, Iterator, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import datetime
from itertools import chain, islice
from pathlib import Path
from time import perf_counter, process_time

from rich.table import Table

from adapters.container import Container, open_operator_container
from adapters.kafka.catalogue_messages import CATALOGUE_GROUP, CATALOGUE_TOPICS
from adapters.kafka.catalogue_publisher import publish_facts
from adapters.settings import Settings
from benchmarks.journey import dataset
from benchmarks.journey.machine_load import OtherLoad
from benchmarks.journey.progress_bars import CONSOLE, bar
from benchmarks.journey.records import LAST_WEEK
from cli.up.embedded_services import EmbeddedServices
from domain.catalogue.catalogue import Catalogue
from domain.catalogue.epochs import CatalogueMessage
from domain.catalogue.facts import FACT, Fact
from domain.ports.catalogue import CatalogueFacts, RecordingResult
from tests.servers.apache_kafka import ApacheKafka
from workers.catalogue import CatalogueWorker
from workers.heartbeat import Heartbeat

FUNCTIONS_SHOWN = 25


class MeasuredFacts:
    """CatalogueFacts that counts recorded facts and the time that recording takes."""

    def __init__(self, facts: CatalogueFacts, enough: int, advance: Callable[[int], None]) -> None:
        self._facts = facts
        self._enough = enough
        self._advance = advance
        self.count = 0
        self.batches: Counter[int] = Counter()
        self.recording = 0.0
        self.began: float | None = None
        self.ended = 0.0
        self.done = asyncio.Event()

    async def record(self, messages: Sequence[CatalogueMessage]) -> RecordingResult:
        began = perf_counter()
        if self.began is None:
            self.began = began
        learned = await self._facts.record(messages)
        self.ended = perf_counter()
        self.recording += self.ended - began
        self.count += len(messages)
        self.batches[len(messages)] += 1
        self._advance(len(messages))
        if self.count >= self._enough:
            self.done.set()
        return learned

    async def catalogue(
        self,
        offer_ids: Collection[str],
        product_codes: Collection[str],
        *,
        fresh: bool,
        at: datetime | None = None,
        partner: str | None = None,
        prices_for: str | None = None,
    ) -> Catalogue:
        return await self._facts.catalogue(
            offer_ids, product_codes, fresh=fresh, at=at, partner=partner, prices_for=prices_for
        )


async def measure(count: int, *, apache: bool, profile: bool) -> None:
    """Publishes so many real facts, then lets a catalogue worker record them."""
    with CONSOLE.status("reading the data"):
        facts = [*islice(real_facts(), count)]
        # Objects that only this process holds must not slow the worker's garbage collection.
        gc.collect()
        gc.freeze()
    async with _servers(apache) as settings:
        stop = asyncio.Event()
        with bar("publishing", len(facts)) as advance:
            before = 0

            def told(certain: int) -> None:
                nonlocal before
                advance(certain - before)
                before = certain

            began = perf_counter()
            await publish_facts(settings, enumerate(facts, 1), stop=stop, progress=told)
            publishing = perf_counter() - began
        async with open_operator_container(settings) as parts:
            with bar("recording", len(facts)) as advance:
                measured = MeasuredFacts(parts.catalogue, len(facts), advance)
                others = OtherLoad()
                cpu = await _learn(parts, measured, profile=profile)
            _show(measured, publishing, cpu, others.share)


def real_facts() -> Iterator[Fact]:
    """Offers, availability and a year of prices of all products, product by product."""
    year = dataset.catalogue_year(now_is_week=20)
    rows = chain.from_iterable(year.facts(product, range(1, LAST_WEEK + 1)) for product in year.products)
    return (FACT.validate_python(row) for row in rows)


async def _learn(parts: Container, measured: MeasuredFacts, *, profile: bool) -> float:
    """Returns the processor seconds that it took."""
    subscription = parts.consumer_group(CATALOGUE_GROUP, *CATALOGUE_TOPICS)
    worker = CatalogueWorker(subscription, measured, parts.dead_letter_sinks)
    profiler = cProfile.Profile()
    cpu = process_time()
    if profile:
        profiler.enable()
    running = asyncio.create_task(worker.run(Heartbeat("catalogue")))
    finished = asyncio.create_task(measured.done.wait())
    await asyncio.wait({running, finished}, return_when=asyncio.FIRST_COMPLETED)
    profiler.disable()
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running
    if profile:
        pstats.Stats(profiler).sort_stats("tottime").print_stats(FUNCTIONS_SHOWN)
    return process_time() - cpu


def _show(measured: MeasuredFacts, publishing: float, cpu: float, others: float) -> None:
    seconds = measured.ended - (measured.began or 0)
    table = Table("what", "figure", box=None)
    for what, figure in (
        ("facts", f"{measured.count:,}"),
        ("published a second", f"{measured.count / publishing:,.0f}"),
        ("recorded a second, topic to projection", f"{measured.count / seconds:,.0f}"),
        (
            "of that in the catalogue adapter (PostgreSQL and its input)",
            f"{measured.recording / seconds:.0%}",
        ),
        ("of that on the worker's processor", f"{min(cpu / seconds, 1):.0%}"),
        ("other processes, of all processors", f"{others:.0%}"),
        ("facts a batch, mean", f"{measured.count / measured.batches.total():,.0f}"),
    ):
        table.add_row(what, figure)
    CONSOLE.print(table)


@asynccontextmanager
async def _servers(apache: bool) -> AsyncIterator[Settings]:
    """PostgreSQL and a broker of our own (or those that the environment names), migrated, with our topics."""
    folder = Path(tempfile.mkdtemp(prefix="journey-"))
    kafka = ApacheKafka(folder / "kafka") if apache else None
    if kafka is not None:
        await kafka.start()
        os.environ["CHECKOUT_KAFKA_BOOTSTRAP_SERVERS"] = kafka.bootstrap_servers
    servers = EmbeddedServices(folder, Settings(), ephemeral=False)
    try:
        await asyncio.gather(servers.start_database(), servers.start_broker())
        yield servers.settings
    finally:
        await servers.stop()
        if kafka is not None:
            await kafka.stop()
        shutil.rmtree(folder, ignore_errors=True)
