"""Sends messages, by a started producer or by one for the occasion."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from functools import lru_cache

from aiokafka import AIOKafkaProducer
from aiokafka.errors import MessageSizeTooLargeError, RecordListTooLargeError
from aiokafka.partitioner import DefaultPartitioner
from aiokafka.producer.message_accumulator import BatchBuilder

from adapters.kafka.clients import MAX_MESSAGE_BYTES
from adapters.kafka.errors import close_client, ignore_result, with_timeout
from adapters.kafka.messages import Message
from adapters.kafka.startup import start_producer
from adapters.settings import Settings
from domain.shared.errors import BrokerRefused

SEND_TIMEOUT_SECONDS = 20.0
BATCH_HEADER_BYTES = 61
"""What a batch of records has before its first record."""

_partitioner = DefaultPartitioner()


class MessageTooLarge(BrokerRefused):
    """A message is larger than its topic takes."""

    def __init__(self, message: Message) -> None:
        key = message.key.decode(errors="replace") if message.key else "no key"
        super().__init__(
            f"the message about {key} for {message.topic} is larger than the topic takes: {_size(message)} bytes."
            f" Set the topic's max.message.bytes to {MAX_MESSAGE_BYTES}"
        )


async def send_all(client: AIOKafkaProducer, messages: Iterable[Message]) -> None:
    """Hands all messages to the client, in batches of each partition, and then waits for the brokers.

    Messages of one partition keep their order. Raises MessageTooLarge, and else what aiokafka raises.
    """
    sending = _Sending(client)
    try:
        for message in messages:
            await sending.add(message)
        await sending.hand_over_all()
    except BaseException:
        for future in sending.sent:
            future.add_done_callback(ignore_result)
        raise
    try:
        await asyncio.gather(*sending.sent)
    except (MessageSizeTooLargeError, RecordListTooLargeError) as error:
        # Messages of the same batch fail with it.
        refused = [
            message
            for future, batch in sending.sent.items()
            if future.done() and not future.cancelled() and isinstance(future.exception(), type(error))
            for message in batch
        ]
        raise MessageTooLarge(max(refused, key=_size)) from error


class _Sending:
    """Gathers messages in batches of our own: aiokafka's `send` costs several times as much (decision 0063)."""

    def __init__(self, client: AIOKafkaProducer) -> None:
        self.sent: dict[asyncio.Future[object], Sequence[Message]] = {}
        self._client = client
        self._partitions: dict[str, Sequence[int]] = {}
        self._open: dict[tuple[str, int], tuple[BatchBuilder, list[Message]]] = {}

    async def add(self, message: Message) -> None:
        partitions = self._partitions.get(message.topic) or await self._look_up(message.topic)
        # A message needs a key or a value, but a dead letter may have come without either.
        key = b"" if message.key is None and message.value is None else message.key
        place = message.topic, self._choose(message.topic, key, partitions)
        batch = self._open.get(place)
        # aiokafka takes headers only as a list, although its types say otherwise.
        headers = list(message.headers)
        added = batch and batch[0].append(timestamp=None, key=key, value=message.value, headers=headers)
        if batch is None or added is None:
            await self._hand_over(place)
            batch = self._open[place] = (self._client.create_batch(), [])
            added = batch[0].append(timestamp=None, key=key, value=message.value, headers=headers)
            if added.size > MAX_MESSAGE_BYTES - BATCH_HEADER_BYTES:
                raise MessageTooLarge(message)
        batch[1].append(message)

    async def hand_over_all(self) -> None:
        for place in list(self._open):
            await self._hand_over(place)

    async def _hand_over(self, place: tuple[str, int]) -> None:
        if (batch := self._open.pop(place, None)) is not None:
            topic, partition = place
            self.sent[await self._client.send_batch(batch[0], topic, partition=partition)] = batch[1]

    async def _look_up(self, topic: str) -> Sequence[int]:
        partitions = self._partitions[topic] = sorted(await self._client.partitions_for(topic))
        return partitions

    def _choose(self, topic: str, key: bytes | None, partitions: Sequence[int]) -> int:
        if key is not None:
            return partitions[_index(key, len(partitions))]
        available = self._client.client.cluster.available_partitions_for_topic(topic)
        return int(_partitioner(None, partitions, list(available or ())))


@lru_cache(maxsize=20_000)
def _index(key: bytes, count: int) -> int:
    """Which of so many partitions a key belongs to, by the hash that all Kafka clients share."""
    return int(_partitioner(key, range(count), ()))


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
