"""Memory of each process under steady load, for long: at rest, while caches fill, under load, and at rest again.

All workers have work: half of the baskets are ordered and the others expire, their states leave the topic, they move to
the archive, and prices change.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import tempfile
import uuid
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from time import monotonic

import msgspec
import psutil

from adapters.container import open_partner_container
from adapters.kafka.catalogue_messages import fact_message
from adapters.kafka.errors import close_client
from adapters.kafka.messages import Message
from adapters.kafka.producer import send_all
from adapters.kafka.startup import start_producer
from adapters.kafka.topics import ORDERS
from adapters.settings import Settings
from benchmarks.findings_cost import PARTNER, facts
from benchmarks.gateway import SocketGateway, UnexpectedAnswer, run_concurrently
from benchmarks.journey.target import TargetService, own_service
from benchmarks.performance.operations import LINES, add_body, change_body, initiate_body, landing_cookie
from benchmarks.performance.results import FOLDER, commit, now
from benchmarks.performance.soak_results import LOADED, OUR_PROCESSES, MemorySample, SoakResults
from tests.builders import price
from tests.contracts.catalogue import sourced
from tests.servers.kafka import KafkaServer, start_own_kafka

EVERY_SECONDS = 5.0
REST_SECONDS = 60.0
TELL_SECONDS = 60.0
FILLING_BASKETS = 24_000
"""More than any cache holds, by lines or by baskets."""
CALLERS = 16
VISIT_CALLS = 6
HURRIED = {
    "CHECKOUT_BASKET_LIFETIME": "240",
    "CHECKOUT_STATE_RETENTION": "60",
    "CHECKOUT_ARCHIVE_AFTER": "60",
    "CHECKOUT_DATABASE_TIMEOUT": "30",
}
"""What a basket lives through in months passes in minutes. Calls wait for a busy database."""
MOST_FAILED = 50
"""So many visits may end with an error, as on a busy machine. With one more the run is given up."""


async def soak(
    minutes: float,
    rate: float,
    tell: Callable[[str], None],
    folder: Path = FOLDER,
    *,
    filling: int = FILLING_BASKETS,
    rest: float = REST_SECONDS,
) -> tuple[Path, SoakResults]:
    """Runs `checkout up` and calls it; returns all samples and their file. It is written every minute, and where the run
    is stopped. Broker and database are this machine's own."""
    run = _Run(minutes, tell, folder)
    with tempfile.TemporaryDirectory(prefix="checkout-soak-") as data:
        tell("starting Kafka and the service")
        async with _service(Path(data)) as (service, settings), _load(service, settings) as load:
            sampling = asyncio.create_task(run.sample(load))
            try:
                run.enter("at rest", f"for {rest:g} s")
                await asyncio.sleep(rest)
                run.enter("filling caches", f"by {filling:,} baskets")
                await run_concurrently(CALLERS, range(filling), lambda _: load.visit(), asyncio.Event())
                load.calls = 0
                run.enter(LOADED, f"for {minutes:g} minutes, {rate:g} calls a second")
                await load.visit_steadily(minutes * 60, rate)
                run.enter("after", f"for {rest:g} s")
                await asyncio.sleep(rest)
                if sampling.done():
                    sampling.result()  # raises what ended it
                return run.write(load, finished=True)
            finally:
                sampling.cancel()


@asynccontextmanager
async def _service(folder: Path) -> AsyncIterator[tuple[TargetService, Settings]]:
    """The service on a Kafka of its own, with its catalogue."""
    archive = folder / "archive"
    archive.mkdir()
    async with start_own_kafka(folder) as kafka:
        environment = {**HURRIED, "CHECKOUT_ARCHIVE_FOLDER": str(archive), **_kafka_environment(kafka)}
        async with own_service(folder / "service", CHECKOUT_LOG_LEVEL="INFO", **environment) as service:
            settings = Settings(
                _env_file=None,
                database_url=service.database_url,
                kafka_bootstrap_servers=kafka.bootstrap_servers,
                kafka_delivery="exactly_once" if kafka.transactions else "at_least_once",
            )
            async with open_partner_container(settings) as container:
                await container.catalogue.record(sourced(facts(LINES, 0)))
            yield service, settings


def _kafka_environment(kafka: KafkaServer) -> Mapping[str, str]:
    return {
        "CHECKOUT_KAFKA_BOOTSTRAP_SERVERS": kafka.bootstrap_servers,
        "CHECKOUT_KAFKA_DELIVERY": "exactly_once" if kafka.transactions else "at_least_once",
        "CHECKOUT_KAFKA_REPLICATION_FACTOR": "1",
    }


