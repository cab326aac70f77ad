"""Partitions are added while the service publishes, projects and executes commands. No worker is restarted."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack

import pytest
from aiokafka.admin import NewPartitions
from msgspec.structs import replace

from adapters.container import open_worker_container
from adapters.kafka.clients import METADATA_MAX_AGE_MS
from adapters.kafka.topics import BASKET_EVENTS, COMMANDS, VALIDATION_RESULTS, admin_client, ensure_topics
from adapters.postgres.pool import DatabasePool
from adapters.postgres.read_models.basket_views import PostgresBasketViews
from adapters.settings import Settings
from tests.basket_traffic import BasketTraffic, streaming_settings, topic_content
from tests.servers.kafka import KafkaServer
from tests.servers.waiting import WAIT_LIMIT_SECONDS, eventually
from tests.workers.command_gateway import CommandGateway, add, command_worker, initiate
from tests.workers.running_worker import ready_worker
from tests.workers.worker_processes import projector_worker, publisher_worker

BEFORE, AFTER = 2, 5
LEARNED_WITHIN = METADATA_MAX_AGE_MS / 1000 + WAIT_LIMIT_SECONDS
GROWING = (BASKET_EVENTS, VALIDATION_RESULTS, COMMANDS)


async def add_partitions(settings: Settings) -> None:
    async with admin_client(settings) as client:
        await client.create_partitions({topic: NewPartitions(AFTER) for topic in GROWING})


async def partitions_of(settings: Settings, traffic: BasketTraffic) -> dict[str, set[int]]:
    """The partitions that hold each basket's events."""
    found: dict[str, set[int]] = {}
    for each in await topic_content(settings, BASKET_EVENTS, traffic.basket_ids):
        found.setdefault((each.message.key or b"").decode(), set()).add(each.source.partition)
    return found


async def test_partitions_are_added_while_the_service_works(
    module_kafka: KafkaServer, database_url: str, partner: BasketTraffic, group: str
) -> None:
    if not module_kafka.transactions:
        pytest.skip("the embedded broker cannot add partitions")
    settings = streaming_settings(module_kafka.bootstrap_servers, database_url, kafka_partitions=BEFORE)
    await ensure_topics(settings)
    gateway = CommandGateway(settings)
    async with AsyncExitStack() as stack:
        for making in (
            publisher_worker(settings),
            projector_worker(settings, group),
            command_worker(settings, f"commands-{group}"),
        ):
            await stack.enter_async_context(ready_worker(await stack.enter_async_context(making)))
        await partner.fills_baskets(20)
        (begun,) = await gateway.asks(initiate("EXT-1"))
        earlier = [*partner.basket_ids]

        await add_partitions(settings)
        # Its sender knows them at once; the worker learns of them later, and reads them from their beginning.
        sent = [replace(add(begun.basket), key=b"%d" % number) for number in range(10)]
        await gateway.sends(*sent)
        shopping = asyncio.create_task(partner.keeps_filling())

        async def keys_moved() -> bool:
            for basket_id in earlier[:5]:
                await partner.changes(basket_id)
            return any(len(places) > 1 for places in (await partitions_of(settings, partner)).values())

        await eventually(keys_moved, limit=LEARNED_WITHIN, every=1)
        shopping.cancel()
        await asyncio.gather(shopping, return_exceptions=True)

        async def all_answered() -> bool:
            return len(await gateway.results()) == len(gateway.sent)

        await eventually(all_answered, limit=LEARNED_WITHIN, every=1)
        assert all(len(results) == 1 for results in (await gateway.results()).values())
        await every_event_came_once_and_its_sequence_orders_it(settings, partner)
        await every_view_is_complete(database_url, partner)
        await verify_finds_nothing(settings, partner)


async def every_event_came_once_and_its_sequence_orders_it(settings: Settings, traffic: BasketTraffic) -> None:
    stored = await traffic.stored()

    async def published() -> dict[str, list[bytes]] | None:
        found: dict[str, list[tuple[str, bytes]]] = {}
        for each in await topic_content(settings, BASKET_EVENTS, traffic.basket_ids):
            message = each.message
            found.setdefault((message.key or b"").decode(), []).append(
                (message.header("ce_sequence") or "", message.value or b"")
            )
        by_sequence = {basket: [value for _, value in sorted(events)] for basket, events in found.items()}
        return by_sequence if sum(map(len, found.values())) >= sum(map(len, stored.values())) else None

    assert await eventually(published) == stored


async def every_view_is_complete(database_url: str, traffic: BasketTraffic) -> None:
    database = DatabasePool(database_url)
    wanted = {basket_id: len(events) for basket_id, events in (await traffic.stored()).items()}

    async def complete() -> bool:
        views = await PostgresBasketViews(database).versions(wanted)
        return views == wanted

    await eventually(complete)
    await database.close()


async def verify_finds_nothing(settings: Settings, traffic: BasketTraffic) -> None:
    async with open_worker_container(settings) as parts:
        whole = await parts.topic_verifier().verify_all()
        assert [each.inconsistencies for each in whole.topics] == [[], [], []]
        assert [each.comparable_from for each in whole.topics] == [0, 0, 0]
        some = await parts.topic_verifier().verify_some(traffic.basket_ids)
        assert [each.inconsistencies for each in some.topics] == [[], [], []]
        # Of a basket whose key moved, every message is found.
        events = sum(map(len, (await traffic.stored()).values()))
        assert some.topics[0].messages == events
