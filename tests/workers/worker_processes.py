"""Workers as the tests run them: in this process, and as processes of their own that tests may kill."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta

from adapters.kafka.consumer_group import ConsumerGroup
from adapters.kafka.dead_letters import KafkaDeadLetters
from adapters.kafka.idle_poll import Wakeup
from adapters.kafka.publisher import AtLeastOncePublisher, TransactionalPublisher
from adapters.kafka.topics import BASKET_EVENTS
from adapters.logs import configure_logging
from adapters.postgres.checkpoints import PostgresPublisherCheckpoints
from adapters.postgres.dead_letters import PostgresDeadLetters
from adapters.postgres.event_store.feed import PostgresEventFeed
from adapters.postgres.event_store.store import PostgresEventStore
from adapters.postgres.leadership import PostgresLeadership
from adapters.postgres.pool import DatabasePool
from adapters.postgres.read_models.basket_views import PostgresBasketViews
from adapters.settings import Settings
from adapters.system import utc_now
from domain.basket.projection import BasketProjection
from tests.servers.processes import Program
from tests.servers.waiting import eventually
from workers.heartbeat import Heartbeat
from workers.projector import ProjectorWorker
from workers.publisher import PublisherWorker
from workers.runner import Worker, keep_running


@asynccontextmanager
async def event_store(database_url: str) -> AsyncIterator[PostgresEventStore]:
    database = DatabasePool(database_url, timeout=2.0)
    async with PostgresEventStore(database, timeout=2.0, answers_kept=timedelta(hours=1)) as store:
        yield store
    await database.close()


@asynccontextmanager
async def publisher_worker(settings: Settings) -> AsyncIterator[PublisherWorker]:
    assert settings.database_url is not None
    database = DatabasePool(settings.database_url.get_secret_value(), timeout=2.0)
    async with AsyncExitStack() as stack:
        stack.push_async_callback(database.close)
        store = await stack.enter_async_context(event_store(settings.database_url.get_secret_value()))
        feed = PostgresEventFeed(database)
        stack.push_async_callback(feed.close)
        yield PublisherWorker(
            feed,
            feed,
            store,
            TransactionalPublisher(settings)
            if settings.kafka_delivery == "exactly_once"
            else AtLeastOncePublisher(settings, PostgresPublisherCheckpoints(database), Wakeup()),
            PostgresLeadership(database, retry_every=0.1),
            PostgresDeadLetters(database),
            utc_now,
            retention=timedelta(seconds=settings.state_retention),
            role=settings.publisher_id,
            # Small, so that there are many transactions to be killed in.
            batch_events=100,
        )


@asynccontextmanager
async def projector_worker(settings: Settings, group: str) -> AsyncIterator[ProjectorWorker]:
    assert settings.database_url is not None
    database = DatabasePool(settings.database_url.get_secret_value(), timeout=2.0)
    async with AsyncExitStack() as stack:
        stack.push_async_callback(database.close)
        store = await stack.enter_async_context(event_store(settings.database_url.get_secret_value()))
        letters = PostgresDeadLetters(database)
        yield ProjectorWorker(
            # The shortest session that Kafka allows by default: a killed member is missed sooner.
            ConsumerGroup(settings, group, BASKET_EVENTS, session_timeout_ms=6_000, heartbeat_interval_ms=500),
            BasketProjection(store, PostgresBasketViews(database)),
            letters,
            [letters, KafkaDeadLetters(settings, utc_now)],
            batch_messages=100,
        )


@asynccontextmanager
async def running_worker(worker: Worker) -> AsyncIterator[Heartbeat]:
    """Keeps the worker running for the block."""
    heartbeat = Heartbeat(worker.name)
    task = asyncio.create_task(keep_running(worker, heartbeat))
    try:
        yield heartbeat
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def publisher_process(settings: Settings) -> Program:
    return _process(settings, "publisher")


def projector_process(settings: Settings, group: str) -> Program:
    return _process(settings, "projector", group)


def _process(settings: Settings, *arguments: str) -> Program:
    assert settings.database_url is not None
    environment = {
        f"CHECKOUT_{name.upper()}": str(value)
        for name, value in settings.model_dump(
            include={
                "kafka_bootstrap_servers",
                "kafka_delivery",
                "kafka_fetch_max_wait_ms",
                "publisher_id",
                "state_retention",
            }
        ).items()
    }
    environment["CHECKOUT_DATABASE_URL"] = settings.database_url.get_secret_value()
    return Program("-m", "tests.workers.worker_processes", *arguments, environment=environment)


def main() -> None:
    """The process: runs the worker that its arguments name until it is killed, saying `ready` once it is."""
    # Nobody reads what it says while it runs, and a full pipe would stop it.
    configure_logging("ERROR")
    asyncio.run(_run(*sys.argv[1:]))


async def _run(kind: str, *arguments: str) -> None:
    settings = Settings(_env_file=None)
    making = publisher_worker(settings) if kind == "publisher" else projector_worker(settings, *arguments)
    async with making as worker, running_worker(worker) as heartbeat:
        await eventually(lambda: heartbeat.is_ready)
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        await asyncio.Event().wait()


if __name__ == "__main__":
    main()
