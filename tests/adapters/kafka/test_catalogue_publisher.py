from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from adapters.kafka.catalogue_publisher import PublishResult, publish_facts
from adapters.kafka.topics import PRICES, ensure_topics
from domain.catalogue.facts import Fact
from domain.shared.errors import BrokerUnavailable
from tests.basket_traffic import by_basket, delivery, streaming_settings, topic_content
from tests.builders import price
from tests.conftest import OwnKafka
from tests.servers.kafka import KafkaServer


def prices(name: str, count: int, first: int = 1) -> Iterator[tuple[int, Fact]]:
    """Facts numbered from `first`, each about an offer of its own."""
    for number in range(first, count + 1):
        yield number, price(f"{name}-{number}")


def names(name: str, end: int) -> set[str]:
    """Of the facts that `prices` makes before this number: their messages' keys."""
    return {price(f"{name}-{number}").subject for number in range(1, end)}


async def test_facts_counted_as_published_are_in_kafka_after_the_broker_dies(own_kafka: OwnKafka) -> None:
    node = await own_kafka()
    settings = streaming_settings(node.bootstrap_servers, kafka_partitions=2)
    await ensure_topics(settings)
    stop = asyncio.Event()
    killing: list[asyncio.Task[None]] = []

    def kill_the_broker(certain: int) -> None:
        if certain >= 1_000 and not killing:
            killing.append(asyncio.create_task(node.kill()))

    published = await publish_facts(settings, prices("o", 200_000), stop=stop, progress=kill_the_broker, ack_timeout=2)
    await killing[0]
    await node.start()

    stopped_at = published.stopped_at
    assert stopped_at is not None
    assert published.count >= 1_000
    assert published.why is not None
    assert "Kafka" in published.why
    assert stopped_at == published.count + 1
    certain = names("o", stopped_at)
    assert by_basket(await topic_content(settings, PRICES, certain)).keys() == certain


async def test_a_stopped_publisher_says_where_to_continue(kafka: KafkaServer) -> None:
    settings = streaming_settings(kafka.bootstrap_servers, kafka_delivery=delivery(kafka))
    await ensure_topics(settings)
    stop = asyncio.Event()

    first = await publish_facts(settings, prices("stopped", 50_000), stop=stop, progress=lambda certain: stop.set())
    assert (first.why, first.stopped_at) == ("interrupted", first.count + 1)
    assert first.stopped_at is not None
    rest = await publish_facts(
        settings,
        prices("stopped", first.stopped_at + 100, first.stopped_at),
        stop=asyncio.Event(),
    )

    assert rest == PublishResult(101)
    certain = names("stopped", first.stopped_at + 101)
    assert by_basket(await topic_content(settings, PRICES, certain)).keys() == certain


async def test_a_source_that_fails_ends_the_publishing_with_its_message(kafka: KafkaServer) -> None:
    settings = streaming_settings(kafka.bootstrap_servers, kafka_delivery=delivery(kafka))
    await ensure_topics(settings)

    def failing() -> Iterator[tuple[int, Fact]]:
        yield from prices("failing", 3)
        raise ValueError("the file was changed")

    published = await publish_facts(settings, failing(), stop=asyncio.Event())

    assert (published.count, published.why) == (3, "the file was changed")


async def test_publishing_does_not_start_without_a_broker() -> None:
    settings = streaming_settings("127.0.0.1:1")

    with pytest.raises(BrokerUnavailable):
        await publish_facts(settings, prices("o", 3), stop=asyncio.Event())
