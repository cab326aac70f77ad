"""Measures how fast the publisher catches up against Apache Kafka with transactions, and how late events arrive.

python -m benchmarks.publisher_rate                  processor time of an event, and events a second
python -m benchmarks.publisher_rate latency          from a commit to a consumer of committed messages, under load

A basket has nine events of six requests: initiated with three lines, four changes, a validation. Each round publishes
all of them anew, with states and verdicts. Log lines go to stderr: send them away by 2>/dev/null.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import statistics
import sys
import tempfile
import time
import uuid
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from time import process_time

import uvloop

from adapters.container import Container, open_worker_container
from adapters.kafka.clients import consumer
from adapters.kafka.topics import BASKET_EVENTS, ensure_topics
from adapters.logs import configure_logging
from adapters.settings import Settings
from adapters.system import keep_freed_memory, relax_garbage_collection
from benchmarks.append_rate import fresh_database
from benchmarks.processor_clock import postgresql_clock
from cli.work import publisher_of
from domain.basket.request_feed import RequestFeed
from domain.ports.event_store import EventStore
from domain.ports.messaging import Publication
from domain.validation.request_assembler import RequestAssembler
from tests.basket_traffic import BasketTraffic
from tests.builders import add, caller, change, initiate, item, update, validate
from tests.servers.apache_kafka import ApacheKafka
from workers.heartbeat import Heartbeat
from workers.publisher import BATCH_EVENTS

EVENTS_PER_BASKET = 9
CALLERS = 64
LOADED_BASKETS = 200
READY = b"ready\n"
OFFERS = ("o-1", "o-2", "o-3")


class Journeys(BasketTraffic):
    """Baskets that are filled by the real handlers, in the steps of many callers at a time."""

    async def fill(self, count: int) -> None:
        waiting = iter(range(count))

        async def calls() -> None:
            for _ in waiting:
                await self.journey()

        await self.knows_a_catalogue()
        await asyncio.gather(*(calls() for _ in range(CALLERS)))

    async def journey(self) -> None:
        me = caller("acme")
        basket = (await self.handlers.initiate(initiate(*(item(offer, 1) for offer in OFFERS)), me)).basket
        first, second, *_ = basket.items
        await self.handlers.update(update(basket.id, change(first, 2)), me)
        await self.handlers.update(update(basket.id, change(second, 5)), me)
        await self.handlers.update(update(basket.id, change(first, 3)), me)
        await self.handlers.update(update(basket.id, add("o-4")), me)
        await self.handlers.validate(validate(basket.id), me)


@asynccontextmanager
async def fresh_publisher(settings: Settings) -> AsyncIterator[Container]:
    """A publisher that has published nothing yet, and topics without a message."""
    named = settings.model_copy(update={"publisher_id": f"publisher-{uuid.uuid4().hex}"})
    async with open_worker_container(named) as container:
        yield container


async def catch_up(settings: Settings, last: int) -> tuple[float, float]:
    """Processor seconds and seconds from the publisher's readiness until all is published."""
    async with fresh_publisher(settings) as container:
        heartbeat = PublishedMark("publisher", last)
        running = asyncio.create_task(publisher_of(container).run(heartbeat))
        reached = asyncio.create_task(heartbeat.reached.wait())
        await asyncio.wait((running, reached), return_when=asyncio.FIRST_COMPLETED)
        for task in (running, reached):
            task.cancel()
        await asyncio.gather(running, reached, return_exceptions=True)
        return heartbeat.spent, heartbeat.took


class PublishedMark(Heartbeat):
    """Notes when a worker is ready and when it has come to a position."""

    def __init__(self, name: str, last: int) -> None:
        super().__init__(name)
        self.reached = asyncio.Event()
        self.spent = self.took = 0.0
        self._last = last
        self._began = (0.0, 0.0)

    def ready(self, is_ready: bool) -> None:
        super().ready(is_ready)
        self._began = (process_time(), time.monotonic())

    def at(self, position: int) -> None:
        super().at(position)
        if position >= self._last and not self.reached.is_set():
            self.spent, self.took = process_time() - self._began[0], time.monotonic() - self._began[1]
            self.reached.set()