class _Load:
    """Customers of one partner, an order service, and a catalogue whose prices change."""

    def __init__(self, gateway: SocketGateway, send: Callable[[Message], None]) -> None:
        self.calls = 0
        self._failed = 0
        self._gateway = gateway
        self._send = send
        self._visits = itertools.count(1)

    async def visit(self) -> None:
        """The calls of one customer. Raises UnexpectedAnswer where too many failed."""
        try:
            await self._visit(next(self._visits))
        except UnexpectedAnswer:
            self._failed += 1
            if self._failed > MOST_FAILED:
                raise

    async def _visit(self, number: int) -> None:
        """The order service takes every second basket."""
        answer = await self._gateway.call(PARTNER, "POST", "/partner/checkout/initiate", body=initiate_body(LINES))
        id: str = msgspec.json.decode(answer)["id"]
        order = msgspec.json.decode(await self._gateway.get(PARTNER, id))["order"]
        line = order["orderItems"][-1]["id"]
        for body in (add_body(), change_body(line, 5), add_body()):
            headers = landing_cookie(id), f"Idempotency-Key: {uuid.uuid4()}"
            await self._gateway.call(PARTNER, "PUT", "/partner/checkout/update", *headers, body=body)
        await self._gateway.validate(PARTNER, id)
        self.calls += VISIT_CALLS
        if number % 2:
            value = json.dumps({"basketId": id, "orderId": f"order-{number}"}).encode()
            self._send(Message(ORDERS, id.encode(), value, ()))
        if number % 10 == 0:
            self._send(fact_message(price("nobody-buys-this", sequence=number)))

    async def visit_steadily(self, seconds: float, rate: float) -> None:
        """A visit that takes longer delays none of the others. Raises UnexpectedAnswer."""
        began = monotonic()
        async with asyncio.TaskGroup() as visits:
            for number in itertools.count():
                due = began + number * VISIT_CALLS / rate
                if due > began + seconds:
                    return
                await asyncio.sleep(max(0.0, due - monotonic()))
                visits.create_task(self.visit())


@asynccontextmanager
async def _load(service: TargetService, settings: Settings) -> AsyncIterator[_Load]:
    waiting: list[Message] = []
    producer = await start_producer(settings, "soak", 30)

    async def send() -> None:
        while True:
            await asyncio.sleep(0.2)
            messages, waiting[:] = [*waiting], []
            await send_all(producer, messages)

    def send_soon(message: Message) -> None:
        if sending.done():
            sending.result()  # raises what ended it
        waiting.append(message)

    sending = asyncio.create_task(send())
    try:
        async with SocketGateway(service) as gateway:
            yield _Load(gateway, send_soon)
    finally:
        sending.cancel()
        await close_client(producer)


class _Run:
    """Takes a sample of each process of the service every few seconds, tells of them every minute, and writes them."""

    def __init__(self, minutes: float, tell: Callable[[str], None], folder: Path) -> None:
        self._minutes = minutes
        self._tell = tell
        self._folder = folder
        self._made = now()
        self._commit = commit()
        self._samples: list[MemorySample] = []
        self._phase = "at rest"
        self._entered = self._began = monotonic()

    def enter(self, phase: str, words: str) -> None:
        self._phase, self._entered = phase, monotonic()
        self._tell(f"{phase} {words}")

    async def sample(self, load: _Load) -> None:
        tell_at = monotonic() + TELL_SECONDS
        try:
            while True:
                second = round(monotonic() - self._began, 1)
                held = await asyncio.to_thread(_memory)
                for name, bytes_held in held.items():
                    self._samples.append(MemorySample(second, self._phase, name, round(bytes_held / 1e6, 1)))
                if monotonic() >= tell_at:
                    tell_at += TELL_SECONDS
                    self._tell_of(held, load)
                await asyncio.sleep(EVERY_SECONDS)
        finally:
            if self._phase != "after":
                self._tell(f"what there is by now is in {self.write(load, finished=False)[0]}")

    def write(self, load: _Load, *, finished: bool) -> tuple[Path, SoakResults]:
        seconds = monotonic() - self._entered if self._phase == LOADED else self._minutes * 60
        results = SoakResults(self._made, self._commit, self._minutes, load.calls / seconds, [*self._samples], finished)
        return results.write(self._folder), results

    def _tell_of(self, held: Mapping[str, float], load: _Load) -> None:
        _, results = self.write(load, finished=False)
        ours = ", ".join(
            f"{name} {held[name] / 1e6:.0f} MB" + (f" ({results.growth(name):+.0f} an hour)" * (self._phase == LOADED))
            for name in OUR_PROCESSES
            if name in held
        )
        self._tell(f"{self._phase}, minute {(monotonic() - self._entered) / 60:.0f}: {ours}")


def _memory() -> Mapping[str, float]:
    """Bytes by process; all of PostgreSQL together."""
    found: dict[str, float] = defaultdict(float)
    for process in psutil.Process().children(recursive=True):
        with suppress(psutil.Error):
            memory = process.memory_full_info()
            found[_name(process)] += getattr(memory, "pss", memory.rss)
    return found


def _name(process: psutil.Process) -> str:
    words = process.cmdline()
    if "cli" in words:
        after = words[words.index("cli") + 1 :]
        return " ".join(itertools.takewhile(lambda word: not word.startswith("-"), after))
    name = process.name()
    known = {"postgres": "PostgreSQL", "tansu": "the embedded broker", "java": "Apache Kafka"}
    return next((known[start] for start in known if name.startswith(start)), name)
