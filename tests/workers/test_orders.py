"""Orders of order services, and their results on Kafka."""

from __future__ import annotations

import asyncio
import json
import random
from pathlib import Path
from typing import Any

import pytest

from adapters.embedded.broker import EmbeddedBroker
from adapters.kafka import topics
from adapters.kafka.clients import consumer
from adapters.kafka.messages import to_received
from adapters.kafka.topics import ensure_topics
from adapters.postgres.event_store.store import PostgresEventStore
from adapters.settings import Settings
from adapters.system import new_id
from tests.basket_traffic import streaming_settings
from tests.contracts.catalogue import unique
from tests.servers.kafka import KafkaServer
from tests.servers.waiting import WAIT_LIMIT_SECONDS, eventually
from tests.workers.command_gateway import (
    CommandGateway,
    add,
    cancel,
    command_process,
    command_worker,
    initiate,
    order,
    order_results,
    rejection,
)
from tests.workers.running_worker import RecordedDeadLetters, ready_worker, send_messages

Told = list[tuple[str, str | None]]


async def outcomes(settings: Settings, basket: str, count: int) -> Told:
    async def told() -> Told | None:
        results = (await order_results(settings, basket))[basket]
        return [(each["outcome"], each["code"]) for each in results] if len(results) >= count else None

    found = await eventually(told, every=0.1)
    assert found is not None
    return found


async def types_of(store: PostgresEventStore, basket: str) -> list[str]:
    return [event.type.removeprefix("checkout.").removesuffix(".v1") for event in await store.read_events(basket)]


@pytest.mark.usefixtures("working")
async def test_each_order_gets_one_result(
    gateway: CommandGateway, store: PostgresEventStore, letters: RecordedDeadLetters
) -> None:
    [begun] = await gateway.asks(initiate())
    [_] = await gateway.asks(add(begun.basket))
    unknown = f"basket-{new_id()}"
    await send_messages(
        gateway.settings,
        [
            order(begun.basket, basketVersion=2),
            order(begun.basket, basketVersion=3),
            order(begun.basket, "order-2", basketVersion=3),
            rejection(begun.basket),
            order(begun.basket, "order-2", basketVersion=3),
            order(unknown),
            order(begun.basket, basketId=unknown),
        ],
    )
    assert await outcomes(gateway.settings, begun.basket, 5) == [
        ("refused", "basket_changed"),
        ("completed", None),
        ("refused", "already_completed"),
        ("reopened", None),
        ("completed", None),
    ]
    assert await outcomes(gateway.settings, unknown, 1) == [("refused", "basket_not_found")]
    assert (await types_of(store, begun.basket))[3:] == ["basket-completed", "basket-reopened", "basket-completed"]
    await eventually(lambda: letters.about(begun.basket) == ["not_an_order"])
    assert letters.about(unknown) == ["basket_not_found"]


@pytest.mark.usefixtures("working")
async def test_a_basket_is_cancelled_over_kafka_and_takes_no_order(gateway: CommandGateway) -> None:
    [begun] = await gateway.asks(initiate())
    [cancelled] = await gateway.asks(cancel(begun.basket, {"code": "left", "text": "no more", "by": "clerk"}))
    [wrong] = await gateway.asks(cancel(begun.basket, {}))
    await send_messages(gateway.settings, [order(begun.basket, basketVersion=2)])

    assert (cancelled.status, cancelled.headers["etag"]) == (200, '"3"')
    assert (cancelled.body["order"]["status"], cancelled.body["ignored"]) == ("cancelled", ["/reason/by"])
    assert (wrong.status, wrong.body["errors"][0]["pointer"]) == (422, "/reason/code")
    assert await outcomes(gateway.settings, begun.basket, 1) == [("refused", "basket_cancelled")]


async def test_a_worker_killed_again_and_again_settles_each_order_once_with_one_result(
    transactional_kafka: KafkaServer, settings: Settings, gateway: CommandGateway, store: PostgresEventStore
) -> None:
    group = unique("commands")
    random.seed(46)
    sent: dict[str, int] = {}
    async with command_process(settings, group) as worker:
        assert await worker.line() == "ready"
        sent |= {begun.basket: 0 for begun in await gateway.asks(*(initiate() for _ in range(8)))}
        await worker.kill()
    enough = asyncio.Event()
    sending = asyncio.create_task(_keeps_ordering(settings, sent, enough))
    for _ in range(6):
        async with command_process(settings, group) as worker:
            before = await _count(settings, sent)

            async def further(than: int = before) -> bool:
                return await _count(settings, sent) > than

            await eventually(further)
            await asyncio.sleep(random.uniform(0, 0.1))
            await worker.kill()
    enough.set()
    await sending
    async with command_process(settings, group) as worker:
        assert await worker.line() == "ready"

        async def all_settled() -> bool:
            return await _count(settings, sent) >= sum(sent.values())

        await eventually(all_settled, every=0.1)

    results = await order_results(settings, *sent)
    assert {basket: len(told) for basket, told in results.items()} == sent
    for basket, told in results.items():
        # Orders are placed and rejected by turns, and each is an event: no result tells of a version that is not its own.
        assert [each["outcome"] for each in told] == [("completed", "reopened")[at % 2] for at in range(len(told))]
        assert [each["currentVersion"] for each in told] == [3 + at for at in range(len(told))]
        types = await types_of(store, basket)
        assert types[2:] == [("basket-completed", "basket-reopened")[at % 2] for at in range(len(told))]


async def _count(settings: Settings, sent: dict[str, int]) -> int:
    return sum(len(told) for told in (await order_results(settings, *sent)).values())


async def _keeps_ordering(settings: Settings, sent: dict[str, int], enough: asyncio.Event) -> None:
    """Places and rejects orders by turns, and counts them by basket."""
    while not enough.is_set():
        for basket in random.sample([*sent], 4):
            kind = rejection if sent[basket] % 2 else order
            await send_messages(settings, [kind(basket)])
            sent[basket] += 1
        await asyncio.sleep(random.uniform(0.02, 0.1))


async def test_orders_get_results_on_the_embedded_broker(database_url: str, tmp_path: Path) -> None:
    async with EmbeddedBroker(tmp_path / "broker.log") as broker:
        settings = streaming_settings(
            broker.bootstrap_servers, database_url, kafka_delivery="at_least_once", kafka_partitions=2
        )
        await ensure_topics(settings)
        unknown = f"basket-{new_id()}"
        async with command_worker(settings, unique("commands")) as worker, ready_worker(worker):
            await send_messages(settings, [order(unknown, basketVersion=1)])
            result = await _first_result(settings)
    assert (result["basketId"], result["code"], result["basketVersion"]) == (unknown, "basket_not_found", 1)


async def _first_result(settings: Settings) -> dict[str, Any]:
    """The embedded broker reports a wrong end, so nothing asks for it."""
    reader = consumer(settings, topics.ORDER_RESULTS, group=None)
    await reader.start()
    try:
        async with asyncio.timeout(WAIT_LIMIT_SECONDS):
            while True:
                for records in (await reader.getmany(timeout_ms=50)).values():
                    for record in records:
                        document: dict[str, Any] = json.loads(to_received(record).message.value or b"")
                        return document
    finally:
        await reader.stop()
