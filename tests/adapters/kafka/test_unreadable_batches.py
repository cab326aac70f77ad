"""Record batches as foreign clients and broken disks leave them, read as a consumer group reads them."""

from __future__ import annotations

import os
import struct
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.admin import NewTopic
from aiokafka.record.memory_records import MemoryRecords

from adapters.kafka.clients import admin, consumer, producer
from adapters.kafka.codecs import MAX_UNCOMPRESSED_BYTES
from adapters.kafka.consumer_group import ConsumerGroup, GroupConsumer
from adapters.kafka.messages import Message, Received
from adapters.kafka.published_topics import basket_events
from adapters.kafka.publisher_checkpoints import checkpoint_message, read_checkpoint
from adapters.kafka.topics import BASKET_EVENTS, PUBLISHER_POSITIONS, ensure_topics
from adapters.settings import Settings
from domain.ports.messaging import PublisherCheckpoint
from domain.shared.errors import BrokerRefused
from tests.basket_traffic import send, streaming_settings
from tests.conftest import OwnKafka
from tests.contracts.catalogue import unique
from tests.servers.apache_kafka import ApacheKafka
from tests.servers.foreign import send_foreign
from tests.servers.kafka import KafkaServer
from tests.servers.raw_batches import (
    GZIP,
    HEADER_BYTES,
    LZ4,
    SNAPPY,
    ZSTD,
    as_long_as,
    batch,
    codecs_on_disk,
    damage_on_disk,
    payload_of,
    produce_raw,
    with_payload,
)
from tests.servers.waiting import eventually

CODECS = {"gzip": GZIP, "snappy": SNAPPY, "lz4": LZ4, "zstd": ZSTD}


GOOD = batch(b"a value that is long enough to be packed, long enough to be packed, long enough")
GARBAGE = b"this is not what it says that it is"
CUT_OFF = payload_of(batch(os.urandom(300), codec=ZSTD))[:-9]
TURNED_BIT = GOOD[:-3] + bytes([GOOD[-3] ^ 1]) + GOOD[-2:]
LAST_OFFSET = HEADER_BYTES - 38

BROKEN: Mapping[str, tuple[bytes, str]] = {
    "gzip that is none": (with_payload(GOOD, GARBAGE, codec=GZIP), "gzip"),
    "snappy that is none": (with_payload(GOOD, GARBAGE, codec=SNAPPY), "snappy"),
    "snappy whose block has a negative length": (
        with_payload(GOOD, b"\x82SNAPPY\0" + bytes(8) + struct.pack(">i", -4), codec=SNAPPY),
        "a block of -4 bytes",
    ),
    "lz4 that is none": (with_payload(GOOD, GARBAGE, codec=LZ4), "lz4"),
    "zstd that is none": (with_payload(GOOD, GARBAGE, codec=ZSTD), "zstd"),
    "zstd that was cut off": (with_payload(GOOD, CUT_OFF, codec=ZSTD), "zstd"),
    "a codec that nobody knows": (with_payload(GOOD, payload_of(GOOD), codec=6), "0x06"),
    "records that are none": (with_payload(GOOD, b"\x7e" + GARBAGE), ""),
    "no records, and yet bytes": (with_payload(GOOD, GARBAGE, count=0), ""),
    "a bit that turned over on the disk": (TURNED_BIT, "CRC"),
    "a last offset that turned over on the disk": (
        GOOD[:LAST_OFFSET] + b"\x7f" + GOOD[LAST_OFFSET + 1 :],
        "CRC",
    ),
    "a marker of a transaction that is none": (with_payload(GOOD, payload_of(GOOD), codec=0x20), ""),
}
"""Batches of one record, and what is said of each."""


async def make_topic(
    settings: Settings, partitions: int = 1, compression: str = "producer", timestamps: str = "CreateTime"
) -> str:
    name = unique("t")
    client = admin(settings)
    await client.start()
    try:
        configs = {
            "max.message.bytes": str(16 * 1024 * 1024),
            "compression.type": compression,
            "message.timestamp.type": timestamps,
        }
        await client.create_topics([NewTopic(name, partitions, 1, topic_configs=configs)])

        async def is_led() -> bool:
            (described,) = await client.describe_topics([name])
            led = [each["leader"] >= 0 for each in described["partitions"]]
            return not described["error_code"] and len(led) == partitions and all(led)

        await eventually(is_led, every=0.1)
    finally:
        await client.close()
    return name


async def taken(batches: GroupConsumer, count: int) -> Sequence[Received]:
    """What a group is given until it has so many, committed as it goes."""
    found: list[Received] = []

    async def enough() -> bool:
        batch = await batches.next(100, 0.5)
        await batches.commit(batch)
        found.extend(batch)
        return len(found) >= count

    await eventually(enough, every=0)
    return found


