"""Sending messages through a producer that has been started."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from aiokafka import AIOKafkaProducer

from adapters.kafka.messages import Message


async def send_all(client: AIOKafkaProducer, messages: Iterable[Message]) -> None:
    """Hands all to the client, which batches them by partition, and only then waits for the brokers; raises
    what aiokafka raises."""
    sent = [
        # aiokafka takes headers as a list only, although it says otherwise.
        await client.send(message.topic, message.value, _key(message), headers=list(message.headers))
        for message in messages
    ]
    await asyncio.gather(*sent)


def _key(message: Message) -> bytes | None:
    # A message has a key or a value; a dead letter may have come without either.
    return b"" if message.key is None and message.value is None else message.key
