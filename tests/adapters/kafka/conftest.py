from __future__ import annotations

import pytest

from adapters.kafka.topics import ensure_topics
from adapters.settings import Settings
from tests.basket_traffic import delivery, streaming_settings
from tests.servers.kafka import KafkaServer


@pytest.fixture
async def settings(kafka: KafkaServer) -> Settings:
    """A publisher id of its own on the Kafka that all tests share, with all topics made."""
    settings = streaming_settings(kafka.bootstrap_servers, kafka_delivery=delivery(kafka))
    await ensure_topics(settings)
    return settings
