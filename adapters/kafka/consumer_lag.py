"""Measures how far a consumer is, and how much waits for it."""

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
"""After a rebalance a client may have no position for a while."""


class ConsumerLag:
    """Tracks what a consumer received and has not finished, and what the broker has beyond that.

    Positions and ends are sums over all partitions. A partition's end is the one of the last fetch, because the embedded
    broker answers a query wrongly. Transaction markers count as messages.
    """

    def __init__(self, client: AIOKafkaConsumer, now: Callable[[], float] = time.time) -> None:
        self._client = client
        self._now = now
        self._open: dict[TopicPartition, deque[tuple[int, int, float]]] = {}
        """Unfinished batches: the first offset, the offset after the last, and the time of the first message in seconds
        since 1970."""

    def received(self, records: Mapping[TopicPartition, Sequence[Any]]) -> None:
        """The consumer received these records."""
        for partition, batch in records.items():
            if batch:
                first, last = batch[0], batch[-1]
                self._open.setdefault(partition, deque()).append(
                    (first.offset, last.offset + 1, first.timestamp / 1000)
                )

    def done(self, offsets: Mapping[TopicPartition, int]) -> None:
        """Everything before these offsets is finished."""
        for partition, offset in offsets.items():
            batches = self._open.get(partition)
            while batches and batches[0][1] <= offset:
                batches.popleft()
            if not batches:
                self._open.pop(partition, None)

    async def measure(self) -> LagMeasurement | None:
        """None while it is not known, such as before each partition was fetched from."""
        try:
            async with asyncio.timeout(POSITION_TIMEOUT_SECONDS):
                return await self._measure()
        except (KafkaError, TimeoutError, AssertionError):
            # The client asserts that a partition is assigned. Meanwhile one may be revoked.
            return None

    async def _measure(self) -> LagMeasurement | None:
        partitions = self._client.assignment()
        for revoked in self._open.keys() - partitions:
            del self._open[revoked]
        now = self._now()
        position = waiting = 0
        oldest, measured_at = now, now
        for partition in partitions:
            fetched = self._client.last_poll_timestamp(partition)
            if fetched is None:
                return None
            measured_at = min(measured_at, fetched / 1000)
            end = _end(self._client, partition)
            batches = self._open.get(partition)
            if batches:
                at = batches[0][0]
                oldest = min(oldest, batches[0][2])
            else:
                at = await self._client.position(partition)
            position += at
            waiting += max(0, end - at)
        return LagMeasurement(position, waiting, now - oldest, now - measured_at)


def _end(client: AIOKafkaConsumer, partition: TopicPartition) -> int:
    """The offset after the last message that may be read; messages of open transactions may not."""
    end: int = client.highwater(partition)
    stable: int | None = client.last_stable_offset(partition)
    return end if stable is None or stable < 0 else min(end, stable)
