"""Measures how fast the command worker executes commands that gateways sent to Kafka.

python -m benchmarks.command_rate [--baskets 1000] [--updates 8]

The topic holds all commands before the worker starts. Kafka is Apache Kafka on this machine's Java, with transactions.
The last line is one JSON object; log lines go to stderr.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import tempfile
import time
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path
from time import process_time
from typing import Any

import uvloop

from adapters.container import open_worker_container
from adapters.kafka.command_executor import UPDATE
from adapters.kafka.messages import Message
from adapters.kafka.producer import send_standalone
from adapters.kafka.topics import COMMANDS, ensure_topics
from adapters.logs import configure_logging
from adapters.settings import Settings
from adapters.system import keep_freed_memory, relax_garbage_collection
from benchmarks.append_rate import fresh_database
from benchmarks.performance.operations import change_body
from benchmarks.processor_clock import ProcessorClock, postgresql_clock
from benchmarks.publisher_rate import OFFERS, Journeys, settings_of
from domain.basket.basket import Basket
from tests.builders import caller, initiate, item
from tests.servers.apache_kafka import ApacheKafka
from workers.commands import CommandWorker
from workers.heartbeat import Heartbeat

PARTNER = "acme"


class CommandTimes(Heartbeat):
    """Notes what a worker had handled, and when: by wall clock, and processor time of this process and PostgreSQL."""

    def __init__(self, expected: int, postgresql: ProcessorClock) -> None:
        super().__init__("commands")
        self.done = asyncio.Event()
        self.marks: list[tuple[int, float, float, float]] = []
        self._expected = expected
        self._postgresql = postgresql

    def handled(self, count: int) -> None:
        super().handled(count)
        if count:
            handled, *_, database = self.marks[-1] if self.marks else (0, 0.0, 0.0, 0.0)
            mark = handled + count, time.monotonic(), process_time(), database + self._postgresql.lap()
            self.marks.append(mark)
            if mark[0] >= self._expected:
                self.done.set()


def commands(baskets: Sequence[Basket], quantity: int) -> Iterator[Message]:
    """One update for each basket."""
    for basket in baskets:
        line = next(iter(basket.items))
        headers = {"ce_id": str(uuid.uuid4()), "ce_type": UPDATE, "ce_partnerorg": PARTNER, "ce_subject": basket.id}
        value = json.dumps(change_body(line, quantity)).encode()
        encoded = tuple((name, content.encode()) for name, content in headers.items())
        yield Message(COMMANDS, basket.id.encode(), value, encoded)


async def measure(settings: Settings, baskets: int, updates: int, postgresql: ProcessorClock) -> dict[str, Any]:
    """The first batch, which warms up, does not count."""
    async with open_worker_container(settings) as container:
        handlers, me = Journeys(container.event_store).handlers, caller(PARTNER)
        items = [item(offer, 1) for offer in OFFERS]
        made = [(await handlers.initiate(initiate(*items), me)).basket for _ in range(baskets)]
        for number in range(updates):
            await send_standalone(settings, "benchmark", commands(made, 2 + number))
        worker = CommandWorker(
            container.command_stream(),
            container.command_executor,
            container.order_handler,
            container.leadership,
            container.dead_letter_sinks,
        )
        relax_garbage_collection()  # as workers do
        keep_freed_memory()
        times = CommandTimes(baskets * updates, postgresql)
        running, done = asyncio.create_task(worker.run(times)), asyncio.create_task(times.done.wait())
        await asyncio.wait((running, done), return_when=asyncio.FIRST_COMPLETED)
        if running.done():
            running.result()  # raises what ended it
        for task in (running, done):
            task.cancel()
        await asyncio.gather(running, done, return_exceptions=True)
    first, last = times.marks[0], times.marks[-1]
    count, wall, processor, database = (after - before for before, after in zip(first, last, strict=True))
    return {
        "commands": int(count),
        "commands_a_second": round(count / wall),
        "us_of_processor_a_command": round(processor / count * 1e6, 1),
        "us_of_postgresql_a_command": round(database / count * 1e6, 1),
    }


async def run(given: argparse.Namespace) -> None:
    with tempfile.TemporaryDirectory(prefix="command-rate-") as name:
        async with fresh_database(None) as url, ApacheKafka(Path(name) / "kafka") as kafka:
            settings = settings_of(url, kafka.bootstrap_servers)
            await ensure_topics(settings)
            print(json.dumps(await measure(settings, given.baskets, given.updates, await postgresql_clock(url))))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--baskets", type=int, default=1_000)
    parser.add_argument("--updates", type=int, default=8, help="of each basket")
    configure_logging("WARNING")
    uvloop.run(run(parser.parse_args()))


if __name__ == "__main__":
    main()
