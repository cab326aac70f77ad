"""Counts the messages between two offsets of partitions. Offsets alone do not tell: transaction markers and compacted
messages take some too."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from aiokafka import AIOKafkaConsumer, TopicPartition

from adapters.kafka.messages import Received, to_received
from adapters.kafka.unreadable_batches import getmany
from adapters.settings import Settings

SAMPLE_MESSAGES = 100
SAMPLE_BYTES = 128 * 1024
"""At most about so much of a partition is read. The first batch comes whole even if it is larger."""
SAMPLE_SECONDS = 5.0
_FETCH_MILLISECONDS = 200

Span = tuple[int, int]
"""The first offset, and the offset after the last."""


@dataclass(frozen=True, slots=True)
class UnreadMessages:
    """How many messages lie in a span, and the time of the first."""

    count: int = 0
    estimated: bool = False
    oldest_at: datetime | None = None


async def count_unread(
    client: AIOKafkaConsumer, settings: Settings, spans: Mapping[TopicPartition, Span]
) -> Mapping[TopicPartition, UnreadMessages]:
    """Reads the spans' first messages. Where more follow, the count is estimated: as many messages an offset."""
    samples = {partition: _Sample(span) for partition, span in spans.items()}
    if not samples:
        return {}
    client.assign(list(samples))
    for partition, sample in samples.items():
        client.seek(partition, sample.next)
    now = asyncio.get_running_loop().time
    until = now() + SAMPLE_SECONDS
    while (waiting := [each for each, sample in samples.items() if not sample.suffices]) and now() < until:
        found = await getmany(client, settings, *waiting, timeout_ms=_FETCH_MILLISECONDS, max_records=SAMPLE_MESSAGES)
        for partition in waiting:
            samples[partition].add(map(to_received, found.get(partition, ())), await client.position(partition))
    return {partition: sample.result() for partition, sample in samples.items()}


class _Sample:
    """What was read of a span."""

    def __init__(self, span: Span) -> None:
        self._start, self._end = span
        self.next = self._start
        self._count = self._bytes = 0
        self._oldest_at: datetime | None = None

    @property
    def suffices(self) -> bool:
        return self.next >= self._end or self._count >= SAMPLE_MESSAGES or self._bytes >= SAMPLE_BYTES

    def add(self, messages: Iterable[Received], position: int) -> None:
        for received in messages:
            if received.source.offset < self._end:
                self._oldest_at = self._oldest_at or received.at
                self._count += 1
                self._bytes += len(received.message.value or b"")
        self.next = min(position, self._end)

    def result(self) -> UnreadMessages:
        left, seen = self._end - self.next, self.next - self._start
        if not left:
            return UnreadMessages(self._count, oldest_at=self._oldest_at)
        more = round(left * self._count / seen) if seen else left
        return UnreadMessages(self._count + more, estimated=True, oldest_at=self._oldest_at)
