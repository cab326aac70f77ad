"""Record batches as a sender of any make may write them, whole or broken, and how they get into a topic."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from pathlib import Path

from aiokafka import TopicPartition
from aiokafka.client import AIOKafkaClient
from aiokafka.errors import NoError, for_code
from aiokafka.protocol.produce import ProduceRequest
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from aiokafka.record.util import calc_crc32c

from adapters.kafka.clients import connection
from adapters.settings import Settings
from tests.servers.waiting import eventually

GZIP, SNAPPY, LZ4, ZSTD = 1, 2, 3, 4
HEADER_BYTES = 61
_LENGTH, _MAGIC, _CRC, _ATTRIBUTES, _COUNT = 8, 16, 17, 21, 57


def batch(
    *values: bytes | None,
    key: bytes | None = b"key",
    codec: int = 0,
    headers: Iterable[tuple[str, bytes | None]] = (),
    timestamp: int = 1_700_000_000_000,
) -> bytes:
    """A batch that holds these values, as aiokafka writes it."""
    builder = DefaultRecordBatchBuilder(2, codec, 0, -1, -1, -1, 64 * 1024 * 1024)
    for number, value in enumerate(values):
        builder.append(number, timestamp, key, value, [*headers])
    return bytes(builder.build())


def with_payload(whole: bytes, payload: bytes, *, codec: int = 0, count: int | None = None) -> bytes:
    """The batch with other bytes in the place of its records, and a CRC that is right."""
    broken = bytearray(whole[:HEADER_BYTES] + payload)
    struct.pack_into(">i", broken, _LENGTH, len(broken) - 12)
    struct.pack_into(">h", broken, _ATTRIBUTES, codec)
    if count is not None:
        struct.pack_into(">i", broken, _COUNT, count)
    return with_right_crc(broken)


def with_right_crc(raw: bytes | bytearray) -> bytes:
    mended = bytearray(raw)
    struct.pack_into(">I", mended, _CRC, calc_crc32c(bytes(mended[_ATTRIBUTES:])))
    return bytes(mended)


def payload_of(whole: bytes) -> bytes:
    return whole[HEADER_BYTES:]


async def produce_raw(settings: Settings, topic: str, partition: int, raw: bytes) -> int:
    """Sends a batch byte for byte; returns the offset that it was given. Raises the KafkaError that the broker
    answers."""
    client = AIOKafkaClient(**connection(settings))
    await client.bootstrap()
    try:
        await client.add_topic(topic)
        request = ProduceRequest(None, -1, 10_000, [(topic, [(partition, raw)])])

        async def taken() -> tuple[int]:
            leader = client.cluster.leader_for_partition(TopicPartition(topic, partition))
            ((_, ((_, code, offset, *_),)),) = (await client.send(leader, request)).topics
            error = for_code(code)
            # It may not know yet that it leads a topic that has just been made.
            assert not error.retriable
            if error is not NoError:
                raise error(topic)
            return (int(offset),)

        return (await eventually(taken, limit=60))[0]
    finally:
        await client.close()


def as_long_as(broken: bytes) -> bytes:
    """A whole batch of the same length, of one record."""
    empty = len(batch(b""))
    for size in range(max(0, len(broken) - empty - 8), len(broken)):
        if len(whole := batch(b"." * size)) == len(broken):
            return whole
    raise ValueError(f"no batch is {len(broken)} bytes long")


def damage_on_disk(folder: Path, topic: str, partition: int, offset: int, broken: bytes) -> None:
    """Puts a batch in the place of the one at an offset, which is as long. The node of this folder must stand still:
    it would refuse the batch, and does not look again at what it has."""
    log = _log(folder, topic, partition)
    segment = bytearray(log.read_bytes())
    at = next(at for at, _ in _batches(segment) if struct.unpack_from(">q", segment, at)[0] == offset)
    length = 12 + struct.unpack_from(">i", segment, at + _LENGTH)[0]
    if length != len(broken):
        raise ValueError(f"the batch at offset {offset} is {length} bytes long, not {len(broken)}")
    # Its offset and epoch are the broker's.
    segment[at + _LENGTH : at + length] = broken[_LENGTH:]
    log.write_bytes(segment)


def codecs_on_disk(folder: Path, topic: str, partition: int = 0) -> set[int]:
    """The codecs of the batches that a node of this folder keeps."""
    return {codec for _, codec in _batches(_log(folder, topic, partition).read_bytes())}


def _log(folder: Path, topic: str, partition: int) -> Path:
    return folder / "data" / f"{topic}-{partition}" / "00000000000000000000.log"


def _batches(segment: bytes | bytearray) -> Iterator[tuple[int, int]]:
    """Where each batch begins, and its codec."""
    at = 0
    while at + HEADER_BYTES <= len(segment) and (length := struct.unpack_from(">i", segment, at + _LENGTH)[0]):
        yield at, struct.unpack_from(">h", segment, at + _ATTRIBUTES)[0] & 7
        at += 12 + length
