from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiokafka import AIOKafkaProducer
from msgspec.structs import replace

from adapters.embedded.broker import EmbeddedBroker
from adapters.kafka.clients import producer
from adapters.kafka.idle_poll import Wakeup
from adapters.kafka.producer import send_all
from adapters.kafka.publisher import AtLeastOncePublisher, TransactionalPublisher
from adapters.kafka.publisher_checkpoints import checkpoint_message, read_checkpoint
from adapters.kafka.topics import BASKET_EVENTS, ensure_topics
from adapters.postgres.checkpoints import PostgresPublisherCheckpoints
from adapters.postgres.pool import DatabasePool
from adapters.settings import Settings
from domain.ports.messaging import PublisherCheckpoint
from domain.shared.errors import BrokerUnavailable, LeadershipLost
from tests.basket_traffic import event_message, streaming_settings, topic_content
from tests.contracts.publisher import PublisherContract, ids, publication, publications, some_events
from tests.servers.kafka import KafkaServer


@pytest.fixture
async def transactional(transactional_kafka: KafkaServer, settings: Settings) -> Settings:
    return settings.model_copy(update={"kafka_delivery": "exactly_once"})


class TestTransactionalPublisher(PublisherContract):
    @pytest.fixture
    def publisher(self, transactional: Settings) -> TransactionalPublisher:
        return TransactionalPublisher(transactional)


class TestAtLeastOncePublisher(PublisherContract):
    @pytest.fixture
    async def settings(self, tmp_path: Path) -> AsyncIterator[Settings]:
        async with EmbeddedBroker(tmp_path / "broker.log") as broker:
            settings = streaming_settings(broker.bootstrap_servers, kafka_delivery="at_least_once")
            await ensure_topics(settings)
            yield settings

    @pytest.fixture
    async def publisher(self, settings: Settings, database_url: str) -> AsyncIterator[AtLeastOncePublisher]:
        database = DatabasePool(database_url)
        yield AtLeastOncePublisher(settings, PostgresPublisherCheckpoints(database), Wakeup())
        await database.close()


async def vanished(client: AIOKafkaProducer) -> None:
    """Nothing more is heard of the producer: neither a commit nor an abort."""
    await client.client.close()
    await client.stop()


async def left_open(settings: Settings, position: int) -> None:
    """A publisher that dies in the middle of a transaction: everything is sent, nothing committed."""
    client = producer(settings, transactional_id=settings.publisher_id)
    await client.start()
    await client.begin_transaction()
    events = some_events(50)
    messages = [event_message(event) for event in events]
    await send_all(client, [*messages, checkpoint_message(settings.publisher_id, PublisherCheckpoint(position))])
    await vanished(client)


async def test_an_interrupted_transaction_leaves_neither_events_nor_checkpoint(
    transactional: Settings,
) -> None:
    events = some_events(20)
    publisher = TransactionalPublisher(transactional)
    async with publisher.session() as session:
        await session.publish(publications(events[:10]))

    client = producer(transactional, transactional_id=transactional.publisher_id)
    await client.start()
    await client.begin_transaction()
    await send_all(client, [event_message(event) for event in events[10:]])
    await send_all(client, [checkpoint_message(transactional.publisher_id, PublisherCheckpoint(events[19].position))])
    await vanished(client)

    async with publisher.session() as session:
        assert session.published.position == events[9].position
        assert len(await topic_content(transactional, BASKET_EVENTS, ids(events))) == 10


async def test_an_error_while_messages_are_made_leaves_nothing_of_their_transaction(transactional: Settings) -> None:
    """By then batches that were full are with the broker."""
    events = [replace(event, metadata=b'{"partner":"%s"}' % (b"x" * 20_000)) for event in some_events(200)]
    odd = publication(replace(events[-1], recorded_at="no time"))
    publisher = TransactionalPublisher(transactional)
    with pytest.raises(AttributeError):
        async with publisher.session() as session:
            await session.publish([*publications(events[:-1]), odd])

    async with publisher.session() as session:
        assert session.published.position == 0
        assert await topic_content(transactional, BASKET_EVENTS, ids(events)) == []
        await session.publish(publications(events))
    assert len(await topic_content(transactional, BASKET_EVENTS, ids(events))) == 200


async def test_a_fenced_publisher_publishes_nothing_more(transactional: Settings) -> None:
    events = some_events(20)
    publisher = TransactionalPublisher(transactional)
    async with publisher.session() as old:
        await old.publish(publications(events[:5]))
        async with publisher.session() as new:
            with pytest.raises(LeadershipLost):
                await old.publish(publications(events[5:15]))
            await new.publish(publications(events[5:]))
            assert new.published.position == events[19].position

    assert len(await topic_content(transactional, BASKET_EVENTS, ids(events))) == 20


async def test_a_checkpoint_is_found_behind_any_number_of_aborted_transactions(
    transactional: Settings,
) -> None:
    events = some_events(1)
    async with TransactionalPublisher(transactional).session() as session:
        await session.publish(publications(events))
    for attempt in range(5):
        await left_open(transactional, position=1_000 + attempt)
    async with TransactionalPublisher(transactional).session() as session:
        assert session.published.position == events[0].position
    for window in (1, 2, 3, 1_000):
        found = await read_checkpoint(transactional, transactional.publisher_id, window)
        assert found.position == events[0].position


async def test_reading_a_checkpoint_waits_for_open_transactions_of_other_publishers(
    transactional: Settings,
) -> None:
    other = transactional.model_copy(update={"publisher_id": transactional.publisher_id + "-other"})
    client = producer(other, transactional_id=other.publisher_id)
    await client.start()
    await client.begin_transaction()
    await send_all(client, [checkpoint_message(other.publisher_id, PublisherCheckpoint(77))])
    (event,) = some_events(1)
    ours = producer(transactional, transactional_id=transactional.publisher_id)
    await ours.start()
    await ours.begin_transaction()
    await send_all(ours, [checkpoint_message(transactional.publisher_id, PublisherCheckpoint(event.position))])
    await ours.commit_transaction()
    await ours.stop()

    found = asyncio.create_task(read_checkpoint(transactional, transactional.publisher_id))
    done, _ = await asyncio.wait([found], timeout=1.0)
    assert not done, "it did not wait for the transaction that hides our record"
    await client.abort_transaction()
    await client.stop()

    async with asyncio.timeout(10):
        assert (await found).position == event.position


async def test_no_session_begins_while_kafka_is_down() -> None:
    publisher = TransactionalPublisher(streaming_settings("127.0.0.1:1"))
    with pytest.raises(BrokerUnavailable):
        async with publisher.session():
            raise AssertionError("a session began")
