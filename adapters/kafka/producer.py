"""Sends messages, by a started producer or by one for the occasion."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from aiokafka import AIOKafkaProducer
from aiokafka.errors import MessageSizeTooLargeError, RecordListTooLargeError

from adapters.kafka.clients import MAX_MESSAGE_BYTES
from adapters.kafka.errors import close_client, ignore_result, with_timeout
from adapters.kafka.messages import Message
from adapters.kafka.startup import start_producer
from adapters.settings import Settings
from domain.shared.errors import BrokerRefused

SEND_TIMEOUT_SECONDS = 20.0


class MessageTooLarge(BrokerRefused):
    """A message is larger than its topic takes."""

    def __init__(self, message: Message) -> None:
        key = message.key.decode(errors="replace") if message.key else "no key"
        super().__init__(
            f"the message about {key} for {message.topic} is larger than the topic takes: {_size(message)} bytes."
            f" Set the topic's max.message.bytes to {MAX_MESSAGE_BYTES}"
        )


async def send_all(client: AIOKafkaProducer, messages: Iterable[Message]) -> None:
    """Hands all messages to the client, which batches them by partition, and then waits for the brokers.

    Raises MessageTooLarge, and else what aiokafka raises.
    """
    sent: dict[asyncio.Future[object], Message] = {}
    try:
        for message in messages:
            sent[await _send(client, message)] = message
    except BaseException:
        for future in sent:
            future.add_done_callback(ignore_result)
        raise
    try:
        await asyncio.gather(*sent)
    except (MessageSizeTooLargeError, RecordListTooLargeError) as error:
        # Messages of the same batch fail with it.
        refused = [
            message
            for future, message in sent.items()
            if future.done() and not future.cancelled() and isinstance(future.exception(), type(error))
        ]
        raise MessageTooLarge(max(refused, key=_size)) from error


async def _send(client: AIOKafkaProducer, message: Message) -> asyncio.Future[object]:
    # A message needs a key or a value, but a dead letter may have come without either.
    key = b"" if message.key is None and message.value is None else message.key
    try:
        # aiokafka takes headers only as a list, although its types say otherwise.
        future: asyncio.Future[object] = await client.send(
            message.topic, message.value, key, headers=list(message.headers)
        )
    except MessageSizeTooLargeError as error:
        raise MessageTooLarge(message) from error
    return future


async def send_standalone(settings: Settings, role: str, messages: Iterable[Message]) -> None:
    """Sends rare messages by a new client, which costs less than keeping one. Returns once the broker has them all.

    Raises BrokerUnavailable and BrokerRefused.
    """
    client = await start_producer(settings, role, SEND_TIMEOUT_SECONDS)
    try:
        await with_timeout(role, SEND_TIMEOUT_SECONDS, send_all(client, messages))
    finally:
        await close_client(client)


def _size(message: Message) -> int:
    headers = sum(len(name.encode()) + len(value) for name, value in message.headers)
    return len(message.key or b"") + len(message.value or b"") + headers
