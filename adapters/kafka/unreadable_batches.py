"""Fetches records, and steps over batches that cannot be read.

Where aiokafka cannot read a batch, it raises without saying where, drops what it took from other partitions in the same
call, and fetches the same batch for ever. So this module seeks back and fetches once more by a request of its own.
"""

from __future__ import annotations

import struct
import time
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.client import AIOKafkaClient
from aiokafka.consumer.fetcher import READ_COMMITTED, PartitionRecords
from aiokafka.errors import CorruptRecordException, KafkaError, NoError, UnsupportedCodecError, for_code
from aiokafka.protocol.fetch import FetchRequest
from aiokafka.record.memory_records import MemoryRecords

from adapters.kafka.clients import connection
from adapters.settings import Settings
from domain.shared.errors import BrokerRefused, BrokerUnavailable, Unavailable

FETCH_BYTES = 1024 * 1024
"""As much of a partition as aiokafka fetches. The first batch comes whole even if it is larger."""
FETCH_WAIT_MILLISECONDS = 100

_BATCH = struct.Struct(">qiibIhi")
"""The head of a batch in the current format: first offset, length after these two, epoch, format, CRC, attributes, and
the last offset minus the first."""
_OFFSET = struct.Struct(">q")
_BYTES_BEFORE_LENGTH = 12
_CURRENT_FORMAT = 2


@dataclass(frozen=True, slots=True)
class UnreadableBatch:
    """Stands among the records of a fetch for those that cannot be read."""

    topic: str
    partition: int
    offset: int
    """Of the first record that was not read."""
    next_offset: int
    """Where readable records may follow."""
    raw: bytes
    """The whole batch."""
    why: str
    timestamp: float = field(default_factory=lambda: time.time() * 1000)
    """When it was found, in milliseconds since 1970."""
    key: None = None


async def getmany(
    client: AIOKafkaConsumer,
    settings: Settings,
    *partitions: TopicPartition,
    timeout_ms: int,
    max_records: int,
) -> Mapping[TopicPartition, Sequence[Any]]:
    """The client's `getmany`, with an UnreadableBatch in place of records that cannot be read. Raises what aiokafka
    raises."""
    before = await _positions(client, partitions or client.assignment())
    try:
        found: Mapping[TopicPartition, Sequence[Any]] = await client.getmany(
            *partitions, timeout_ms=timeout_ms, max_records=max_records
        )
        return found
    except (CorruptRecordException, UnsupportedCodecError) as error:
        fault: Exception = error
    except (KafkaError, OSError):
        raise
    except Exception as error:  # noqa: BLE001  (a batch may be wrong in any way)
        fault = error
    if client.assignment() - before.keys() and not partitions:
        # Records of partitions that were assigned meanwhile are lost. A new client begins with what is committed.
        raise fault
    # It may have dropped records of other partitions, which it does not deliver again by itself.
    for partition, position in before.items():
        client.seek(partition, position)
    found = await _around(client, settings, before)
    if not found:
        raise fault
    return found


async def _positions(client: AIOKafkaConsumer, partitions: Iterable[TopicPartition]) -> Mapping[TopicPartition, int]:
    return {partition: await client.position(partition) for partition in partitions}


async def _around(
    client: AIOKafkaConsumer, settings: Settings, positions: Mapping[TopicPartition, int]
) -> Mapping[TopicPartition, Sequence[Any]]:
    """The records at these positions of the partitions that have an unreadable batch there. The client goes on behind
    it."""
    found: dict[TopicPartition, Sequence[Any]] = {}
    async with _fetching(settings) as fetch:
        for partition, position in positions.items():
            records = await fetch(partition, position)
            if records and isinstance(records[-1], UnreadableBatch):
                client.seek(partition, records[-1].next_offset)
                found[partition] = records
    return found


