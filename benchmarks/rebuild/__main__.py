"""Measures how fast basket views are rebuilt, and what callers notice of it.

    python -m benchmarks.rebuild                     a million events of 100,000 real baskets
    python -m benchmarks.rebuild --baskets 10000     fewer of them

Fills a PostgreSQL of its own, which it keeps in `--folder` for the next run. Rebuilds the views while nothing else
runs, then while the API, all workers and callers run, and compares at the end. Needs the extras `benchmark` and
`embedded`.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
import time
from collections.abc import Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import psutil

from adapters.embedded.broker import EmbeddedBroker
from adapters.embedded.postgres import EmbeddedPostgres
from adapters.postgres.checkpoints import PostgresPublisherCheckpoints
from adapters.postgres.migrator import migrate
from adapters.postgres.pool import DatabasePool
from benchmarks.gateway import SocketGateway
from benchmarks.journey.target import own_service
from benchmarks.rebuild.callers import Callers
from benchmarks.rebuild.store_filler import fill
from domain.ports.messaging import PublisherCheckpoint

PUBLISHER = "benchmark"
SETTLE_SECONDS = 5.0


class ProcessorTime:
    """Processor time of PostgreSQL, of this program's children, and of others, from its creation on."""

    def __init__(self, server: psutil.Process) -> None:
        self._server = server
        self._began = self._now()

    def _now(self) -> tuple[float, float, float, float]:
        times = os.times()
        busy = psutil.cpu_times()
        return (
            _with_children(self._server),
            times.children_user + times.children_system,
            sum(busy) - busy.idle - busy.iowait,
            time.monotonic(),
        )

    def per_event(self, events: int) -> dict[str, Any]:
        """Microseconds an event, and the share of the processors that others took."""
        server, python, all, seconds = (after - before for after, before in zip(self._now(), self._began, strict=True))
        others = max(0.0, all - server - python) / (seconds * (psutil.cpu_count() or 1))
        return {
            "python_us_an_event": round(python / events * 1e6, 2),
            "postgres_us_an_event": round(server / events * 1e6, 2),
            "others_took": f"{others:.0%}",
        }


def _with_children(process: psutil.Process) -> float:
    times = process.cpu_times()
    seconds: float = times.user + times.system + times.children_user + times.children_system
    for child in process.children():
        try:
            child_times = child.cpu_times()
        except psutil.NoSuchProcess:
            continue
        seconds += child_times.user + child_times.system
    return seconds


async def rebuild(environment: Mapping[str, str], *arguments: str) -> dict[str, Any]:
    """The output of `checkout rebuild basket-views`, with the time of the whole command in seconds."""
    began = time.monotonic()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "cli", "rebuild", "basket-views", "--json", *arguments),
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, **environment},
    )
    out, _ = await process.communicate()
    result: dict[str, Any] = json.loads(out)
    return {**result, "began": began, "seconds": time.monotonic() - began}


def report(**figures: object) -> None:
    print(json.dumps(figures), flush=True)


async def measure_alone(url: str, server: psutil.Process, rounds: int) -> None:
    for _ in range(rounds):
        processors = ProcessorTime(server)
        result = await rebuild({"CHECKOUT_DATABASE_URL": url}, "--reason", "benchmark")
        report(
            what="alone",
            state=result["state"],
            events=result["done"],
            seconds=round(result["seconds"], 2),
            events_a_second=round(result["done"] / result["seconds"]),
            differs=result["comparison"]["differs"],
            same=result["comparison"]["same"],
            **processors.per_event(result["done"]),
        )


async def measure_serving(url: str, folder: Path, given: argparse.Namespace) -> None:
    async with AsyncExitStack() as stack:
        broker = await stack.enter_async_context(EmbeddedBroker(folder / "broker.log"))
        database = DatabasePool(url)
        stack.push_async_callback(database.close)
        async with database.connection() as connection:
            last: int = await connection.fetchval("SELECT max(position) FROM events")
        # All these events count as published.
        await PostgresPublisherCheckpoints(database).write(PUBLISHER, PublisherCheckpoint(last))
        environment = {
            "CHECKOUT_DATABASE_URL": url,
            "CHECKOUT_KAFKA_BOOTSTRAP_SERVERS": broker.bootstrap_servers,
            "CHECKOUT_KAFKA_DELIVERY": "at_least_once",
            "CHECKOUT_KAFKA_REPLICATION_FACTOR": "1",
            "CHECKOUT_KAFKA_FETCH_MAX_WAIT_MS": "10",
            "CHECKOUT_KAFKA_SESSION_TIMEOUT_MS": "3000",
            "CHECKOUT_PUBLISHER_ID": PUBLISHER,
        }
        service = await stack.enter_async_context(own_service(folder / "service", **environment))
        gateway = await stack.enter_async_context(SocketGateway(service))
        callers = Callers(gateway, given.calls)
        await callers.begin()
        stop = asyncio.Event()
        calling = asyncio.create_task(callers.keep_calling(stop))
        await asyncio.sleep(SETTLE_SECONDS)
        for _ in range(given.rounds):
            since = time.monotonic()
            await asyncio.sleep(given.seconds)
            report(what="before", **callers.summary(since, time.monotonic()))
            limit = () if given.rate is None else ("--rate", str(given.rate))
            result = await rebuild(environment, "--reason", "benchmark", *limit)
            report(
                what="during",
                state=result["state"],
                seconds=round(result["seconds"], 2),
                events_a_second=round(result["done"] / result["seconds"]),
                **callers.summary(result["began"], time.monotonic()),
            )
        stop.set()
        await calling
        await asyncio.sleep(SETTLE_SECONDS)
        compared = (await rebuild(environment, "--dry-run"))["comparison"]
        report(what="compared", **{name: count for name, count in compared.items() if name != "samples"})


async def main(given: argparse.Namespace) -> None:
    given.folder.mkdir(parents=True, exist_ok=True)
    async with EmbeddedPostgres(given.folder / "postgres") as postgres:
        await migrate(postgres.url)
        database = DatabasePool(postgres.url, timeout=120)
        await fill(database, given.baskets)
        await database.close()
        server = psutil.Process(postgres.pid)
        if not given.only_serving:
            await measure_alone(postgres.url, server, given.rounds)
        await measure_serving(postgres.url, given.folder, given)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Measures rebuilds.")
    parser.add_argument("--baskets", type=int, default=100_000)
    parser.add_argument("--folder", type=Path, default=Path(".cache/rebuild-benchmark"))
    parser.add_argument("--calls", type=float, default=200.0, help="a second")
    parser.add_argument("--rate", type=float, help="of the rebuild while calls are served, events a second")
    parser.add_argument("--seconds", type=float, default=20.0, help="of serving before each rebuild")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only-serving", action="store_true")
    asyncio.run(main(parser.parse_args()))
