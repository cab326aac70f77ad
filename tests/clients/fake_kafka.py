"""Kafka in memory, as consumers and producers of aiokafka see it: partitions, groups, positions and rebalances."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from aiokafka import TopicPartition

from checkout_client.kafka import KafkaConnection


@dataclass(frozen=True, slots=True)
class FakeRecord:
    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...]
    timestamp: int


class FakeKafka:
    """Topics with their messages, and what groups committed."""

    def __init__(self, partitions: int = 3) -> None:
        self.partitions = partitions
        self.log: dict[TopicPartition, list[FakeRecord]] = defaultdict(list)
        self.first: dict[TopicPartition, int] = {}
        """Where partitions begin whose oldest messages are gone."""
        self.committed: dict[tuple[str, TopicPartition], int] = {}
        self.members: dict[str, list[FakeConsumer]] = defaultdict(list)
        self._rebalancing: dict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self.grown = asyncio.Event()
        self.on_send: Any = None
        """Called with each message that a producer sent."""
        self.commit_error: Exception | None = None
        """What commits raise."""

    @property
    def connection(self) -> FakeConnection:
        return FakeConnection("fake:9092", kafka=self)

    def add(
        self,
        topic: str,
        partition: int,
        value: bytes | None,
        headers: Mapping[str, str],
        *,
        key: str | None = None,
        at: int = 0,
    ) -> FakeRecord:
        """Appends a message; `at` is its time in milliseconds."""
        of = TopicPartition(topic, partition)
        encoded = tuple((name, text.encode()) for name, text in headers.items())
        record = FakeRecord(topic, partition, len(self.log[of]), key.encode() if key else None, value, encoded, at)
        self.log[of].append(record)
        self.grown.set()
        return record

    def of(self, topic: str) -> Sequence[TopicPartition]:
        return [TopicPartition(topic, number) for number in range(self.partitions)]

    async def rebalance(self, group: str) -> None:
        """Takes all partitions from the members, and shares them out anew."""
        async with self._rebalancing[group]:
            await self._share_out(group)

    async def _share_out(self, group: str) -> None:
        members = [*self.members[group]]
        await asyncio.gather(*(member.revoke() for member in members))
        members = [member for member in members if member in self.members[group]]
        for number, member in enumerate(members):
            member.assigned = {each for each in self.of(member.topic) if each.partition % len(members) == number}
        await asyncio.gather(*(member.listener.on_partitions_assigned(member.assigned) for member in members))

    async def crash(self, consumer: FakeConsumer) -> None:
        """The consumer's process is gone; the group finds out."""
        consumer.assigned = set()
        if consumer.group is not None and consumer in self.members[consumer.group]:
            self.members[consumer.group].remove(consumer)
            await self.rebalance(consumer.group)


@dataclass(frozen=True)
class FakeConnection(KafkaConnection):
    """Makes clients of a FakeKafka."""

    kafka: FakeKafka = field(default_factory=FakeKafka)
    consumers: list[FakeConsumer] = field(default_factory=list)

    def consumer(self, *topics: str, group: str | None, **more: Any) -> Any:
        consumer = FakeConsumer(self.kafka, group)
        self.consumers.append(consumer)
        return consumer

    def producer(self) -> Any:
        return FakeProducer(self.kafka)


class FakeConsumer:
    """AIOKafkaConsumer."""

    def __init__(self, kafka: FakeKafka, group: str | None) -> None:
        self._kafka = kafka
        self.group = group
        self.topic = ""
        self.listener: Any = None
        self.assigned: set[TopicPartition] = set()
        self._fixed = False
        self._positions: dict[TopicPartition, int] = {}

    def assign(self, partitions: Collection[TopicPartition]) -> None:
        self.assigned, self._fixed = set(partitions), True

    def subscribe(self, topics: Sequence[str], listener: Any = None) -> None:
        (self.topic,), self.listener = topics, listener

    async def start(self) -> None:
        if self.group is not None:
            self._kafka.members[self.group].append(self)
            await self._kafka.rebalance(self.group)
        elif not self._fixed:
            self._follow_metadata()

    async def stop(self) -> None:
        await self._kafka.crash(self)

    async def revoke(self) -> None:
        await self.listener.on_partitions_revoked(self.assigned)
        self.assigned, self._positions = set(), {}

    def assignment(self) -> frozenset[TopicPartition]:
        return frozenset(self.assigned)

    async def beginning_offsets(self, partitions: Collection[TopicPartition]) -> dict[TopicPartition, int]:
        return {each: self._kafka.first.get(each, 0) for each in partitions}

    async def end_offsets(self, partitions: Collection[TopicPartition]) -> dict[TopicPartition, int]:
        return {each: len(self._kafka.log[each]) for each in partitions}

    async def offsets_for_times(self, times: Mapping[TopicPartition, int]) -> dict[TopicPartition, FakeRecord | None]:
        return {
            each: next((record for record in self._kafka.log[each] if record.timestamp >= moment), None)
            for each, moment in times.items()
        }

    async def committed(self, partition: TopicPartition) -> int | None:
        await asyncio.sleep(0)
        return self._kafka.committed.get((str(self.group), partition))

    async def commit(self, offsets: Mapping[TopicPartition, int]) -> None:
        await asyncio.sleep(0)
        if self._kafka.commit_error is not None:
            raise self._kafka.commit_error
        self._kafka.committed.update({(str(self.group), each): offset for each, offset in offsets.items()})

    async def position(self, partition: TopicPartition) -> int:
        return self._positions[partition]

    def seek(self, partition: TopicPartition, offset: int) -> None:
        self._positions[partition] = offset

    async def getmany(self, *, timeout_ms: int, max_records: int) -> dict[TopicPartition, list[FakeRecord]]:
        """At most five messages at once, so that requests are cut."""
        await asyncio.sleep(0)
        if not self._fixed and self.group is None:
            self._follow_metadata()
        found: dict[TopicPartition, list[FakeRecord]] = {}
        for each in sorted(self.assigned):
            records = self._kafka.log[each][self._positions.get(each, 0) :][:5]
            if records:
                found[each] = records
                self._positions[each] = records[-1].offset + 1
        if not found:
            self._kafka.grown.clear()
            try:
                async with asyncio.timeout(0.01):
                    await self._kafka.grown.wait()
            except TimeoutError:
                return {}
        return found

    def _follow_metadata(self) -> None:
        """As aiokafka without a group: when partitions are added, all begin anew."""
        partitions = set(self._kafka.of(self.topic))
        if partitions != self.assigned:
            self.assigned, self._positions = partitions, {}


class FakeProducer:
    """AIOKafkaProducer."""

    def __init__(self, kafka: FakeKafka) -> None:
        self._kafka = kafka

    async def start(self) -> None: ...

    async def stop(self) -> None: ...

    async def send_and_wait(
        self, topic: str, value: bytes | None, key: bytes, headers: Sequence[tuple[str, bytes]]
    ) -> None:
        texts = {name: text.decode() for name, text in headers}
        record = self._kafka.add(topic, 0, value, texts, key=key.decode())
        if self._kafka.on_send is not None:
            self._kafka.on_send(record)