async def committed(settings: Settings, group: str, topic: str, partitions: int) -> list[int | None]:
    reader = consumer(settings, group=group)
    await reader.start()
    try:
        return [await reader.committed(TopicPartition(topic, number)) for number in range(partitions)]
    finally:
        await reader.stop()


@pytest.fixture
async def node(own_kafka: OwnKafka) -> ApacheKafka:
    return await own_kafka()


@pytest.fixture
def settings(transactional_kafka: KafkaServer) -> Settings:
    return streaming_settings(transactional_kafka.bootstrap_servers)


@pytest.mark.parametrize("codec", CODECS)
async def test_batches_of_librdkafka_are_read(settings: Settings, codec: str) -> None:
    topic, group = await make_topic(settings), unique("group")
    values = [b"%d, and the same words again and again" % number for number in range(50)]
    options: dict[str, Any] = {"compression.type": codec, "linger.ms": 100}
    send_foreign(settings, [Message(topic, None, value, ()) for value in values], **options)

    async with ConsumerGroup(settings, group, topic).open() as batches:
        found = await taken(batches, len(values))

    assert [message.message.value for message in found] == values
    assert [message.unreadable for message in found] == [None] * len(values)


async def test_batches_of_java_clients_are_read_also_with_broker_timestamps(node: ApacheKafka) -> None:
    settings = streaming_settings(node.bootstrap_servers)
    for codec, number in CODECS.items():
        # The broker packs what it was given otherwise, as Java's clients do.
        topic = await make_topic(settings, compression=codec, timestamps="LogAppendTime")
        values = [b"%d, and the same words again and again" % number for number in range(50)]
        send_foreign(settings, [Message(topic, None, value, ()) for value in values], **{"linger.ms": 100})
        async with ConsumerGroup(settings, unique("group"), topic).open() as batches:
            found = await taken(batches, len(values))
        assert [message.message.value for message in found] == values
        assert codecs_on_disk(node.folder, topic) == {number}


async def test_unreadable_batches_are_delivered_as_such_and_those_around_them_are_read(
    node: ApacheKafka,
) -> None:
    group = unique("group")
    before, after = batch(b"before"), batch(b"after 1", b"after 2")
    settings = streaming_settings(node.bootstrap_servers)
    topic = await make_topic(settings, len(BROKEN))
    for number, (broken, _) in enumerate(BROKEN.values()):
        for raw in (before, as_long_as(broken), after):
            await produce_raw(settings, topic, number, raw)
    await node.stop()
    for number, (broken, _) in enumerate(BROKEN.values()):
        damage_on_disk(node.folder, topic, number, 1, broken)
    await node.start()

    async with ConsumerGroup(settings, group, topic).open() as batches:
        found = await taken(batches, 4 * len(BROKEN))
        assert await batches.next(100, 0.1) == []
    ends = await committed(settings, group, topic, len(BROKEN))

    for number, (kind, (broken, words)) in enumerate(BROKEN.items()):
        ours = [message for message in found if message.source.partition == number]
        assert [message.source.offset for message in ours] == [0, 1, 2, 3], kind
        values = [None if message.unreadable else message.message.value for message in ours]
        assert values == [b"before", None, b"after 1", b"after 2"], kind
        unreadable = ours[1].unreadable
        assert unreadable is not None, kind
        assert words in unreadable.why, kind
        assert unreadable.raw[HEADER_BYTES:] == broken[HEADER_BYTES:], kind
    assert ends == [4] * len(BROKEN)


async def test_a_batch_that_is_shorter_than_it_says_holds_up_nothing(node: ApacheKafka) -> None:
    broken = with_payload(GOOD, payload_of(GOOD), count=2)
    settings = streaming_settings(node.bootstrap_servers)
    topic = await make_topic(settings)
    for raw in (as_long_as(broken), batch(b"after")):
        await produce_raw(settings, topic, 0, raw)
    await node.stop()
    damage_on_disk(node.folder, topic, 0, 0, broken)
    await node.start()
    async with ConsumerGroup(settings, unique("group"), topic).open() as batches:
        found = await taken(batches, 3)

    assert [(message.source.offset, message.unreadable is None) for message in found] == [
        (0, True),
        (1, False),
        (1, True),
    ]


async def test_records_before_a_broken_one_are_read_and_the_rest_of_its_batch_is_not(
    settings: Settings,
) -> None:
    topic = await make_topic(settings)
    whole = batch(b"1", b"2", headers=[("name", b"value")])
    await produce_raw(settings, topic, 0, with_payload(whole, _with_odd_name(payload_of(whole))))
    await produce_raw(settings, topic, 0, batch(b"3"))

    async with ConsumerGroup(settings, unique("group"), topic).open() as batches:
        found = await taken(batches, 3)

    assert [(message.source.offset, message.unreadable is None) for message in found] == [
        (0, True),
        (1, False),
        (2, True),
    ]
    assert "utf-8" in (found[1].unreadable.why if found[1].unreadable else "")