async def by_stages(settings: Settings) -> dict[str, float]:
    """Processor seconds of reading requests, of folding them, and of making and sending messages, one after another."""
    spent = dict.fromkeys(("read", "fold", "send"), 0.0)
    async with fresh_publisher(settings) as container:
        requests = RequestFeed(container.published_event_feed, container.published_event_store)
        assembler = RequestAssembler(container.published_event_store, container.published_erasures)
        async with container.publisher().session() as session:
            while True:
                began = process_time()
                found = await requests.read(session.published.position, BATCH_EVENTS)
                spent["read"] += process_time() - began
                if not found:
                    return spent
                began = process_time()
                publications = []
                for start in range(0, len(found), 60):
                    async for made in assembler.assemble(found[start : start + 60]):
                        publications += [
                            Publication(event, made.request.span, _document(made.verdicts.get(event.version)))
                            for event in made.request.events[:-1]
                        ]
                        last = made.request.last
                        verdict = _document(made.verdicts.get(last.version))
                        publications.append(Publication(last, made.request.span, verdict, _document(made.state)))
                spent["fold"] += process_time() - began
                began = process_time()
                await session.publish(publications)
                spent["send"] += process_time() - began


def _document(made: object) -> bytes | None:
    return made if isinstance(made, bytes) else None


async def measure(settings: Settings, given: argparse.Namespace, last: int) -> dict[str, object]:
    events = given.baskets * EVENTS_PER_BASKET
    assert settings.database_url is not None
    postgresql = await postgresql_clock(settings.database_url.get_secret_value())
    await catch_up(settings, last)  # warms up
    postgresql.lap()
    rounds = [await catch_up(settings, last) for _ in range(given.rounds)]
    of_postgresql = postgresql.lap() / given.rounds
    stages = [await by_stages(settings) for _ in range(given.rounds)]
    return {
        "events": events,
        "us_of_processor_an_event": round(statistics.median(spent for spent, _ in rounds) / events * 1e6, 1),
        "us_of_postgresql_an_event": round(of_postgresql / events * 1e6, 1),
        "least_us": round(min(spent for spent, _ in rounds) / events * 1e6, 1),
        "events_a_second": round(events / min(took for _, took in rounds)),
        **{
            f"{name}_us": round(statistics.median(each[name] for each in stages) / events * 1e6, 1)
            for name in stages[0]
        },
    }


def settings_of(url: str, servers: str) -> Settings:
    return Settings(_env_file=None, database_url=url, kafka_bootstrap_servers=servers, kafka_replication_factor=1)


