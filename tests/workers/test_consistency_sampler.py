"""The consistency sampler beside a publisher and a projector."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import asyncpg
from prometheus_client import REGISTRY

from adapters.container import Container, open_worker_container
from adapters.kafka.topics import BASKET_EVENTS, ensure_topics
from adapters.settings import Settings
from domain.operators.verify.topic_verifier import TopicVerifier
from tests.basket_traffic import BasketTraffic, delivery, event_message, send, streaming_settings
from tests.builders import add, caller, update
from tests.servers.checkout_command import run_with
from tests.servers.kafka import KafkaServer
from tests.servers.waiting import eventually
from tests.workers.worker_processes import projector_worker, publisher_worker, running_worker
from workers.consistency_sampler import ConsistencySampler


def sampled(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, labels) or 0.0


def differences(kind: str) -> float:
    return sampled("checkout_verify_differences_total", kind=kind)


def all_differences() -> float:
    return sum(
        sample.value
        for metric in REGISTRY.collect()
        for sample in metric.samples
        if sample.name == "checkout_verify_differences_total"
    )


def sampler(parts: Container, topics: TopicVerifier | None = None, *, patience: float = 30.0) -> ConsistencySampler:
    return ConsistencySampler(
        parts.view_verifier,
        parts.read_model_audit,
        topics,
        parts.leadership,
        rate=50,
        patience=patience,
        topics_every=0.1,
        topics_wait=1.0,
    )


@asynccontextmanager
async def service(settings: Settings, group: str) -> AsyncIterator[Container]:
    """A running publisher and projector."""
    async with AsyncExitStack() as stack:
        parts = await stack.enter_async_context(open_worker_container(settings))
        publisher = await stack.enter_async_context(publisher_worker(settings))
        projector = await stack.enter_async_context(projector_worker(settings, group))
        await stack.enter_async_context(running_worker(publisher))
        heartbeat = await stack.enter_async_context(running_worker(projector))
        await eventually(lambda: heartbeat.is_ready)
        yield parts


async def test_a_consistent_service_under_load_has_no_inconsistencies(
    module_kafka: KafkaServer, database_url: str, partner: BasketTraffic, group: str
) -> None:
    # On the Kafka that all tests share the projector would make views of others' baskets.
    settings = streaming_settings(module_kafka.bootstrap_servers, database_url, kafka_delivery=delivery(module_kafka))
    await ensure_topics(settings)
    before, looked_at = all_differences(), sampled("checkout_verified_baskets_total")
    messages = sampled("checkout_verified_messages_total", topic=BASKET_EVENTS)
    async with service(settings, group) as parts:
        writing = [asyncio.create_task(partner.keeps_filling()) for _ in range(3)]
        await eventually(lambda: len(partner.basket_ids) > 20)
        worker = sampler(parts, parts.topic_verifier())
        async with running_worker(worker) as heartbeat:
            await eventually(lambda: sampled("checkout_verified_baskets_total") > looked_at + 40)
            await eventually(
                lambda: sampled("checkout_verified_messages_total", topic=BASKET_EVENTS) > messages + 10,
                limit=60,
            )
            assert heartbeat.is_ready
            # Neither does who looks at everything while others write.
            everything = ("verify", "--all", "--processes", 1, "--no-kafka", "--patience", 60)
            ended, some = await asyncio.gather(
                run_with(settings, *everything),
                run_with(settings, "verify", "--sample", 20, "--patience", 60),
            )
            assert (ended.code, some.code) == (0, 0), ended.out + some.out + some.err
        for task in writing:
            task.cancel()
        await asyncio.gather(*writing, return_exceptions=True)
    assert all_differences() == before


async def test_a_wrong_view_is_found_in_time_and_counted_by_kind(
    settings: Settings, partner: BasketTraffic, administrator_url: str
) -> None:
    async with open_worker_container(settings) as parts:
        basket = await partner.fills_a_basket()
        await parts.projection.refold(basket.id)
        connection = await asyncpg.connect(administrator_url)
        await connection.execute("UPDATE basket_views SET status = 'completed'")
        await connection.close()
        before = differences("view_differs")
        async with running_worker(sampler(parts)):
            await eventually(lambda: differences("view_differs") > before)
    assert sampled("checkout_verify_last_difference_timestamp_seconds") > 0


async def test_a_view_that_stays_behind_is_reported_after_the_patience(
    settings: Settings, partner: BasketTraffic
) -> None:
    async with open_worker_container(settings) as parts:
        basket = await partner.fills_a_basket()
        await parts.projection.refold(basket.id)
        await partner.handlers.update(update(basket.id, add("o-9")), caller())
        before = differences("view_behind")
        async with running_worker(sampler(parts, patience=1.5)):
            await eventually(lambda: differences("view_behind") > before)


async def test_a_repeated_message_is_found_when_it_is_published(
    transactional_kafka: KafkaServer, settings: Settings, partner: BasketTraffic
) -> None:
    before = differences("message_repeated")

    async def again_and_again() -> None:
        while True:
            basket = await partner.fills_a_basket()
            events = await partner.store.read_events(basket.id)
            await send(settings, [event_message(event) for event in events])

    async with (
        open_worker_container(settings) as parts,
        publisher_worker(settings) as publisher,
        running_worker(publisher),
        running_worker(sampler(parts, parts.topic_verifier())),
    ):
        writing = asyncio.create_task(again_and_again())
        await eventually(lambda: differences("message_repeated") > before)
        writing.cancel()
        await asyncio.gather(writing, return_exceptions=True)


async def test_baskets_are_verified_while_kafka_is_away(settings: Settings, partner: BasketTraffic) -> None:
    async with open_worker_container(settings) as parts:
        basket = await partner.fills_a_basket()
        await parts.projection.refold(basket.id)
    away = settings.model_copy(update={"kafka_bootstrap_servers": "127.0.0.1:1"})
    looked_at = sampled("checkout_verified_baskets_total")
    async with (
        open_worker_container(away) as parts,
        running_worker(sampler(parts, parts.topic_verifier())) as heartbeat,
    ):
        await eventually(lambda: sampled("checkout_verified_baskets_total") > looked_at + 5)
        assert heartbeat.is_ready