async def test_an_unreadable_batch_does_not_hold_up_other_partitions(settings: Settings) -> None:
    partitions = 6
    topic = await make_topic(settings, partitions)
    whole = batch(b"odd", headers=[("name", b"value")])
    good = [b"%d" % number for number in range(partitions)]
    for number in range(partitions):
        await produce_raw(settings, topic, number, batch(good[number]))
    for number in (0, 1):
        await produce_raw(settings, topic, number, with_payload(whole, _with_odd_name(payload_of(whole))))

    # A fetch names the partitions in an order of its own each time.
    for _ in range(6):
        async with ConsumerGroup(settings, unique("group"), topic).open() as batches:
            found = await taken(batches, partitions + 2)
        values = [message.message.value for message in found if not message.unreadable]
        assert sorted(filter(None, values)) == good
        assert len(found) == partitions + 2


async def test_aborted_records_around_an_unreadable_batch_are_not_delivered(
    settings: Settings,
) -> None:
    topic = await make_topic(settings)
    client = producer(settings, transactional_id=unique("transaction"))
    await client.start()

    async def send_in_a_transaction(value: bytes, *, commit: bool) -> None:
        await client.begin_transaction()
        await client.send_and_wait(topic, value)
        await (client.commit_transaction() if commit else client.abort_transaction())

    await send_in_a_transaction(b"taken back", commit=False)
    await send_in_a_transaction(b"kept", commit=True)
    whole = batch(b"odd", headers=[("name", b"value")])
    await produce_raw(settings, topic, 0, with_payload(whole, _with_odd_name(payload_of(whole))))
    await send_in_a_transaction(b"taken back too", commit=False)
    await send_in_a_transaction(b"kept too", commit=True)
    await client.stop()

    async with ConsumerGroup(settings, unique("group"), topic).open() as batches:
        found = await taken(batches, 3)

    values = [None if message.unreadable else message.message.value for message in found]
    assert values == [b"kept", None, b"kept too"]


async def test_a_publisher_with_an_unreadable_checkpoint_does_not_start(node: ApacheKafka) -> None:
    settings = streaming_settings(node.bootstrap_servers, kafka_partitions=1)
    await ensure_topics(settings)
    lost = batch(b"lost", headers=[("name", b"value")])
    odd = {
        "no text": with_payload(lost, _with_odd_name(payload_of(lost))),
        "no JSON": batch(b"17", b"{", key=settings.publisher_id.encode()),
        "no position": batch(b'{"event": "x"}', key=settings.publisher_id.encode()),
    }
    for raw in odd.values():
        known = checkpoint_message(settings.publisher_id, PublisherCheckpoint(7, "an event"))
        await send(settings, [known])
        assert (await read_checkpoint(settings, settings.publisher_id)).position == 7
        await produce_raw(settings, PUBLISHER_POSITIONS, 0, raw)
        with pytest.raises(BrokerRefused, match="how far the publisher has come cannot be read at offset"):
            await read_checkpoint(settings, settings.publisher_id)


async def test_comparing_a_topic_with_the_store_shows_unreadable_batches(
    settings: Settings,
) -> None:
    await ensure_topics(settings)
    whole = batch(b"odd", headers=[("name", b"value")])
    offset = await produce_raw(settings, BASKET_EVENTS, 2, with_payload(whole, _with_odd_name(payload_of(whole))))
    found = [each async for page in basket_events(settings).read(after={2: offset}) for each in page]
    [odd] = [each for each in found if (each.partition, each.offset) == (2, offset)]
    assert (odd.basket_id, odd.version) == (None, None)


def _with_odd_name(payload: bytes) -> bytes:
    """The records with a name of a header in the last one that is no text; the broker looks at no name."""
    at = payload.rindex(b"name")
    return payload[:at] + b"n\xffme" + payload[at + 4 :]


@pytest.mark.parametrize("codec", CODECS)
async def test_a_decompression_bomb_is_not_decompressed(settings: Settings, codec: str) -> None:
    topic = await make_topic(settings)
    bomb = batch(bytes(MAX_UNCOMPRESSED_BYTES + 1), codec=CODECS[codec])
    assert len(bomb) < MAX_UNCOMPRESSED_BYTES / 15
    await produce_raw(settings, topic, 0, bomb)
    await produce_raw(settings, topic, 0, batch(b"after"))

    async with ConsumerGroup(settings, unique("group"), topic).open() as batches:
        found = await taken(batches, 2)

    assert [message.source.offset for message in found] == [0, 1]
    assert found[0].unreadable is not None
    assert found[0].unreadable.why == f"{codec}: it unpacks to more than {MAX_UNCOMPRESSED_BYTES} bytes"
    assert found[1].message.value == b"after"


def test_a_batch_at_the_limit_is_decompressed() -> None:
    value = bytes(MAX_UNCOMPRESSED_BYTES - 100)
    for codec in CODECS.values():
        (record,) = MemoryRecords(batch(value, codec=codec)).next_batch()
        assert record.value == value
