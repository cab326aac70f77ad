"""Reads the messages of one topic: the only place that knows how consumers of aiokafka behave."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, Literal

from aiokafka import TopicPartition
from aiokafka.abc import ConsumerRebalanceListener
from aiokafka.errors import CommitFailedError, IllegalGenerationError, RebalanceInProgressError, UnknownMemberIdError

from checkout_client.errors import CheckoutClientError
from checkout_client.kafka.connection import KafkaConnection
from checkout_client.kafka.messages import Record
from checkout_client.kafka.progress import Positions

Start = Literal["first", "end"] | datetime | Positions
"""Where reading begins: at the first message, at the end, at a moment, or where positions say."""

MAX_RECORDS = 500
POLL_SECONDS = 0.5

_log = logging.getLogger("checkout_client.kafka")


class PositionLost(CheckoutClientError):
    """Messages that were not read yet are no longer in the topic: its retention was shorter than the pause."""


class TopicReader(ConsumerRebalanceListener):  # type: ignore[misc]
    """Messages of one topic, read with isolation_level=read_committed.

    With a group its members share the partitions, and committed positions win over `start`. Without one it reads all
    partitions, or the given ones. Partitions that are added later are read from their first message on.
    """

    def __init__(
        self,
        connection: KafkaConnection,
        topic: str,
        *,
        group: str | None = None,
        start: Start = "first",
        partitions: Collection[int] | None = None,
    ) -> None:
        """Raises ValueError for what contradicts itself."""
        if group is not None and (partitions is not None or start == "end"):
            raise ValueError("a group has its own partitions, and begins at the first message or at a moment")
        if isinstance(start, Positions) and start.topic != topic:
            raise ValueError(f"the positions are of {start.topic}, not of {topic}")
        self.began_fresh = False
        """Whether it reads from the topic's first message on, and nobody of its group read before."""
        self.read_to: Mapping[int, int] = {}
        """Of each partition, the offset behind what `poll` returned, and behind marks of transactions that follow."""
        self._topic = topic
        self._group = group
        self._start = start
        self._assigned: Collection[TopicPartition] = ()
        self._next: dict[TopicPartition, int] = {}
        self._is_positioned = asyncio.Event()
        self._failure: Exception | None = None
        self._on_revoked: Callable[[], Awaitable[None]] | None = None
        self._connection = connection
        self._partitions = [TopicPartition(topic, partition) for partition in partitions or ()]
        self._client: Any = None

    async def start(self, on_revoked: Callable[[], Awaitable[None]] | None = None) -> None:
        """Connects, and joins the group. `on_revoked` is awaited before other members may get the partitions. Raises
        KafkaError."""
        self._on_revoked = on_revoked
        # A client of aiokafka belongs to the loop in which it is made.
        self._client = self._connection.consumer(group=self._group)
        if self._partitions:
            self._client.assign(self._partitions)
        else:
            self._client.subscribe([self._topic], listener=self if self._group is not None else None)
        await self._client.start()
        if self._group is None:
            await self._position(self._client.assignment())

    async def poll(self) -> Sequence[Record]:
        """Some messages, in order in each partition; none if none came for a moment. Raises KafkaError, and
        PositionLost."""
        if not await self._positioned():
            return []
        found = await self._client.getmany(timeout_ms=int(POLL_SECONDS * 1000), max_records=MAX_RECORDS)
        if not self._is_positioned.is_set() or self._client.assignment() != self._assigned:
            # They were fetched before their partition was positioned, and will come again.
            return []
        self._next.update({partition: await self._client.position(partition) for partition in self._assigned})
        self.read_to = {partition.partition: self._next[partition] for partition in self._assigned}
        return [_record(each) for some in found.values() for each in some]

    async def commit(self, positions: Positions) -> None:
        """Keeps the positions for the group; without a group it does nothing. Those of partitions that were revoked are
        left out: their messages come again."""
        assigned = self._client.assignment()
        offsets = {
            partition: offset
            for number, offset in positions.offsets.items()
            if (partition := TopicPartition(self._topic, number)) in assigned
        }
        if self._group is None or not offsets:
            return
        try:
            await self._client.commit(offsets)
        except (CommitFailedError, IllegalGenerationError, RebalanceInProgressError, UnknownMemberIdError):
            _log.info("positions of %s were not committed: the group is rebalancing", self._group)

    async def ends(self) -> Mapping[int, int]:
        """The offsets behind the last messages of now."""
        found = await self._client.end_offsets(self._client.assignment())
        return {partition.partition: offset for partition, offset in found.items()}

    async def stop(self) -> None:
        if self._client is not None:
            await self._client.stop()

    async def on_partitions_revoked(self, revoked: Collection[TopicPartition]) -> None:
        """Called by aiokafka, which only logs errors."""
        self._is_positioned.clear()
        self.read_to = {}
        if revoked and self._on_revoked is not None:
            try:
                await self._on_revoked()
            except Exception as error:  # noqa: BLE001 - it is raised where messages are read
                self._failure = error

    async def on_partitions_assigned(self, assigned: Collection[TopicPartition]) -> None:
        """Called by aiokafka, which only logs errors."""
        try:
            await self._position(assigned)
        except Exception as error:  # noqa: BLE001 - it is raised where messages are read
            self._failure = error
            self._is_positioned.set()

    async def _positioned(self) -> bool:
        """Whether messages can be fetched; False if they cannot for a moment."""
        try:
            # Python 3.11's `wait_for` may swallow a cancellation, and then a reader would never end.
            async with asyncio.timeout(POLL_SECONDS):
                await self._is_positioned.wait()
        except TimeoutError:
            return False
        if self._failure is not None:
            raise self._failure
        if self._group is None and self._client.assignment() != self._assigned:
            # aiokafka begins all partitions anew when some are added.
            await self._position(self._client.assignment())
        return True

    async def _position(self, assigned: Collection[TopicPartition]) -> None:
        """Seeks each partition to where it goes on."""
        first = await self._client.beginning_offsets(assigned) if assigned else {}
        known = {partition: await self._known(partition) for partition in assigned}
        unread = [partition for partition, offset in known.items() if offset is None]
        self.began_fresh = self._start == "first" and not self._partitions and len(unread) == len(known)
        starts = await self._starts(unread, first)
        for partition, offset in known.items():
            if offset is not None and offset < first[partition]:
                raise PositionLost(
                    f"{self._topic}, partition {partition.partition} begins at offset {first[partition]}, and"
                    f" {offset} was the next to read: set the position anew once the loss is dealt with"
                )
            self._next[partition] = starts[partition] if offset is None else offset
            self._client.seek(partition, self._next[partition])
        self._assigned = frozenset(assigned)
        self._is_positioned.set()

    async def _known(self, partition: TopicPartition) -> int | None:
        """The offset at which the partition goes on; None if nothing of it was read."""
        known: int | None
        if self._group is not None:
            known = await self._client.committed(partition)
        else:
            known = self._next.get(partition)
        if known is None and isinstance(self._start, Positions):
            return self._start.offsets.get(partition.partition)
        return known

    async def _starts(
        self, partitions: Sequence[TopicPartition], first: Mapping[TopicPartition, int]
    ) -> Mapping[TopicPartition, int]:
        """Where partitions begin of which nothing was read."""
        was_added = self._group is None and self._next
        if not partitions or self._start == "first" or isinstance(self._start, Positions) or was_added:
            return first
        ends: Mapping[TopicPartition, int] = await self._client.end_offsets(partitions)
        if self._start == "end":
            return ends
        moment = int(self._start.timestamp() * 1000)
        found = await self._client.offsets_for_times(dict.fromkeys(partitions, moment))
        return {each: ends[each] if found[each] is None else found[each].offset for each in partitions}


def _record(record: Any) -> Record:
    headers = tuple((name, value or b"") for name, value in record.headers)
    return Record(record.topic, record.partition, record.offset, record.key, record.value, headers)
