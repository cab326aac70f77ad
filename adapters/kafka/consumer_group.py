"""Reads topics as a member of a consumer group."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import CommitFailedError, IllegalGenerationError, RebalanceInProgressError, UnknownMemberIdError

from adapters.kafka.clients import consumer
from adapters.kafka.consumer_lag import ConsumerLag
from adapters.kafka.errors import close_client, with_timeout
from adapters.kafka.idle_poll import FETCH_SECONDS, IdlePoll, Wakeup, idle_poll
from adapters.kafka.messages import Received, to_received
from adapters.kafka.startup import start_client
from adapters.kafka.unreadable_batches import explain_empty_fetch, getmany
from adapters.settings import Settings
from domain.operators.status.model import LagMeasurement

REPLY_TIMEOUT_SECONDS = 10.0
JOIN_TIMEOUT_SECONDS = 45.0
"""A group takes a member in once it gives up those that died in silence: after a session's length or two."""

PROBE_TIMEOUT_SECONDS = 5.0
PROBE_SECONDS = 5.0

_log = structlog.get_logger("adapters.kafka.consumer_group")


class ConsumerGroup:
    """Topics that a consumer group reads."""

    def __init__(self, settings: Settings, group: str, *topics: str, wakeup: Wakeup | None = None, **more: Any) -> None:
        """`wakeup` is notified where this process publishes to these topics. `more` goes to aiokafka's consumer."""
        self._settings = settings
        self._group = group
        self._topics = topics
        self._wakeup = wakeup or Wakeup()
        self._more = more

    @asynccontextmanager
    async def open(self) -> AsyncIterator[GroupConsumer]:
        """Joins the group for the block; raises BrokerUnavailable."""
        client = consumer(self._settings, *self._topics, group=self._group, **self._more)
        try:
            await start_client(client, self._settings, self._group, JOIN_TIMEOUT_SECONDS)
            yield GroupConsumer(
                client,
                self._settings,
                self._group,
                # The embedded broker, which has no transactions either, reports wrong ends.
                ends_are_right=self._settings.kafka_delivery == "exactly_once",
                idle_poll=idle_poll(self._settings, client, self._wakeup),
            )
        finally:
            await close_client(client)


class GroupConsumer:
    """Reads what the group has not committed, of the partitions that are assigned to this member."""

    def __init__(
        self,
        client: AIOKafkaConsumer,
        settings: Settings,
        group: str,
        *,
        ends_are_right: bool = True,
        probe_every: float = PROBE_SECONDS,
        idle_poll: IdlePoll | None = None,
    ) -> None:
        """`settings` are those of `client`. `ends_are_right`: the broker knows where its partitions end. While no
        messages come, the broker is probed every `probe_every` seconds."""
        self._client = client
        self._settings = settings
        self._group = group
        self._ends_are_right = ends_are_right
        self._probe_every = probe_every
        self._behind: dict[TopicPartition, int] = {}
        self._probed = self._now()
        self._lag = ConsumerLag(client)
        self._idle_poll = idle_poll

    async def next(self, limit: int, wait: float) -> Sequence[Received]:
        """At most `limit` messages, in order in each partition; none where none came for `wait` seconds.

        A batch that cannot be read counts as a message. Raises BrokerUnavailable and BrokerRefused.
        """
        found = await with_timeout(self._group, wait + REPLY_TIMEOUT_SECONDS, self._fetch(limit, wait))
        if found:
            self._probed = self._now()
            self._lag.received(found)
        elif self._now() - self._probed >= self._probe_every:
            await with_timeout(self._group, PROBE_TIMEOUT_SECONDS, self._probe())
            self._probed = self._now()
        return [to_received(record) for records in found.values() for record in records]

    async def commit(self, batch: Iterable[Received]) -> None:
        """Commits the offsets after these messages. Raises BrokerUnavailable.

        Partitions that were revoked meanwhile are left out: their new member may receive the messages again.
        """
        assigned = self._client.assignment()
        done = offsets_after(batch)
        offsets = {partition: offset for partition, offset in done.items() if partition in assigned}
        if offsets:
            await with_timeout(self._group, REPLY_TIMEOUT_SECONDS, self._commit(offsets))
        self.done(done)

    def done(self, offsets: Mapping[TopicPartition, int]) -> None:
        """Everything before these offsets is finished and committed."""
        self._lag.done(offsets)

    async def measure_lag(self) -> LagMeasurement | None:
        """How far this member is, and how much waits for it; None while it is not known."""
        return await self._lag.measure()

    async def _fetch(self, limit: int, wait: float) -> Mapping[TopicPartition, Sequence[Any]]:
        timeout = wait if self._idle_poll is None else min(wait, FETCH_SECONDS)
        until = self._now() + wait
        while True:
            found = await getmany(self._client, self._settings, timeout_ms=int(timeout * 1000), max_records=limit)
            if self._idle_poll is None:
                return found
            if found:
                self._idle_poll.came()
            left = until - self._now()
            if found or left <= 0:
                return found
            await self._idle_poll.rest(left)

    async def _commit(self, offsets: dict[TopicPartition, int]) -> None:
        try:
            await self._client.commit(offsets)
        except (CommitFailedError, IllegalGenerationError, RebalanceInProgressError, UnknownMemberIdError):
            _log.info("offsets were not committed: the group is rebalancing", group=self._group)

    async def _probe(self) -> None:
        """Raises KafkaError, BrokerUnavailable or BrokerRefused where the brokers are away, or where messages wait that
        were not delivered since the last probe.

        The client itself reports neither, and after a long outage may never go on. The caller starts anew.
        """
        partitions = self._client.assignment()
        if not partitions:
            await self._client.topics()
            return
        ends = await self._client.end_offsets(partitions)
        if not self._ends_are_right:
            return
        behind: dict[TopicPartition, int] = {}
        for partition in partitions & self._client.assignment():
            position = await self._client.position(partition)
            if position < ends[partition]:
                behind[partition] = position
        stalled = behind.items() & self._behind.items()
        self._behind = behind
        if stalled:
            raise await explain_empty_fetch(self._settings, *min(stalled))

    @staticmethod
    def _now() -> float:
        return asyncio.get_running_loop().time()


def offsets_after(batch: Iterable[Received]) -> dict[TopicPartition, int]:
    """The next offset of each partition after these messages."""
    offsets: dict[TopicPartition, int] = {}
    for message in batch:
        partition = TopicPartition(message.source.topic, message.source.partition)
        offsets[partition] = max(message.next_offset, offsets.get(partition, 0))
    return offsets
