from __future__ import annotations

import uuid
from collections.abc import AsyncIterator

import pytest

from adapters.kafka.topics import ensure_topics
from adapters.postgres.event_store import PostgresEventStore
from adapters.settings import Settings
from tests.parts.kafka import KafkaPart
from tests.streaming import Partner, delivery, streaming_settings
from tests.workers.running import event_store


@pytest.fixture
async def settings(kafka: KafkaPart, database_url: str) -> Settings:
    """A database and a publisher id of its own on the Kafka that all tests share."""
    settings = streaming_settings(kafka.bootstrap_servers, database_url, kafka_delivery=delivery(kafka))
    await ensure_topics(settings)
    return settings


@pytest.fixture
async def store(database_url: str) -> AsyncIterator[PostgresEventStore]:
    async with event_store(database_url) as store:
        yield store


@pytest.fixture
async def partner(store: PostgresEventStore) -> Partner:
    return await Partner(store).knows_a_catalogue()


@pytest.fixture
def group() -> str:
    return f"views-{uuid.uuid4().hex}"
