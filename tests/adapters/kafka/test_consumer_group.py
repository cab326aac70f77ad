from __future__ import annotations

import uuid
from collections.abc import Collection

import pytest
from aiokafka import TopicPartition

from adapters.kafka.consumer_group import ConsumerGroup, GroupConsumer
from adapters.kafka.messages import Message, Received
from adapters.kafka.topics import DEAD_LETTERS
from adapters.settings import Settings
from domain.shared.errors import BrokerUnavailable
from tests.basket_traffic import send, streaming_settings
from tests.servers.waiting import eventually

PARTITION = TopicPartition("t", 0)
NOBODY = streaming_settings("127.0.0.1:1")


class Standing:
    """A consumer that gives out nothing, though its partition goes on to offset 9."""

    def __init__(self, position: int = 7) -> None:
        self.at = position

    async def getmany(self, **_: object) -> dict[TopicPartition, list[object]]:
        return {}

    def assignment(self) -> frozenset[TopicPartition]:
        return frozenset({PARTITION})

    async def end_offsets(self, partitions: Collection[TopicPartition]) -> dict[TopicPartition, int]:
        return dict.fromkeys(partitions, 9)

    async def position(self, _: TopicPartition) -> int:
        return self.at


async def test_a_client_that_delivers_nothing_although_messages_wait_is_reported() -> None:
    batches = GroupConsumer(Standing(), NOBODY, "group", probe_every=0)
    assert await batches.next(10, 0.0) == []
    with pytest.raises(BrokerUnavailable, match="t, partition 0, gives nothing out at offset 7"):
        await batches.next(10, 0.0)


async def test_a_client_that_goes_on_or_is_at_the_end_is_not_reported() -> None:
    client = Standing()
    batches = GroupConsumer(client, NOBODY, "group", probe_every=0)
    for position in (7, 8, 9, 9):
        client.at = position
        assert await batches.next(10, 0.0) == []


async def test_wrong_ends_lead_to_no_conclusion() -> None:
    batches = GroupConsumer(Standing(), NOBODY, "group", ends_are_right=False, probe_every=0)
    for _ in range(3):
        assert await batches.next(10, 0.0) == []


async def test_committed_messages_are_not_delivered_again_and_the_others_are(settings: Settings) -> None:
    key = uuid.uuid4().hex.encode()
    await send(settings, [Message(DEAD_LETTERS, key, b"%d" % number, ()) for number in range(20)])
    subscription = ConsumerGroup(settings, uuid.uuid4().hex, DEAD_LETTERS)

    async with subscription.open() as batches:
        first = await _ours(batches, key, upto=20)
        await batches.commit(first[:12])
    async with subscription.open() as batches:
        rest = await _ours(batches, key, upto=8)
        await batches.commit(rest)

    assert [each.message.value for each in first] == [b"%d" % number for number in range(20)]
    assert [each.message.value for each in rest] == [b"%d" % number for number in range(12, 20)]


async def _ours(batches: GroupConsumer, key: bytes, upto: int) -> list[Received]:
    """So many messages with this key; others of the shared topic are passed over."""
    found: list[Received] = []

    async def enough() -> bool:
        found.extend(each for each in await batches.next(5, 0.1) if each.message.key == key)
        return len(found) >= upto

    await eventually(enough)
    return found


async def test_joining_a_group_fails_while_kafka_is_down() -> None:
    with pytest.raises(BrokerUnavailable):
        async with ConsumerGroup(streaming_settings("127.0.0.1:1"), "group", DEAD_LETTERS).open():
            raise AssertionError("it joined")
