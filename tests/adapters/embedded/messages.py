"""Messages to and from a broker, by plain clients."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic


async def send(servers: str, topic: str, values: Sequence[bytes]) -> None:
    """Makes the topic where it is missing, and sends."""
    admin = AIOKafkaAdminClient(bootstrap_servers=servers)
    await admin.start()
    try:
        await admin.create_topics([NewTopic(topic, 1, 1)])
    finally:
        await admin.close()
    producer = AIOKafkaProducer(bootstrap_servers=servers, acks="all", enable_idempotence=False)
    await producer.start()
    try:
        for value in values:
            await producer.send_and_wait(topic, value)
    finally:
        await producer.stop()


async def receive(servers: str, topic: str, count: int, limit: float = 30.0) -> list[bytes]:
    """The first `count` values of the topic."""
    consumer = AIOKafkaConsumer(
        topic, bootstrap_servers=servers, auto_offset_reset="earliest", isolation_level="read_committed"
    )
    await consumer.start()
    try:
        async with asyncio.timeout(limit):
            return [(await consumer.getone()).value for _ in range(count)]
    finally:
        await consumer.stop()
