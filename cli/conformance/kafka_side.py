"""The topics of the service under test, for the cases of `--kafka` and for the suite's own catalogue."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from aiokafka import AIOKafkaProducer

from adapters.kafka.errors import close_client
from adapters.kafka.startup import start_producer
from adapters.settings import Settings

START_WITHIN_SECONDS = 15.0


@dataclass(frozen=True, slots=True)
class KafkaSide:
    """How to reach the topics, and a producer of messages."""

    settings: Settings
    producer: AIOKafkaProducer


@asynccontextmanager
async def open_kafka_side(settings: Settings) -> AsyncIterator[KafkaSide]:
    """Raises BrokerUnavailable and InvalidSetting."""
    producer = await start_producer(settings, "conformance", START_WITHIN_SECONDS)
    try:
        yield KafkaSide(settings, producer)
    finally:
        await close_client(producer)
