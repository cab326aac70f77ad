"""What callers see while a server is down, and what holds afterwards.

`CHECKOUT_TEST_OUTAGE_SECONDS` makes the outages longer: 60 shows a minute without Kafka.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiokafka import AIOKafkaProducer

from tests.conftest import OwnKafka, OwnPostgres
from tests.servers.waiting import eventually
from tests.service.checkout_process import CheckoutService, running_service
from tests.service.event_records import published_events, stored_events
from tests.service.witnesses import Witness, keep_calling

OUTAGE_SECONDS = float(os.environ.get("CHECKOUT_TEST_OUTAGE_SECONDS", "6"))
CALLERS = 8

pytestmark = pytest.mark.timeout(120 + 4 * OUTAGE_SECONDS)


@asynccontextmanager
async def under_load(service: CheckoutService, *, may_be_unavailable: bool) -> AsyncIterator[list[Witness]]:
    """Eight callers work during the block; each must have made calls before it starts."""
    stop = asyncio.Event()
    witnesses = [Witness() for _ in range(CALLERS)]
    async with service.caller("outage-partner") as client, asyncio.TaskGroup() as tasks:
        for number, witness in enumerate(witnesses):
            tasks.create_task(keep_calling(client, f"c{number}", witness, stop, may_be_unavailable=may_be_unavailable))
        try:
            await progress(witnesses, 10)
            yield witnesses
        finally:
            stop.set()


async def progress(witnesses: list[Witness], calls: int) -> None:
    """Waits until each caller has made so many more calls."""
    before = [witness.calls for witness in witnesses]
    await eventually(
        lambda: all(witness.calls >= start + calls for witness, start in zip(witnesses, before, strict=True)),
        limit=60,
    )


async def nothing_is_lost(service: CheckoutService, witnesses: list[Witness]) -> None:
    """Every acknowledged change is stored, and the topic holds every event once and in order."""
    stored = await stored_events(service.database_url)
    for witness in witnesses:
        for basket_id, (version, offers) in witness.baskets.items():
            events = stored[basket_id]
            assert [number for number, _ in events] == list(range(1, len(events) + 1))
            assert len(events) >= version
            added = {event["orderItem"]["offer"]["id"] for _, event in events if "orderItem" in event}  # type: ignore[operator,index]
            assert offers <= added
    published = await published_events(service.kafka, sum(map(len, stored.values())))
    # Only the ids: pytest takes minutes to compare megabytes of events.
    assert not [id for id in stored.keys() | published.keys() if stored.get(id) != published.get(id)]


async def orders_are_processed(service: CheckoutService, basket_id: str) -> None:
    """An order on Kafka completes its basket."""
    producer = AIOKafkaProducer(bootstrap_servers=service.kafka)
    await producer.start()
    try:
        await producer.send_and_wait("checkout.orders.v1", key=basket_id.encode(), value=b'{"orderId": "order-1"}')
    finally:
        await producer.stop()
    async with service.caller("outage-partner") as client:

        async def completed() -> bool:
            order = (await client.get(f"/partner/checkout/{basket_id}")).json()["order"]
            return bool(order["status"] == "completed")

        await eventually(completed, limit=60)


async def test_while_kafka_is_down_no_call_fails_and_afterwards_the_topic_is_complete(
    tmp_path: Path, database_url: str, own_kafka: OwnKafka
) -> None:
    kafka = await own_kafka()
    async with running_service(
        tmp_path,
        CHECKOUT_DATABASE_URL=database_url,
        CHECKOUT_KAFKA_BOOTSTRAP_SERVERS=kafka.bootstrap_servers,
    ) as service:
        async with under_load(service, may_be_unavailable=False) as witnesses:
            await kafka.stop()
            await asyncio.sleep(OUTAGE_SECONDS)
            await kafka.start()
            await progress(witnesses, 10)
        await orders_are_processed(service, next(iter(witnesses[0].baskets)))
        assert [wrong for witness in witnesses for wrong in witness.wrong] == []
        await nothing_is_lost(service, witnesses)


async def test_while_postgresql_is_down_calls_get_503_and_no_acknowledged_change_is_lost(
    tmp_path: Path, own_postgres: OwnPostgres, own_kafka: OwnKafka
) -> None:
    postgres, kafka = await asyncio.gather(own_postgres(), own_kafka())
    async with running_service(
        tmp_path,
        CHECKOUT_DATABASE_URL=postgres.url,
        CHECKOUT_KAFKA_BOOTSTRAP_SERVERS=kafka.bootstrap_servers,
    ) as service:
        async with under_load(service, may_be_unavailable=True) as witnesses:
            await postgres.stop()
            await eventually(lambda: all(witness.unavailable for witness in witnesses), limit=30)
            await asyncio.sleep(OUTAGE_SECONDS)
            await postgres.start()
            await progress(witnesses, 20)
        assert [wrong for witness in witnesses for wrong in witness.wrong] == []
        assert max(witness.slowest for witness in witnesses) < 5.0
        await nothing_is_lost(service, witnesses)