async def explain_empty_fetch(settings: Settings, partition: TopicPartition, offset: int) -> Unavailable:
    """Why a partition delivers nothing although a record lies at this offset."""
    place = f"{partition.topic}, partition {partition.partition}, gives nothing out at offset {offset}"
    try:
        async with _fetching(settings) as fetch:
            await fetch(partition, offset)
    except KafkaError as error:
        words = f"{place}: the broker answers {error!r}"
        return BrokerUnavailable(words) if error.retriable else BrokerRefused(words)
    return BrokerUnavailable(place)


class _Fetch:
    def __init__(self, client: AIOKafkaClient) -> None:
        self._client = client

    async def __call__(self, partition: TopicPartition, offset: int) -> Sequence[Any]:
        """The committed records from an offset on, up to an UnreadableBatch. Raises the KafkaError that the broker
        answers."""
        await self._client.add_topic(partition.topic)
        leader = self._client.cluster.leader_for_partition(partition)
        wanted = [(partition.topic, [(partition.partition, offset, FETCH_BYTES)])]
        response = await self._client.send(
            leader, FetchRequest(FETCH_WAIT_MILLISECONDS, 1, FETCH_BYTES, READ_COMMITTED, wanted)
        )
        ((_, ((_, error_code, end, *rest),)),) = response.topics
        if (error := for_code(error_code)) is not NoError:
            raise error(partition)
        # After the stable offset come the log's start since version 5 and the preferred replica since version 11.
        aborted = rest[2] if response.API_VERSION >= 11 else rest[-2]
        return list(_records(partition, offset, rest[-1], aborted, end))


@asynccontextmanager
async def _fetching(settings: Settings) -> AsyncIterator[_Fetch]:
    client = AIOKafkaClient(**connection(settings))
    try:
        await client.bootstrap()
        yield _Fetch(client)
    finally:
        await client.close()


class _Batches:
    """The batches of a fetch; counts those that PartitionRecords took."""

    def __init__(self, raw: bytes) -> None:
        self._records = MemoryRecords(raw)
        self.taken = 0

    def has_next(self) -> bool:
        return bool(self._records.has_next())

    def next_batch(self) -> Any:
        self.taken += 1
        return self._records.next_batch()


def _records(
    partition: TopicPartition, offset: int, raw: bytes, aborted: Sequence[Any] | None, end: int
) -> Iterator[Any]:
    batches = _Batches(raw)
    records = PartitionRecords(
        partition, batches, aborted, offset, None, None, check_crcs=True, isolation_level=READ_COMMITTED
    )
    try:
        yield from records
    except Exception as error:  # noqa: BLE001  (a batch may be wrong in any way)
        first = records.next_fetch_offset
        batch, next_offset = _batch(raw, batches.taken - 1, end)
        # The next fetch must differ even where nothing was read, whatever the batch says about its end.
        next_offset = max(next_offset, first if first > offset else first + 1)
        yield UnreadableBatch(partition.topic, partition.partition, first, next_offset, batch, _words(error))


def _words(error: Exception) -> str:
    # The text of a KafkaError begins with its number and its name.
    words = ", ".join(map(str, error.args)) if isinstance(error, KafkaError) else str(error)
    return words or type(error).__name__


def _batch(raw: bytes, number: int, end: int) -> tuple[bytes, int]:
    """A batch by its number from 0, and the offset at which the next one begins. `end` is the partition's."""
    at = 0
    for _ in range(number):
        at = _end_of_batch(raw, at)
    following = _end_of_batch(raw, at)
    first, _, _, format, _, _, last = _BATCH.unpack_from(raw, at)
    if following + _OFFSET.size <= len(raw):
        # A batch's own end is under its CRC, which may be what is wrong.
        (next_offset,) = _OFFSET.unpack_from(raw, following)
    else:
        next_offset = first + (last if format >= _CURRENT_FORMAT else 0) + 1
    return raw[at:following], min(next_offset, end)


def _end_of_batch(raw: bytes, at: int) -> int:
    length: int = _BATCH.unpack_from(raw, at)[1]
    return at + _BYTES_BEFORE_LENGTH + length
