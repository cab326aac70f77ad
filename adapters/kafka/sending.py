"""Sending messages through a producer that has been started."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from aiokafka import AIOKafkaProducer

from adapters.kafka.messages import Message


async def send_all(client: AIOKafkaProducer, messages: Iterable[Message]) -> None:
    """Hands all to the client, which batches them by partition, and only then waits for the brokers; raises
    what aiokafka raises."""
    sent: list[asyncio.Future[object]] = []
    try:
        for message in messages:
            # aiokafka takes headers as a list only, although it says otherwise.
            headers = list(message.headers)
            sent.append(await client.send(message.topic, message.value, _key(message), headers=headers))
    except BaseException:
        for future in sent:
            # What becomes of these is nobody's concern any more, nor a complaint on the log.
            future.add_done_callback(_forgotten)
        raise
    await asyncio.gather(*sent)


def _forgotten(future: asyncio.Future[object]) -> None:
    if not future.cancelled():
        future.exception()


def _key(message: Message) -> bytes | None:
    # A message has a key or a value; a dead letter may have come without either.
    return b"" if message.key is None and message.value is None else message.key
