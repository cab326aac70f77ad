"""How far a reader of Kafka is, and how much waits for it."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from domain.operators.status.model import LagMeasurement

POSITION_TIMEOUT_SECONDS = 1.0
"""A client that has no position at present, after a rebalance, has no figures either."""


class ConsumerLag:
    """What a reader was given and is not done with yet, and what the broker has beyond that.

    Positions and ends are those of all its partitions added up. Where a partition ends is what the broker said
    with the last fetch: the embedded one answers a question of its own wrongly. Markers of transactions count
    as messages.
    """

    def __init__(self, client: AIOKafkaConsumer, now: Callable[[], float] = time.time) -> None:
        self._client = client
        self._now = now
        self._open: dict[TopicPartition, deque[tuple[int, int, float]]] = {}
        """Of what is not done with, for each batch: its first offset, the one after its last, and the time of
        its first message in seconds since 1970."""

    def given(self, found: Mapping[TopicPartition, Sequence[Any]]) -> None:
        """Notes what the reader was given to do."""
        for partition, records in found.items():
            if records:
                first, last = records[0], records[-1]
                self._open.setdefault(partition, deque()).append(
                    (first.offset, last.offset + 1, first.timestamp / 1000)
                )

    def done(self, offsets: Mapping[TopicPartition, int]) -> None:
        """Notes that all before these offsets is done with."""
        for partition, offset in offsets.items():
            batches = self._open.get(partition)
            while batches and batches[0][1] <= offset:
                batches.popleft()
            if not batches:
                self._open.pop(partition, None)

    async def figures(self) -> LagMeasurement | None:
        """What is known now; None where that is nothing, as before the first fetch of every partition."""
        try:
            async with asyncio.timeout(POSITION_TIMEOUT_SECONDS):
                return await self._figures()
        except (KafkaError, TimeoutError, AssertionError):
            # The client asserts that a partition is still this member's; one may go while this waits.
            return None

    async def _figures(self) -> LagMeasurement | None:
        partitions = self._client.assignment()
        for gone in self._open.keys() - partitions:
            del self._open[gone]
        now = self._now()
        position = waiting = 0
        oldest, asked = now, now
        for partition in partitions:
            fetched = self._client.last_poll_timestamp(partition)
            if fetched is None:
                return None
            asked = min(asked, fetched / 1000)
            end = _end(self._client, partition)
            batches = self._open.get(partition)
            if batches:
                at = batches[0][0]
                oldest = min(oldest, batches[0][2])
            else:
                at = await self._client.position(partition)
            position += at
            waiting += max(0, end - at)
        return LagMeasurement(position, waiting, now - oldest, now - asked)


def _end(client: AIOKafkaConsumer, partition: TopicPartition) -> int:
    """The offset after the last message that may be read: what belongs to an open transaction may not yet."""
    end: int = client.highwater(partition)
    stable: int | None = client.last_stable_offset(partition)
    return end if stable is None or stable < 0 else min(end, stable)
