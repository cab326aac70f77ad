"""The topics of the service under test, for the cases of `--kafka` and for the suite's own catalogue."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from adapters.kafka.catalogue_messages import fact_message
from adapters.kafka.clients import connection
from adapters.kafka.errors import close_client, translate_error
from adapters.kafka.startup import start_producer
from adapters.settings import Settings
from cli.conformance.exchange import Exchange, shortened
from cli.conformance.failures import CaseNotRun
from cli.conformance.topic_reader import TopicReader, open_topic_reader
from domain.catalogue.facts import Fact

START_WITHIN_SECONDS = 15.0
SENT_WITHIN_SECONDS = 30.0


class KafkaSide:
    """How to reach the topics, a producer of messages, and a reader of what the service writes."""

    def __init__(self, settings: Settings, producer: AIOKafkaProducer, reader: TopicReader) -> None:
        self.settings = settings
        self.producer = producer
        self.reader = reader

    async def send(
        self, topic: str, key: str, body: object, headers: Mapping[str, str], *, compression: str | None = None
    ) -> Exchange:
        """Sends a message with a JSON value, or none for None. Returns it for the report. Raises CaseNotRun."""
        value = None if body is None else json.dumps(body).encode()
        encoded = [(name, text.encode()) for name, text in headers.items()]
        try:
            async with asyncio.timeout(SENT_WITHIN_SECONDS), self._producer(compression) as producer:
                await producer.send_and_wait(topic, value, key.encode(), headers=encoded)
        except (KafkaError, TimeoutError) as error:
            raise CaseNotRun(f"{topic} takes no message: {translate_error(error)}") from error
        lines = [f"{name}: {shortened(text)}" for name, text in headers.items()]
        return Exchange((f"sent to {topic}, key {key}", *lines, "", shortened((value or b"").decode())), ())

    async def publish(self, facts: Sequence[Fact]) -> None:
        """Publishes facts on the catalogue topics. Raises Unavailable."""
        await self._send([(message.topic, message.key, message.value) for message in map(fact_message, facts)])

    async def withdraw(self, facts: Sequence[Fact]) -> None:
        """Publishes a tombstone for the key of each fact. Raises Unavailable."""
        await self._send([(message.topic, message.key, None) for message in map(fact_message, facts)])

    @asynccontextmanager
    async def _producer(self, compression: str | None) -> AsyncIterator[AIOKafkaProducer]:
        if compression is None:
            yield self.producer
            return
        async with AIOKafkaProducer(compression_type=compression, **connection(self.settings)) as producer:
            yield producer

    async def _send(self, messages: Sequence[tuple[str, bytes | None, bytes | None]]) -> None:
        try:
            async with asyncio.timeout(SENT_WITHIN_SECONDS):
                for topic, key, value in messages:
                    await self.producer.send_and_wait(topic, value, key)
        except (KafkaError, TimeoutError) as error:
            raise translate_error(error) from error


@asynccontextmanager
async def open_kafka_side(settings: Settings, topic_prefix: str = "") -> AsyncIterator[KafkaSide]:
    """`topic_prefix` stands before the names of the topics that are read. Raises Unavailable and InvalidSetting."""
    producer = await start_producer(settings, "conformance", START_WITHIN_SECONDS)
    try:
        async with open_topic_reader(settings, topic_prefix) as reader:
            yield KafkaSide(settings, producer, reader)
    finally:
        await close_client(producer)
