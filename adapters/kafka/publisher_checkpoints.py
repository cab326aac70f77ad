"""How far publishers have come, out of the compacted topic that their transactions write to."""

from __future__ import annotations

import json

from aiokafka import AIOKafkaConsumer, TopicPartition

from adapters.kafka import startup
from adapters.kafka.clients import consumer
from adapters.kafka.errors import close_client, with_timeout
from adapters.kafka.messages import Message, Received, to_received
from adapters.kafka.topics import PUBLISHER_POSITIONS
from adapters.kafka.unreadable_batches import getmany
from adapters.settings import Settings
from domain.ports.messaging import PublisherCheckpoint
from domain.shared.errors import BrokerRefused

_PARTITION = TopicPartition(PUBLISHER_POSITIONS, 0)
FIRST_WINDOW = 200
BATCH_RECORDS = 1_000
READ_TIMEOUT_SECONDS = 45.0
"""Longer than a transaction may stay open: a record may lie behind it."""


def checkpoint_message(publisher_id: str, published: PublisherCheckpoint) -> Message:
    value = json.dumps({"position": published.position, "event": published.event}).encode()
    return Message(PUBLISHER_POSITIONS, publisher_id.encode(), value, ())


async def read_own_checkpoint(settings: Settings) -> PublisherCheckpoint:
    """How far the publisher of these settings has come, for those who only look; raises BrokerUnavailable and
    BrokerRefused."""
    reading = read_checkpoint(settings, settings.publisher_id)
    return await with_timeout(settings.publisher_id, READ_TIMEOUT_SECONDS, reading)


async def last_position(settings: Settings, publisher_id: str, first_window: int = FIRST_WINDOW) -> int:
    """The position in the newest committed record of this publisher; 0: there is none."""
    return (await read_checkpoint(settings, publisher_id, first_window)).position


async def read_checkpoint(
    settings: Settings, publisher_id: str, first_window: int = FIRST_WINDOW
) -> PublisherCheckpoint:
    """What the newest committed record of this publisher says.

    Waits for transactions of others that were open when it was called: a record of ours may lie behind
    them. Reads from the end backwards, in windows that grow, so that it is quick however long the topic.
    """
    end = await _end(settings)
    reader = consumer(settings, group=None)
    try:
        await reader.start()
        reader.assign([_PARTITION])
        begin = (await reader.beginning_offsets([_PARTITION]))[_PARTITION]
        window = first_window
        while end > begin:
            start = max(begin, end - window)
            found = await _newest(reader, settings, publisher_id.encode(), start, end)
            if found is not None:
                return found
            end, window = start, window * 4
        return PublisherCheckpoint()
    finally:
        await close_client(reader)


async def _end(settings: Settings) -> int:
    """The offset after the last record, committed or not."""
    reader = consumer(settings, group=None, isolation_level="read_uncommitted")
    try:
        await startup.start_client(reader, settings, settings.publisher_id, READ_TIMEOUT_SECONDS)
        reader.assign([_PARTITION])
        return int((await reader.end_offsets([_PARTITION]))[_PARTITION])
    finally:
        await close_client(reader)


async def _newest(
    reader: AIOKafkaConsumer, settings: Settings, key: bytes, start: int, end: int
) -> PublisherCheckpoint | None:
    """What the last record of this key says, or one that cannot be read and may be its."""
    reader.seek(_PARTITION, start)
    newest: Received | None = None
    while await reader.position(_PARTITION) < end:
        found = await getmany(reader, settings, _PARTITION, timeout_ms=100, max_records=BATCH_RECORDS)
        for message in map(to_received, found.get(_PARTITION, ())):
            content = message.message
            if message.unreadable is not None or (content.key == key and content.value is not None):
                newest = message
    return None if newest is None else _said(newest)


def _said(record: Received) -> PublisherCheckpoint:
    """Raises BrokerRefused: to go on from an older record would publish events again."""
    try:
        if record.unreadable is not None:
            raise ValueError(record.unreadable.why)
        said = json.loads(record.message.value or b"")
        return PublisherCheckpoint(int(said["position"]), said.get("event"))
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        source = record.source
        raise BrokerRefused(
            f"how far the publisher has come cannot be read at offset {source.offset} of {source.topic}: {error}"
        ) from error
