"""A reader of a broker that does not wake waiting fetches: it asks seldom while nothing comes, and misses nothing."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiokafka import TopicPartition

from adapters.embedded.broker import EmbeddedBroker
from adapters.embedded.processes import EmbeddedServerUnavailable
from adapters.kafka.consumer_group import ConsumerGroup, GroupConsumer
from adapters.kafka.idle_poll import IdlePoll, Wakeup
from adapters.kafka.messages import Message
from adapters.kafka.topics import DEAD_LETTERS, ensure_topics
from adapters.settings import Settings
from tests.basket_traffic import send, streaming_settings
from tests.servers.waiting import eventually

PARTITIONS = frozenset({TopicPartition("t", 0), TopicPartition("t", 1)})
LONG = 3600.0


class Client:
    """Notes how it is paused and resumed. `assigned` is what the group gave it."""

    def __init__(self) -> None:
        self.assigned = PARTITIONS
        self.asked: list[str] = []

    def assignment(self) -> frozenset[TopicPartition]:
        return self.assigned

    def pause(self, *partitions: TopicPartition) -> None:
        self.asked.append(f"pause {sorted(each.partition for each in partitions)}")

    def resume(self, *partitions: TopicPartition) -> None:
        self.asked.append(f"resume {sorted(each.partition for each in partitions)}")


async def test_a_reader_does_not_pause_soon_after_messages() -> None:
    client = Client()
    await IdlePoll(client, LONG, Wakeup(), quiet=LONG).rest(LONG)
    assert client.asked == []


async def test_a_quiet_reader_pauses_until_it_is_woken() -> None:
    client, wakeup = Client(), Wakeup()
    resting = asyncio.create_task(IdlePoll(client, LONG, wakeup, quiet=0).rest(LONG))
    await eventually(lambda: client.asked == ["pause [0, 1]"], limit=30)
    assert not resting.done()
    wakeup.notify()
    await asyncio.wait_for(resting, 30)
    assert client.asked == ["pause [0, 1]", "resume [0, 1]"]


async def test_a_quiet_reader_pauses_no_longer_than_its_caller_waits() -> None:
    client = Client()
    await asyncio.wait_for(IdlePoll(client, LONG, Wakeup(), quiet=0).rest(0.01), 30)
    assert client.asked == ["pause [0, 1]", "resume [0, 1]"]


async def test_a_revoked_partition_is_not_resumed() -> None:
    client, wakeup = Client(), Wakeup()
    resting = asyncio.create_task(IdlePoll(client, LONG, wakeup, quiet=0).rest(LONG))
    await eventually(lambda: bool(client.asked), limit=30)
    client.assigned = frozenset({TopicPartition("t", 1)})
    wakeup.notify()
    await asyncio.wait_for(resting, 30)
    assert client.asked[-1] == "resume [1]"


async def test_a_reader_that_is_cancelled_during_a_pause_resumes() -> None:
    client = Client()
    resting = asyncio.create_task(IdlePoll(client, LONG, Wakeup(), quiet=0).rest(LONG))
    await eventually(lambda: bool(client.asked), limit=30)
    resting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await resting
    assert client.asked == ["pause [0, 1]", "resume [0, 1]"]


@pytest.fixture
async def embedded(tmp_path: Path) -> AsyncIterator[Settings]:
    """An embedded broker with our topics."""
    try:
        async with EmbeddedBroker(tmp_path / "broker.log") as broker:
            settings = streaming_settings(
                broker.bootstrap_servers, None, kafka_delivery="at_least_once", kafka_idle_poll_ms=50
            )
            await ensure_topics(settings)
            yield settings
    except EmbeddedServerUnavailable as error:
        pytest.skip(str(error))


async def test_a_pausing_reader_misses_no_message_and_keeps_their_order(embedded: Settings) -> None:
    key = uuid.uuid4().hex.encode()
    found: list[bytes | None] = []

    async def read(batches: GroupConsumer, upto: int) -> None:
        async def enough() -> bool:
            batch = await batches.next(100, 0.5)
            await batches.commit(batch)
            found.extend(each.message.value for each in batch if each.message.key == key)
            return len(found) >= upto

        await eventually(enough, limit=60)

    wakeup = Wakeup()
    async with ConsumerGroup(embedded, uuid.uuid4().hex, DEAD_LETTERS, wakeup=wakeup).open() as batches:
        for number in range(5):
            # Quiet for longer than a busy reader waits, so that it rests before each of them.
            assert await batches.next(100, 2.5) == []
            await send(embedded, [Message(DEAD_LETTERS, key, b"%d" % number, ())])
            wakeup.notify()
            await read(batches, number + 1)
    assert found == [b"%d" % number for number in range(5)]
