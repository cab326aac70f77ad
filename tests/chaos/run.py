"""A run in which processes and servers are killed while callers work, judged by a foreign consumer."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from http.cookiejar import DefaultCookiePolicy
from pathlib import Path
from time import monotonic

import asyncpg
import httpx

from adapters.embedded.postgres import EmbeddedPostgres
from tests.chaos.foreign_consumer import ForeignConsumer
from tests.chaos.service_processes import ServiceProcesses, running_service
from tests.chaos.topic_judge import COMMAND_RESULTS, EVENTS, ORDER_RESULTS, STATES, TOPICS, VERDICTS, TopicJudge
from tests.chaos.traffic import PARTNER, ChaosCaller, Journal, KafkaSender, catalogue
from tests.servers.apache_kafka import ApacheKafka
from tests.servers.checkout_command import run_command
from tests.servers.postgres import postgres_folder
from tests.servers.waiting import eventually

# How many events are stored, in how many baskets.
STORED = "SELECT count(*), count(DISTINCT stream_id) FROM events"

DRAIN_SECONDS = 120.0
EVERY_FAULT = (
    "publisher",
    "commands",
    "API",
    "projector",
    "publisher",
    "Kafka restart",
    "PostgreSQL",
    "publisher",
    "Kafka",
)
"""Each kind of fault at least once."""


@dataclass(slots=True)
class ChaosReport:
    """What happened, and what was wrong."""

    seconds: float = 0.0
    drained_seconds: float = 0.0
    """How long the topics took to hold everything after the last call."""
    faults: Counter[str] = field(default_factory=Counter)
    """What was killed or restarted, and how often."""
    messages: Counter[str] = field(default_factory=Counter)
    stored_events: int = 0
    baskets: int = 0
    requests: int = 0
    calls: int = 0
    retried: Counter[str] = field(default_factory=Counter)
    commands: int = 0
    reports: int = 0
    wrong: list[str] = field(default_factory=list)


class ChaosRun:
    """Faults in a fixed order, with a pause between them in which callers go on. With `all_retired` it ends once every
    basket that is over has its tombstone."""

    def __init__(
        self, folder: Path, *, callers: int = 4, pause: float = 0.05, seed: int = 0, all_retired: bool = False
    ) -> None:
        self._folder = folder
        self._judge = TopicJudge()
        self._callers = callers
        self._pause = pause
        self._seed = seed
        self._all_retired = all_retired
        self._journal = Journal()
        self._report = ChaosReport()

    async def run(self, faults: Sequence[str] = EVERY_FAULT, between: float = 3.0) -> ChaosReport:
        """Returns once every topic holds what was stored, at the latest after DRAIN_SECONDS."""
        async with AsyncExitStack() as stack:
            postgres_data = stack.enter_context(postgres_folder())
            postgres = await stack.enter_async_context(EmbeddedPostgres(postgres_data, ephemeral=True))
            kafka = await stack.enter_async_context(ApacheKafka(self._folder / "kafka"))
            service = await stack.enter_async_context(running_service(self._folder, postgres, kafka))
            await self._load_catalogue(service)
            consumer = stack.enter_context(ForeignConsumer(kafka.bootstrap_servers, TOPICS, self._judge))
            began = monotonic()
            async with self._traffic(service, kafka):
                for fault in faults:
                    await asyncio.sleep(between)
                    await _cause(fault, service, postgres, kafka)
                    self._report.faults[fault] += 1
                await self._progress()
            self._report.seconds = monotonic() - began
            drained = await self._drained(consumer, postgres)
            self._report.drained_seconds = monotonic() - began - self._report.seconds
            self._judge.finish()
            self._conclude(self._judge, service, drained=drained)
        return self._report

    async def _load_catalogue(self, service: ServiceProcesses) -> None:
        file = self._folder / "catalogue.jsonl"
        file.write_text(catalogue())
        loaded = await run_command("catalogue", "load", file, "--wait", environment=service.environment)
        assert loaded.code == 0, loaded.err

    @asynccontextmanager
    async def _traffic(self, service: ServiceProcesses, kafka: ApacheKafka) -> AsyncIterator[None]:
        printed = await run_command("token", "--partner", PARTNER, environment=service.environment)
        headers = {"Authorization": f"Bearer {printed.out.strip()}"}
        sender = KafkaSender(kafka.bootstrap_servers, self._journal)
        stop = asyncio.Event()
        async with (
            httpx.AsyncClient(base_url=service.url, headers=headers, timeout=30) as client,
            asyncio.TaskGroup() as tasks,
        ):
            # Each call sends its own cookie.
            client.cookies.jar.set_policy(DefaultCookiePolicy(allowed_domains=[]))
            for number in range(self._callers):
                dice = random.Random(self._seed * 1_000 + number)
                tasks.create_task(ChaosCaller(client, sender, self._journal, dice, self._pause).work(stop))
            try:
                yield
            finally:
                stop.set()
        await asyncio.to_thread(sender.flush)

    async def _progress(self) -> None:
        """Waits until the callers have filled some more baskets."""
        before = len(self._journal.versions)
        await eventually(lambda: len(self._journal.versions) >= before + self._callers, limit=60)

    async def _drained(self, consumer: ForeignConsumer, postgres: EmbeddedPostgres) -> bool:
        """Whether the consumer was given all that was stored, and a result for all that was sent."""
        connection = await asyncpg.connect(postgres.url)
        try:

            async def all_is_there() -> bool:
                stored = await connection.fetchrow(STORED)
                assert stored is not None
                self._report.stored_events, self._report.baskets = stored
                return consumer.ask(self._has_all)

            await eventually(all_is_there, limit=DRAIN_SECONDS, every=0.2)
            # Surplus messages would come now.
            await asyncio.sleep(1.5)
        except AssertionError:
            return False
        finally:
            await connection.close()
        return True

    def _has_all(self, judge: TopicJudge) -> bool:
        histories = list(judge.baskets.values())
        return (
            judge.counts[EVENTS] >= self._report.stored_events
            and judge.counts[VERDICTS] >= sum(len(each.verdicts) for each in histories)
            and judge.counts[STATES] >= sum(len(each.ends) for each in histories)
            and len(judge.letters) >= self._journal.nonsense
            and not (self._all_retired and judge.unretired)
            and judge.counts[COMMAND_RESULTS] >= len(self._journal.commands)
            and judge.counts[ORDER_RESULTS] >= len(self._journal.reports)
        )

    def _conclude(self, judge: TopicJudge, service: ServiceProcesses, *, drained: bool) -> None:
        report, journal = self._report, self._journal
        report.messages = judge.counts
        report.requests = sum(len(each.ends) for each in judge.baskets.values())
        report.calls, report.retried = journal.calls, journal.retried
        report.commands, report.reports = len(journal.commands), len(journal.reports)
        report.wrong += [*judge.faults, *journal.wrong, *journal.undelivered, *service.unexpected]
        if not drained:
            report.wrong.append(
                f"not all came within {DRAIN_SECONDS:g} s: {judge.counts}, {report.stored_events} stored"
            )
        if judge.counts[EVENTS] != report.stored_events:
            report.wrong.append(f"{judge.counts[EVENTS]} events came, {report.stored_events} are stored")
        if len(judge.letters) != journal.nonsense:
            report.wrong.append(f"{len(judge.letters)} dead letters of {journal.nonsense} messages of nonsense")
        lost = [id for id, version in journal.versions.items() if judge.baskets[id].fold.version < version]
        report.wrong += [f"an acknowledged change of {id} never came" for id in lost[:10]]
        for topic, sent in ((COMMAND_RESULTS, journal.commands), (ORDER_RESULTS, journal.reports)):
            if judge.results[topic] != Counter(sent):
                surplus = judge.results[topic] - Counter(sent)
                missing = Counter(sent) - judge.results[topic]
                report.wrong.append(f"{topic}: {surplus.total()} results too many, {missing.total()} missing")


async def _cause(fault: str, service: ServiceProcesses, postgres: EmbeddedPostgres, kafka: ApacheKafka) -> None:
    """Lets it happen. A server is up again when this returns."""
    restarts: dict[str, Callable[[], Awaitable[None]]] = {
        "Kafka restart": kafka.stop,
        "Kafka": kafka.kill,
        "PostgreSQL restart": postgres.stop,
        "PostgreSQL": postgres.kill,
    }
    if fault not in restarts:
        await service.kill(fault)
        return
    await restarts[fault]()
    await asyncio.sleep(1.0)
    await (kafka if fault.startswith("Kafka") else postgres).start()
