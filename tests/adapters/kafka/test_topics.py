from __future__ import annotations

from pathlib import Path

import pytest
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from adapters.embedded.broker import EmbeddedBroker
from adapters.kafka import topics
from adapters.kafka.clients import admin
from adapters.kafka.topics import TOPICS, ensure_topics
from adapters.settings import Settings
from domain.shared.errors import BrokerUnavailable
from tests.basket_traffic import streaming_settings
from tests.servers.kafka import KafkaServer


async def described(settings: Settings) -> dict[str, int]:
    """Each of our topics with its number of partitions."""
    client = admin(settings)
    await client.start()
    try:
        found = await client.describe_topics([topic.name for topic in TOPICS])
        return {topic["topic"]: len(topic["partitions"]) for topic in found if topic["error_code"] == 0}
    finally:
        await client.close()


async def settings_of(settings: Settings, topic: str) -> dict[str, str]:
    client = admin(settings)
    await client.start()
    try:
        (response,) = await client.describe_configs([ConfigResource(ConfigResourceType.TOPIC, topic)])
        return {entry[0]: entry[1] for entry in response.resources[0][4]}
    finally:
        await client.close()


async def test_missing_topics_are_created_once_and_then_left_alone(module_kafka: KafkaServer) -> None:
    settings = streaming_settings(module_kafka.bootstrap_servers)
    names = {topic.name for topic in TOPICS}

    assert set(await ensure_topics(settings)) == names
    assert await ensure_topics(settings.model_copy(update={"kafka_partitions": 2})) == []

    partitions = await described(settings)
    assert partitions.keys() == names
    assert partitions.pop(topics.PUBLISHER_POSITIONS) == 1
    assert set(partitions.values()) == {6}


async def test_events_are_kept_forever_and_catalogue_and_checkpoint_topics_are_compacted(
    settings: Settings, kafka: KafkaServer
) -> None:
    if kafka.kind == "embedded":
        pytest.skip("the embedded broker does not say how its topics are kept")
    events = await settings_of(settings, topics.BASKET_EVENTS)
    assert (events["cleanup.policy"], events["retention.ms"]) == ("delete", "-1")
    for topic in (topics.OFFERS, topics.PRICES, topics.AVAILABILITY, topics.PUBLISHER_POSITIONS):
        assert (await settings_of(settings, topic))["cleanup.policy"] == "compact"
    assert int((await settings_of(settings, topics.VALIDATION_RESULTS))["max.message.bytes"]) >= 16 * 2**20


async def test_the_embedded_broker_accepts_the_topics_too(tmp_path: Path) -> None:
    async with EmbeddedBroker(tmp_path / "broker.log") as broker:
        settings = streaming_settings(broker.bootstrap_servers, kafka_delivery="at_least_once")
        await ensure_topics(settings)
        await ensure_topics(settings)
        assert (await described(settings)).keys() == {topic.name for topic in TOPICS}


async def test_creating_topics_fails_while_kafka_is_down() -> None:
    with pytest.raises(BrokerUnavailable):
        await ensure_topics(streaming_settings("127.0.0.1:1"))
