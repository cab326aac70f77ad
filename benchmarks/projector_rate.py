"""Measures how fast projectors catch up: `python -m benchmarks.projector_rate [--baskets 3000] [--rounds 5]`.

It publishes the events of real baskets to Kafka (an initiate, its lines, changes, a verdict; every other basket is
completed), those of 200 baskets at a time in turns, as traffic is. Then one projector process fills empty views, and two
of them do, in turns. Kafka and PostgreSQL are those of the tests. Needs the extra `benchmark`.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
import time
import uuid
from asyncio.subprocess import PIPE
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import zip_longest
from pathlib import Path
from statistics import median
from time import process_time
from typing import Any

import asyncpg
import uvloop

from adapters.kafka.consumer_group import ConsumerGroup
from adapters.kafka.messages import Message, basket_event_message
from adapters.kafka.producer import send_standalone
from adapters.kafka.topics import BASKET_EVENTS, ensure_topics
from adapters.logs import configure_logging
from adapters.postgres.dead_letters import PostgresDeadLetters
from adapters.postgres.event_store.store import PostgresEventStore
from adapters.postgres.pool import DatabasePool
from adapters.postgres.read_models.basket_views import PostgresBasketViews
from adapters.system import keep_freed_memory, relax_garbage_collection
from benchmarks.append_rate import fresh_database
from benchmarks.journey.dataset import baskets as real_baskets
from benchmarks.processor_clock import ProcessorClock, postgresql_clock
from benchmarks.rebuild.store_filler import METADATA, made_basket
from domain.basket.codec import encode
from domain.basket.projection import BasketProjection
from domain.ports.event_store import StoredEvent
from domain.ports.messaging import Publication
from domain.shared.request_span import RequestSpan
from tests.basket_traffic import streaming_settings
from tests.servers.kafka import running_kafka
from workers.heartbeat import Heartbeat
from workers.projector import ProjectorWorker

QUIET_SECONDS = 5.0
"""Once nothing came for so long, a member is done."""
AT_A_TIME = 200


@dataclass(frozen=True, slots=True)
class ProjectorRound:
    """What some projectors took for all events. Rates are by wall clock. Processor times are of an event: of the
    projectors, of PostgreSQL and of Kafka (0 where it is not on this machine)."""

    projectors: int
    events_per_second: float
    processor_us_per_event: float
    postgresql_us_per_event: float
    kafka_us_per_event: float


def messages_of(baskets: int) -> Iterator[Message]:
    """The events of real baskets, as the publisher sends them."""
    real = real_baskets(20, baskets)
    position = 0
    for start in range(0, baskets, AT_A_TIME):
        made = [made_basket(number, real[number % len(real)]) for number in range(start, start + AT_A_TIME)]
        for events in zip_longest(*(basket.collect() for basket in made)):
            for event in filter(None, events):
                position += 1
                version = event.originator_version
                stored = StoredEvent(
                    position, event.originator_id, version, event.TOPIC, encode(event), METADATA, datetime.now(UTC)
                )
                yield basket_event_message(Publication(stored, RequestSpan(version, version)))


class _BatchTimes(Heartbeat):
    """Notes when each batch was done: events so far, wall clock and processor time."""

    def __init__(self) -> None:
        super().__init__("projector")
        self.batches: list[tuple[int, float, float]] = []

    def handled(self, count: int) -> None:
        if count:
            events = self.batches[-1][0] if self.batches else 0
            self.batches.append((events + count, time.time(), process_time()))


class ServerClocks:
    """The processor time of PostgreSQL and of Kafka."""

    def __init__(self, postgresql: ProcessorClock, kafka: ProcessorClock | None) -> None:
        self._postgresql = postgresql
        self._kafka = kafka

    def lap(self) -> tuple[float, float]:
        """Seconds since the last lap."""
        return self._postgresql.lap(), self._kafka.lap() if self._kafka else 0.0


async def run_member(servers: str, database_url: str, group: str) -> None:
    """Projects as a member of the group until nothing came for a while, and prints its batches."""
    settings = streaming_settings(servers, database_url)
    database = DatabasePool(database_url)
    times = _BatchTimes()
    async with PostgresEventStore(database, timeout=30, answers_kept=timedelta(days=1)) as store:
        letters = PostgresDeadLetters(database)
        consumers = ConsumerGroup(settings, group, BASKET_EVENTS)
        worker = ProjectorWorker(consumers, BasketProjection(store, PostgresBasketViews(database)), letters, [letters])
        relax_garbage_collection()  # as `checkout work` does
        keep_freed_memory()
        task = asyncio.create_task(worker.run(times))
        seen = -1
        while len(times.batches) != seen or not times.is_ready:
            seen = len(times.batches)
            await asyncio.wait([task], timeout=QUIET_SECONDS)
            if task.done():
                await task
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    await database.close()
    print(json.dumps(times.batches))


async def run_round(servers: str, url: str, projectors: int, clocks: ServerClocks) -> ProjectorRound:
    """Empties the views, and lets so many processes fill them."""
    connection = await asyncpg.connect(url)
    await connection.execute("TRUNCATE basket_views, open_basket_uses")
    await connection.close()
    group = f"views-{uuid.uuid4().hex}"
    command = [sys.executable, "-m", "benchmarks.projector_rate", "--member", servers, url, group]
    clocks.lap()
    members = [await asyncio.create_subprocess_exec(*command, stdout=PIPE) for _ in range(projectors)]
    outputs = await asyncio.gather(*(member.communicate() for member in members))
    postgresql, kafka = clocks.lap()
    batches = [each for output, _ in outputs if (each := json.loads(output))]
    # A member's first batch holds its warming up.
    events = sum(of_member[-1][0] - of_member[0][0] for of_member in batches)
    all_events = sum(of_member[-1][0] for of_member in batches)
    processor = sum(of_member[-1][2] - of_member[0][2] for of_member in batches)
    wall = max(of_member[-1][1] for of_member in batches) - min(of_member[0][1] for of_member in batches)
    return ProjectorRound(
        projectors,
        events / wall,
        processor / events * 1e6,
        postgresql / all_events * 1e6,
        kafka / all_events * 1e6,
    )


async def measure(baskets: int, rounds: int) -> dict[str, Any]:
    """The medians of one and of two projectors."""
    with tempfile.TemporaryDirectory(prefix="projector-rate-") as folder:
        async with running_kafka(Path(folder)) as kafka, fresh_database(None) as url:
            settings = streaming_settings(kafka.bootstrap_servers, url)
            await ensure_topics(settings)
            messages = [*messages_of(baskets)]
            for start in range(0, len(messages), 5_000):
                await send_standalone(settings, "benchmark", messages[start : start + 5_000])
            clocks = ServerClocks(await postgresql_clock(url), None if kafka.pid is None else ProcessorClock(kafka.pid))
            made = [
                await run_round(kafka.bootstrap_servers, url, count, clocks) for _ in range(rounds) for count in (1, 2)
            ]
            return {"kafka": kafka.description, "events": len(messages), **_summary(made)}


def _summary(rounds: Sequence[ProjectorRound]) -> dict[str, Any]:
    return {
        f"projectors_{count}": {
            "events_per_second": round(median(each.events_per_second for each in rounds if each.projectors == count)),
            **{
                name: round(median(getattr(each, name) for each in rounds if each.projectors == count), 1)
                for name in ("processor_us_per_event", "postgresql_us_per_event", "kafka_us_per_event")
            },
        }
        for count in (1, 2)
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--baskets", type=int, default=3_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--member", nargs=3, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.member:
        configure_logging("WARNING")
        uvloop.run(run_member(*given.member))
    else:
        print(json.dumps(uvloop.run(measure(given.baskets, given.rounds))))


if __name__ == "__main__":
    main()