async def under_load(settings: Settings, store: EventStore, given: argparse.Namespace) -> dict[str, object]:
    """Updates a second by direct commands; the publisher and the consumer have a process of their own each. What is
    stored in the first seconds does not count: a broker that has just started is slow."""
    async with child("publish", settings), child("consume", settings) as consuming:
        journeys, me = Journeys(store), caller("acme")
        handlers = journeys.handlers
        baskets = [(await handlers.initiate(initiate(item("o-1", 1)), me)).basket for _ in range(LOADED_BASKETS)]
        lines = [(basket.id, next(iter(basket.items))) for basket in baskets]
        began, running = time.monotonic(), set[asyncio.Task[object]]()
        counted_from = time.time() + given.warm_up
        for number in range(int(given.rate * (given.warm_up + given.seconds))):
            await asyncio.sleep(max(0.0, began + number / given.rate - time.monotonic()))
            basket_id, line = lines[number % len(lines)]
            changed = update(basket_id, change(line, 2 + number // len(lines) % 2))
            running.add(task := asyncio.create_task(handlers.update(changed, me)))
            task.add_done_callback(running.discard)
        took = time.monotonic() - began
        await asyncio.gather(*running)
        await asyncio.sleep(1)  # for what is on its way
        said, _ = await consuming.communicate(b"stop")
    late = json.loads(said)
    milliseconds = [each for stored, each in late if stored >= counted_from]
    cuts = statistics.quantiles(milliseconds, n=1000)
    return {
        "events": len(milliseconds),
        "updates_a_second": round(given.rate * (given.warm_up + given.seconds) / took),
        **{name: round(cuts[at], 1) for name, at in (("p50_ms", 499), ("p99_ms", 989), ("p999_ms", 998))},
        "longest_of_warm_up_ms": round(max((each for stored, each in late if stored < counted_from), default=0.0), 1),
    }


@asynccontextmanager
async def child(mode: str, settings: Settings) -> AsyncIterator[asyncio.subprocess.Process]:
    """This module in a process of its own. It says that it is ready."""
    assert settings.database_url is not None
    assert settings.kafka_bootstrap_servers is not None
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "benchmarks.publisher_rate", mode),
        *("--database-url", settings.database_url.get_secret_value(), "--kafka", settings.kafka_bootstrap_servers),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    try:
        assert await process.stdout.readline() == READY
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def publish(settings: Settings) -> None:
    async with fresh_publisher(settings) as container:
        relax_garbage_collection()
        keep_freed_memory()
        last = await container.published_event_feed.last_position()
        heartbeat = PublishedMark("publisher", last)
        running = asyncio.create_task(publisher_of(container).run(heartbeat))
        await heartbeat.reached.wait()
        say(READY)
        await running


async def consume(settings: Settings) -> None:
    """Tells when each event was stored, and the milliseconds from then until a consumer of committed messages had it."""
    reader = consumer(settings, BASKET_EVENTS, group=None, auto_offset_reset="latest")
    await reader.start()
    await reader.getmany(timeout_ms=1_000)  # begins at the end
    stopping = asyncio.create_task(asyncio.to_thread(sys.stdin.readline))
    late: list[tuple[float, float]] = []
    say(READY)
    while not stopping.done():
        found = await reader.getmany(timeout_ms=200)
        now = datetime.now(UTC)
        for record in (each for records in found.values() for each in records):
            stored = datetime.fromisoformat(dict(record.headers)["ce_recordedtime"].decode())
            late.append((stored.timestamp(), (now - stored).total_seconds() * 1000))
    await reader.stop()
    say(json.dumps(late).encode())


def say(line: bytes) -> None:
    sys.stdout.buffer.write(line)
    sys.stdout.flush()


async def main(given: argparse.Namespace) -> None:
    if given.mode in CHILDREN:
        await CHILDREN[given.mode](settings_of(given.database_url, given.kafka))
        return
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="publisher-rate-")))
        url = await stack.enter_async_context(fresh_database(given.database_url))
        servers = given.kafka
        if servers is None:
            servers = (await stack.enter_async_context(ApacheKafka(folder / "kafka"))).bootstrap_servers
        settings = settings_of(url, servers)
        await ensure_topics(settings)
        async with open_worker_container(settings) as container:
            if given.mode == "rate":
                await Journeys(container.published_event_store).fill(given.baskets)
            gc.collect()
            relax_garbage_collection()  # as workers do
            keep_freed_memory()
            if given.mode == "latency":
                print(json.dumps(await under_load(settings, container.published_event_store, given)))
            else:
                last = await container.published_event_feed.last_position()
                print(json.dumps(await measure(settings, given, last)))


CHILDREN = {"publish": publish, "consume": consume}

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("mode", nargs="?", choices=("rate", "latency", *CHILDREN), default="rate")
    parser.add_argument("--rate", type=float, default=500.0, help="updates a second, of latency")
    parser.add_argument("--seconds", type=float, default=20.0, help="of load, of latency")
    parser.add_argument("--warm-up", type=float, default=5.0, help="seconds of load before, of latency")
    parser.add_argument("--baskets", type=int, default=1_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--database-url", help="a PostgreSQL server; else an embedded one is started")
    parser.add_argument("--kafka", help="a Kafka cluster for this alone; else Apache Kafka is started")
    configure_logging("WARNING")
    uvloop.run(main(parser.parse_args()))
