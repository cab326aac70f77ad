from __future__ import annotations

import time
import uuid
from collections.abc import AsyncIterator

import pytest
from aiokafka import AIOKafkaProducer, TopicPartition

from adapters.kafka.clients import producer
from adapters.kafka.consumer_group import ConsumerGroup, GroupConsumer
from adapters.kafka.consumer_lag import ConsumerLag
from adapters.kafka.messages import Message
from adapters.kafka.topics import DEAD_LETTERS
from adapters.settings import Settings
from domain.operators.status.model import LagMeasurement
from tests.basket_traffic import send
from tests.servers.kafka import KafkaServer
from tests.servers.waiting import eventually


def messages(count: int) -> list[Message]:
    return [Message(DEAD_LETTERS, None, b"{}", ()) for _ in range(count)]


@pytest.fixture
async def batches(settings: Settings) -> AsyncIterator[GroupConsumer]:
    """A new group's share of a topic, up to date with it."""
    group = f"progress-{uuid.uuid4().hex}"
    subscription = ConsumerGroup(settings, group, DEAD_LETTERS, auto_offset_reset="latest")
    async with subscription.open() as batches:

        async def up_to_date() -> bool:
            await batches.commit(await batches.next(1000, 0.1))
            figures = await batches.measure_lag()
            return figures is not None and figures.lag_events == 0

        await eventually(up_to_date)
        yield batches


async def figures(batches: GroupConsumer) -> LagMeasurement:
    found = await batches.measure_lag()
    assert found is not None
    return found


async def test_delivered_messages_wait_until_they_are_committed(settings: Settings, batches: GroupConsumer) -> None:
    before = await figures(batches)
    began = time.time()
    await send(settings, messages(20))
    batch = await eventually(lambda: batches.next(1000, 0.2))
    while len(batch) < 20:
        batch = [*batch, *await batches.next(1000, 0.2)]

    waiting = await figures(batches)
    assert waiting.position == before.position
    assert waiting.lag_events is not None
    assert waiting.lag_events >= 20
    assert waiting.lag_seconds is not None
    assert 0 <= waiting.lag_seconds <= time.time() - began + 1

    await batches.commit(batch)
    done = await figures(batches)
    assert done.position is not None
    assert before.position is not None
    assert done.position >= before.position + 20
    assert done.age_seconds < 10


async def test_messages_that_nobody_reads_count_as_waiting(settings: Settings, batches: GroupConsumer) -> None:
    await send(settings, messages(5))

    async def seen() -> bool:
        return ((await figures(batches)).lag_events or 0) >= 5

    await eventually(seen)


async def test_a_reader_after_the_last_transaction_has_no_lag(
    settings: Settings, transactional_kafka: KafkaServer, batches: GroupConsumer
) -> None:
    client: AIOKafkaProducer = producer(settings, transactional_id=f"progress-{uuid.uuid4().hex}")
    await client.start()
    for _ in range(3):
        async with client.transaction():
            for message in messages(4):
                await client.send(message.topic, message.value)
    await client.stop()
    seen = 0

    async def nothing_waits() -> bool:
        nonlocal seen
        batch = await batches.next(1000, 0.1)
        seen += len(batch)
        await batches.commit(batch)
        return seen >= 12 and (await figures(batches)).lag_events == 0

    await eventually(nothing_waits)


class Given:
    """A consumer that was given two partitions, of which one was never fetched from."""

    def __init__(self, *partitions: TopicPartition) -> None:
        self.partitions = frozenset(partitions)

    def assignment(self) -> frozenset[TopicPartition]:
        return self.partitions

    def last_poll_timestamp(self, partition: TopicPartition) -> int | None:
        return 90_000 if partition.partition == 0 else None

    def highwater(self, _: TopicPartition) -> int:
        return 10

    def last_stable_offset(self, _: TopicPartition) -> int:
        return -1

    async def position(self, _: TopicPartition) -> int:
        return 7


async def test_the_lag_is_unknown_before_every_partition_was_fetched() -> None:
    first, second = TopicPartition("t", 0), TopicPartition("t", 1)
    assert await ConsumerLag(Given(first, second)).measure() is None
    assert await ConsumerLag(Given(first), lambda: 100.0).measure() == LagMeasurement(7, 3, 0.0, 10.0)
    assert await ConsumerLag(Given(), lambda: 100.0).measure() == LagMeasurement(0, 0, 0.0, 0.0)
