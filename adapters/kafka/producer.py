"""Sends messages, by a started producer or by one for the occasion."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from functools import lru_cache
from operator import attrgetter

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

    Messages of one partition keep their order. Of the messages only the largest of each batch are kept. Raises
    MessageTooLarge, and else what aiokafka raises.
    """
    sending = _Sending(client)
    try:
        await sending.add(messages)
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
            batch
            for future, batch in sending.sent.items()
            if future.done() and not future.cancelled() and isinstance(future.exception(), type(error))
        ]
        raise MessageTooLarge(max(refused, key=attrgetter("largest_size")).largest) from error


class _Batch:
    """Messages for one partition of a topic."""

    __slots__ = ("builder", "largest", "largest_size", "partition")

    def __init__(self, builder: BatchBuilder, partition: int) -> None:
        self.builder = builder
        self.partition = partition
        self.largest: Message
        self.largest_size = 0

    def append(self, message: Message, key: bytes | None) -> bool:
        """Adds a message, unless the batch is full. The first message has room in any."""
        # aiokafka takes headers only as a list, although its types say otherwise.
        added = self.builder.append(timestamp=None, key=key, value=message.value, headers=[*message.headers])
        if added is None:
            return False
        if added.size > self.largest_size:
            self.largest, self.largest_size = message, added.size
        return True


class _Sending:
    """Gathers messages in batches of our own: aiokafka's `send` costs several times as much (decision 0063)."""

    def __init__(self, client: AIOKafkaProducer) -> None:
        self.sent: dict[asyncio.Future[object], _Batch] = {}
        self._client = client
        self._partitions: dict[str, Sequence[int]] = {}
        self._open: dict[str, list[_Batch | None]] = {}
        """Of each topic, in the order of its partitions."""

    async def add(self, messages: Iterable[Message]) -> None:
        for message in messages:
            topic, key = message.topic, message.key
            if key is None and message.value is None:
                key = b""  # a message needs a key or a value, but a dead letter may have come without either
            batches = self._open.get(topic)
            if batches is None:
                batches = await self._look_up(topic)
            index = self._unkeyed(topic) if key is None else _index(key, len(batches))
            batch = batches[index]
            if batch is None or not batch.append(message, key):
                await self._hand_over(topic, batch)
                batch = batches[index] = _Batch(self._client.create_batch(), self._partitions[topic][index])
                if not batch.append(message, key) or batch.largest_size > MAX_MESSAGE_BYTES - BATCH_HEADER_BYTES:
                    raise MessageTooLarge(message)

    async def hand_over_all(self) -> None:
        for topic, batches in self._open.items():
            for batch in batches:
                await self._hand_over(topic, batch)

    async def _hand_over(self, topic: str, batch: _Batch | None) -> None:
        if batch is not None:
            self.sent[await self._client.send_batch(batch.builder, topic, partition=batch.partition)] = batch

    async def _look_up(self, topic: str) -> list[_Batch | None]:
        partitions = self._partitions[topic] = sorted(await self._client.partitions_for(topic))
        batches = self._open[topic] = [None] * len(partitions)
        return batches

    def _unkeyed(self, topic: str) -> int:
        partitions = self._partitions[topic]
        available = self._client.client.cluster.available_partitions_for_topic(topic)
        return partitions.index(_partitioner(None, partitions, list(available or ())))


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
