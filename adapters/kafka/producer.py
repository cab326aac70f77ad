"""Sending messages through a producer that has been started, or through one for the occasion."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from aiokafka import AIOKafkaProducer
from aiokafka.errors import MessageSizeTooLargeError, RecordListTooLargeError

from adapters.kafka.clients import MAX_MESSAGE_BYTES
from adapters.kafka.errors import close_client, with_timeout
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
    """Hands all to the client, which batches them by partition, and only then waits for the brokers. Raises
    MessageTooLarge, and else what aiokafka raises."""
    begun: list[Message] = []
    sent: list[asyncio.Future[object]] = []
    try:
        for message in messages:
            begun.append(message)
            sent.append(await _sent(client, message))
    except BaseException:
        for future in sent:
            # What becomes of these is nobody's concern any more, nor a complaint on the log.
            future.add_done_callback(_forgotten)
        raise
    try:
        await asyncio.gather(*sent)
    except (MessageSizeTooLargeError, RecordListTooLargeError) as error:
        # Messages that shared its batch fail with it.
        refused = [
            message
            for message, future in zip(begun, sent, strict=True)
            if future.done() and not future.cancelled() and isinstance(future.exception(), type(error))
        ]
        raise MessageTooLarge(max(refused, key=_size)) from error


async def _sent(client: AIOKafkaProducer, message: Message) -> asyncio.Future[object]:
    # aiokafka takes headers as a list only, although it says otherwise.
    headers = list(message.headers)
    try:
        answer: asyncio.Future[object] = await client.send(
            message.topic, message.value, _key(message), headers=headers
        )
    except MessageSizeTooLargeError as error:
        raise MessageTooLarge(message) from error
    return answer


async def send_standalone(settings: Settings, role: str, messages: Iterable[Message]) -> None:
    """Sends messages that are rare, by a client that is made for them, which costs less than one that is
    kept. Returns once the broker has them all; raises BrokerUnavailable and BrokerRefused."""
    client = await start_producer(settings, role, SEND_TIMEOUT_SECONDS)
    try:
        await with_timeout(role, SEND_TIMEOUT_SECONDS, send_all(client, messages))
    finally:
        await close_client(client)


def _forgotten(future: asyncio.Future[object]) -> None:
    if not future.cancelled():
        future.exception()


def _size(message: Message) -> int:
    headers = sum(len(name.encode()) + len(value) for name, value in message.headers)
    return len(message.key or b"") + len(message.value or b"") + headers


def _key(message: Message) -> bytes | None:
    # A message has a key or a value; a dead letter may have come without either.
    return b"" if message.key is None and message.value is None else message.key
