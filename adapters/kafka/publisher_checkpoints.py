"""Publishers' checkpoints, in the compacted topic that their transactions write to."""

from __future__ import annotations

import json

from aiokafka import AIOKafkaConsumer, TopicPartition

from adapters.kafka.clients import consumer
from adapters.kafka.errors import close_client, with_timeout
from adapters.kafka.messages import Message, Received, to_received
from adapters.kafka.startup import start_client
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
    """The checkpoint of the publisher of these settings; raises BrokerUnavailable and BrokerRefused."""
    reading = read_checkpoint(settings, settings.publisher_id)
    return await with_timeout(settings.publisher_id, READ_TIMEOUT_SECONDS, reading)


async def read_checkpoint(
    settings: Settings, publisher_id: str, first_window: int = FIRST_WINDOW
) -> PublisherCheckpoint:
    """The newest committed checkpoint of this publisher.

    Waits for other transactions that were open at the call: a checkpoint may lie behind them. Reads backwards from the
    end in growing windows, so that it is fast however long the topic is.
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
                return _parse(found)
            end, window = start, window * 4
        return PublisherCheckpoint()
    finally:
        await close_client(reader)


async def _end(settings: Settings) -> int:
    """The offset after the last record, committed or not."""
    reader = consumer(settings, group=None, isolation_level="read_uncommitted")
    try:
        await start_client(reader, settings, settings.publisher_id, READ_TIMEOUT_SECONDS)
        reader.assign([_PARTITION])
        return int((await reader.end_offsets([_PARTITION]))[_PARTITION])
    finally:
        await close_client(reader)


async def _newest(reader: AIOKafkaConsumer, settings: Settings, key: bytes, start: int, end: int) -> Received | None:
    """The last record of this key, or a later one that cannot be read and may have this key."""
    reader.seek(_PARTITION, start)
    newest: Received | None = None
    while await reader.position(_PARTITION) < end:
        found = await getmany(reader, settings, _PARTITION, timeout_ms=100, max_records=BATCH_RECORDS)
        for record in map(to_received, found.get(_PARTITION, ())):
            content = record.message
            if record.unreadable is not None or (content.key == key and content.value is not None):
                newest = record
    return newest


def _parse(record: Received) -> PublisherCheckpoint:
    """Raises BrokerRefused: an older checkpoint would publish events again."""
    try:
        if record.unreadable is not None:
            raise ValueError(record.unreadable.why)
        content = json.loads(record.message.value or b"")
        return PublisherCheckpoint(int(content["position"]), content.get("event"))
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        source = record.source
        raise BrokerRefused(
            f"how far the publisher has come cannot be read at offset {source.offset} of {source.topic}: {error}"
        ) from error
