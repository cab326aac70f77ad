"""A consumer group's share of some topics, in batches."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import (
    CommitFailedError,
    IllegalGenerationError,
    RebalanceInProgressError,
    UnknownMemberIdError,
)

from adapters.kafka.clients import consumer
from adapters.kafka.errors import close, translated
from adapters.kafka.messages import Received, received
from adapters.settings import Settings

ANSWER_WITHIN_SECONDS = 20.0

_log = structlog.get_logger("adapters.kafka.subscription")


class Batches:
    """What the group has not committed yet, of the partitions that are this member's."""

    def __init__(self, client: AIOKafkaConsumer, group: str) -> None:
        self._client = client
        self._group = group

    async def next(self, limit: int, wait: float) -> Sequence[Received]:
        """At most `limit` messages, in order in each partition; none where nothing came for `wait` seconds."""
        async with translated(self._group, wait + ANSWER_WITHIN_SECONDS):
            found = await self._client.getmany(timeout_ms=int(wait * 1000), max_records=limit)
        return [received(record) for records in found.values() for record in records]

    async def commit(self, batch: Iterable[Received]) -> None:
        """Says that these messages are done with. Partitions that went to another member in between are
        left out: that member may be given the messages again. Raises BrokerUnavailable."""
        done: dict[TopicPartition, int] = {}
        for message in batch:
            source = message.source
            partition = TopicPartition(source.topic, source.partition)
            done[partition] = max(source.offset + 1, done.get(partition, 0))
        ours = self._client.assignment()
        offsets = {partition: offset for partition, offset in done.items() if partition in ours}
        if not offsets:
            return
        async with translated(self._group, ANSWER_WITHIN_SECONDS):
            try:
                await self._client.commit(offsets)
            except (
                CommitFailedError,
                IllegalGenerationError,
                RebalanceInProgressError,
                UnknownMemberIdError,
            ):
                _log.info("offsets were not committed: the group is sharing out anew", group=self._group)


class Subscription:
    """Topics as a consumer group reads them."""

    def __init__(self, settings: Settings, group: str, *topics: str, **more: Any) -> None:
        """`more` goes to aiokafka's consumer as it is."""
        self._settings = settings
        self._group = group
        self._topics = topics
        self._more = more

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Batches]:
        """Joins the group for the block; raises BrokerUnavailable."""
        client = consumer(self._settings, *self._topics, group=self._group, **self._more)
        try:
            async with translated(self._group, ANSWER_WITHIN_SECONDS):
                await client.start()
            yield Batches(client, self._group)
        finally:
            await close(client)
