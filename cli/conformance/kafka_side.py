"""The topics of the service under test, for the cases of `--kafka` and for the suite's own catalogue."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from adapters.kafka.catalogue_messages import fact_message
from adapters.kafka.errors import close_client, translate_error
from adapters.kafka.startup import start_producer
from adapters.settings import Settings
from domain.catalogue.facts import Fact

START_WITHIN_SECONDS = 15.0
SENT_WITHIN_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class KafkaSide:
    """How to reach the topics, and a producer of messages."""

    settings: Settings
    producer: AIOKafkaProducer

    async def publish(self, facts: Sequence[Fact]) -> None:
        """Publishes facts on the catalogue topics. Raises Unavailable."""
        await self._send([(message.topic, message.key, message.value) for message in map(fact_message, facts)])

    async def withdraw(self, facts: Sequence[Fact]) -> None:
        """Publishes a tombstone for the key of each fact. Raises Unavailable."""
        await self._send([(message.topic, message.key, None) for message in map(fact_message, facts)])

    async def _send(self, messages: Sequence[tuple[str, bytes | None, bytes | None]]) -> None:
        try:
            async with asyncio.timeout(SENT_WITHIN_SECONDS):
                for topic, key, value in messages:
                    await self.producer.send_and_wait(topic, value, key)
        except (KafkaError, TimeoutError) as error:
            raise translate_error(error) from error


@asynccontextmanager
async def open_kafka_side(settings: Settings) -> AsyncIterator[KafkaSide]:
    """Raises Unavailable and InvalidSetting."""
    producer = await start_producer(settings, "conformance", START_WITHIN_SECONDS)
    try:
        yield KafkaSide(settings, producer)
    finally:
        await close_client(producer)
