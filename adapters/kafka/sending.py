"""Sending messages through a producer that has been started, or through one for the occasion."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from aiokafka import AIOKafkaProducer

from adapters.kafka.clients import producer
from adapters.kafka.errors import answered, close
from adapters.kafka.messages import Message
from adapters.settings import Settings

SEND_WITHIN_SECONDS = 20.0


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


async def send_apart(settings: Settings, role: str, messages: Iterable[Message]) -> None:
    """Sends messages that are rare, by a client that is made for them, which costs less than one that is
    kept. Returns once the broker has them all; raises BrokerUnavailable."""
    client = producer(settings)
    try:
        await answered(role, SEND_WITHIN_SECONDS, _start_and_send(client, messages))
    finally:
        await close(client)


async def _start_and_send(client: AIOKafkaProducer, messages: Iterable[Message]) -> None:
    await client.start()
    await send_all(client, messages)


def _forgotten(future: asyncio.Future[object]) -> None:
    if not future.cancelled():
        future.exception()


def _key(message: Message) -> bytes | None:
    # A message has a key or a value; a dead letter may have come without either.
    return b"" if message.key is None and message.value is None else message.key
