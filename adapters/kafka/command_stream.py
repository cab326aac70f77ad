"""Reads commands and orders, and publishes results: nothing is lost, and nothing happens twice."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager

import structlog
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from adapters.kafka.clients import consumer
from adapters.kafka.consumer_group import GroupConsumer, offsets_after
from adapters.kafka.errors import close_client, with_timeout
from adapters.kafka.idle_poll import IdlePoll, idle_poll
from adapters.kafka.messages import Message, Received
from adapters.kafka.producer import send_all
from adapters.kafka.startup import start_client, start_producer
from adapters.kafka.topics import COMMANDS, ORDERS
from adapters.settings import Settings
from domain.operators.status.model import LagMeasurement

GROUP = "checkout-commands"
"""The consumer group of the offsets, and the transactional id."""

START_WITHIN_SECONDS = 45.0
"""Longer than a transaction may stay open, because a successor waits for the end of the last one."""

FINISH_WITHIN_SECONDS = 30.0
ANSWER_WITHIN_SECONDS = 20.0

_log = structlog.get_logger("adapters.kafka.command_stream")


class CommandStream:
    """The command topics, for one reader at a time."""

    def __init__(self, settings: Settings, group: str = GROUP) -> None:
        self._settings = settings
        self._group = group
        self._exactly_once = settings.kafka_delivery == "exactly_once"

    @asynccontextmanager
    async def open(self) -> AsyncIterator[CommandSession]:
        """Takes over from the reader before; raises BrokerUnavailable."""
        if not self._exactly_once:
            _log.warning("the broker has no transactions: a crash may publish results again")
        # In this order: once the producer has started, the reader before has no transaction and can begin none. Only
        # then do the group's offsets say what is left to do.
        sending = await start_producer(self._settings, self._group, START_WITHIN_SECONDS, transactional_id=self._group)
        try:
            reading = consumer(self._settings, group=self._group)
            try:
                await start_client(reading, self._settings, self._group, START_WITHIN_SECONDS)
                session = CommandSession(
                    reading,
                    sending,
                    self._settings,
                    self._group,
                    exactly_once=self._exactly_once,
                    idle_poll=idle_poll(self._settings, reading),
                )
                await session.take_all_partitions()
                yield session
            finally:
                await close_client(reading)
        finally:
            await close_client(sending)


class CommandSession:
    """One reader at work. An error ends the session; the next one begins where this one finished.

    It takes all partitions and joins no group, so nobody waits for a member that died.
    """

    def __init__(
        self,
        reading: AIOKafkaConsumer,
        sending: AIOKafkaProducer,
        settings: Settings,
        group: str,
        *,
        exactly_once: bool,
        idle_poll: IdlePoll | None,
    ) -> None:
        self._reading = reading
        # The embedded broker, which has no transactions, reports wrong end offsets.
        self._batches = GroupConsumer(reading, settings, group, ends_are_right=exactly_once, idle_poll=idle_poll)
        self._sending = sending
        self._group = group
        self._exactly_once = exactly_once
        self._taken: frozenset[TopicPartition] = frozenset()

    async def take_all_partitions(self) -> None:
        """Reads from all present partitions; raises BrokerUnavailable if a topic is missing."""
        there = await with_timeout(self._group, ANSWER_WITHIN_SECONDS, self._partitions())
        if there != self._taken:
            # Each partition begins at the group's offset; only finished messages are before it.
            self._taken = frozenset(there)
            self._reading.assign(sorted(there))

    async def next(self, limit: int, wait: float) -> Sequence[Received]:
        """At most `limit` messages, in order in each partition; none after `wait` seconds. Raises BrokerUnavailable."""
        await self.take_all_partitions()
        return await self._batches.next(limit, wait)

    async def measure_lag(self) -> LagMeasurement | None:
        """How far this reader is, and how much waits for it; None if that is unknown."""
        return await self._batches.measure_lag()

    async def finish(self, batch: Sequence[Received], results: Sequence[Message]) -> None:
        """Publishes the results and commits the batch's offsets: in one transaction, or else the results first. Raises
        BrokerUnavailable, and LeadershipLost if another reader took over."""
        done = offsets_after(batch)
        await with_timeout(self._group, FINISH_WITHIN_SECONDS, self._send(results, done))
        self._batches.done(done)

    async def _send(self, results: Sequence[Message], done: Mapping[TopicPartition, int]) -> None:
        if self._exactly_once:
            # After an error, the next session aborts the transaction.
            await self._sending.begin_transaction()
            await send_all(self._sending, results)
            await self._sending.send_offsets_to_transaction(done, self._group)
            await self._sending.commit_transaction()
        else:
            await send_all(self._sending, results)
            await self._reading.commit(done)

    async def _partitions(self) -> set[TopicPartition]:
        # The producer caches these, and refreshes them from time to time.
        return {
            TopicPartition(topic, number)
            for topic in (COMMANDS, ORDERS)
            for number in await self._sending.partitions_for(topic)
        }
