"""How far consumer groups are, on a Kafka with transactions, where markers occupy offsets too."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from confluent_kafka import Consumer

from adapters.kafka.clients import consumer, producer
from adapters.kafka.group_meter import KafkaGroupMeter
from adapters.kafka.topics import DEAD_LETTERS, ensure_topic_like
from adapters.settings import Settings
from domain.operators.status.lag_model import GroupMeasurement, WatchedGroup
from tests.basket_traffic import streaming_settings
from tests.servers.kafka import KafkaServer
from tests.servers.waiting import eventually

PARTITIONS = 6


@pytest.fixture
async def topic(settings: Settings, transactional_kafka: KafkaServer) -> str:
    """An empty topic of the test's own."""
    name = f"watched-{uuid.uuid4().hex}"
    await ensure_topic_like(settings, name, DEAD_LETTERS)
    return name


@pytest.fixture
async def sending(settings: Settings) -> AsyncIterator[AIOKafkaProducer]:
    client = producer(settings, transactional_id=f"watched-{uuid.uuid4().hex}")
    await client.start()
    yield client
    await client.stop()


@pytest.fixture
def group() -> str:
    return f"order-service-{uuid.uuid4().hex}"


async def publish(client: AIOKafkaProducer, topic: str, count: int, *, partition: int = 0, of: int = 1) -> None:
    """Publishes messages in transactions of `of` messages."""
    for start in range(0, count, of):
        async with client.transaction():
            for _ in range(min(of, count - start)):
                await client.send(topic, b"{}", partition=partition)


async def commit(settings: Settings, group: str, offsets: dict[TopicPartition, int]) -> None:
    """Commits as a reader that takes its partitions by itself."""
    client: AIOKafkaConsumer = consumer(settings, group=group)
    await client.start()
    client.assign(list(offsets))
    await client.commit(offsets)
    await client.stop()


def meter(settings: Settings, group: str, topic: str | None) -> KafkaGroupMeter:
    return KafkaGroupMeter(settings, [WatchedGroup(group=group, topic=topic)])


async def measured(settings: Settings, group: str, topic: str | None) -> GroupMeasurement:
    (found,) = await meter(settings, group, topic).measure()
    return found


async def test_a_group_that_read_everything_is_not_behind_although_markers_follow(
    settings: Settings, topic: str, sending: AIOKafkaProducer, group: str
) -> None:
    await publish(sending, topic, 3)
    reader = Consumer(
        {"bootstrap.servers": settings.kafka_bootstrap_servers, "group.id": group, "auto.offset.reset": "earliest"}
    )
    reader.subscribe([topic])
    seen: list[object] = []

    async def read_all() -> bool:
        seen.extend(each for each in reader.consume(10, 0.1) if each.error() is None)
        return len(seen) == 3

    await eventually(read_all, limit=60)
    reader.commit(asynchronous=False)

    found = await measured(settings, group, topic)
    assert (found.condition, found.members) == ("reading", 1)
    assert (found.messages, found.estimated, found.oldest_at, found.uncommitted) == (0, False, None, 0)
    reader.close()
    assert (await measured(settings, group, topic)).condition == "no-members"


async def test_few_unread_messages_are_counted_and_markers_are_not(
    settings: Settings, topic: str, sending: AIOKafkaProducer, group: str
) -> None:
    before = datetime.now(UTC)
    await publish(sending, topic, 5)
    await publish(sending, topic, 2, partition=3)
    # Each message is followed by a marker.
    await commit(settings, group, {TopicPartition(topic, 0): 4, TopicPartition(topic, 3): 4})
    watching = meter(settings, group, topic)
    (found,) = await watching.measure()
    assert (found.messages, found.estimated, found.partitions, found.uncommitted) == (3, False, PARTITIONS, 0)
    assert found.oldest_at is not None
    assert abs((found.oldest_at - before).total_seconds()) < 60
    assert (found.rate, found.arriving) == (None, None)

    await publish(sending, topic, 4)
    (later,) = await watching.measure()
    assert later.messages == 7
    assert later.oldest_at == found.oldest_at
    assert later.rate == 0
    assert later.arriving is not None
    assert later.arriving > 0


async def test_many_unread_messages_are_estimated_without_markers(
    settings: Settings, topic: str, sending: AIOKafkaProducer, group: str
) -> None:
    await publish(sending, topic, 600)
    await commit(settings, group, {TopicPartition(topic, 0): 0})
    found = await measured(settings, group, topic)
    assert found.estimated
    assert found.messages == pytest.approx(600, rel=0.02)


async def test_messages_of_open_and_aborted_transactions_do_not_wait(
    settings: Settings, topic: str, sending: AIOKafkaProducer, group: str
) -> None:
    await publish(sending, topic, 1)
    await commit(settings, group, {TopicPartition(topic, 0): 1})
    await sending.begin_transaction()
    await (await sending.send(topic, b"{}", partition=0))
    assert (await measured(settings, group, topic)).messages == 0
    await sending.abort_transaction()
    assert (await measured(settings, group, topic)).messages == 0


async def test_partitions_with_messages_of_which_nothing_is_committed_are_told(
    settings: Settings, topic: str, sending: AIOKafkaProducer, group: str
) -> None:
    await publish(sending, topic, 2)
    await publish(sending, topic, 1, partition=5)
    await commit(settings, group, {TopicPartition(topic, 0): 4})
    found = await measured(settings, group, topic)
    assert (found.messages, found.uncommitted) == (1, 1)


async def test_a_group_that_is_missing_or_uses_the_newer_protocol_is_told(
    settings: Settings, topic: str, sending: AIOKafkaProducer, group: str
) -> None:
    missing = await measured(settings, group, None)
    assert (missing.condition, missing.messages, missing.topic) == ("missing", None, None)

    await publish(sending, topic, 1)
    newer = {"group.protocol": "consumer", "auto.offset.reset": "earliest", "group.id": group}
    reader = Consumer({"bootstrap.servers": settings.kafka_bootstrap_servers, **newer})
    reader.subscribe([topic])

    async def read() -> bool:
        return bool([each for each in reader.consume(1, 0.1) if each.error() is None])

    await eventually(read, limit=60)
    reader.commit(asynchronous=False)
    found = await measured(settings, group, topic)
    assert (found.condition, found.messages) == ("unknown", 0)
    reader.close()


async def test_a_topic_that_is_missing_hides_no_other_group(settings: Settings, topic: str, group: str) -> None:
    await commit(settings, group, {TopicPartition(topic, 0): 0})
    watched = [WatchedGroup(group=group, topic="no-such-topic"), WatchedGroup(group=group, topic=topic)]
    wrong, right = await KafkaGroupMeter(settings, watched).measure()
    assert (wrong.messages, wrong.unknown and "a topic is missing" in wrong.unknown) == (None, True)
    assert (right.messages, right.unknown) == (0, None)


async def test_a_broker_without_transactions_does_not_tell() -> None:
    settings = streaming_settings("127.0.0.1:1", kafka_delivery="at_least_once")
    found = await measured(settings, "order-service", None)
    assert found.messages is None
    assert found.unknown is not None
    assert "CHECKOUT_KAFKA_DELIVERY" in found.unknown
