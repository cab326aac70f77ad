"""Measures how far behind consumer groups are, by what they committed and where the partitions end."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import NamedTuple

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError, UnknownTopicOrPartitionError, for_code

from adapters.kafka.clients import admin, consumer
from adapters.kafka.errors import close_client, translate_error, with_timeout
from adapters.kafka.startup import start_client
from adapters.kafka.topics import TOPICS
from adapters.kafka.unread_messages import SAMPLE_BYTES, Span, UnreadMessages, count_unread
from adapters.settings import Settings
from domain.operators.status.lag_model import GroupCondition, GroupMeasurement, WatchedGroup
from domain.operators.status.rate_meter import RateMeter
from domain.shared.errors import BrokerRefused

START_TIMEOUT_SECONDS = 10.0
MEASURE_TIMEOUT_SECONDS = 30.0
RATE_WINDOW_SECONDS = 60.0
"""Most clients commit every five seconds, so a rate over a few seconds would jump."""

_CONDITIONS: Mapping[str, GroupCondition] = {
    "Stable": "reading",
    "PreparingRebalance": "rebalancing",
    "CompletingRebalance": "rebalancing",
    "Empty": "no-members",
    "Dead": "missing",
}
Counts = dict[tuple[TopicPartition, Span], UnreadMessages]
_OUR_TOPICS = frozenset(topic.name for topic in TOPICS)
_NOT_TOLD = "a broker without transactions (CHECKOUT_KAFKA_DELIVERY=at_least_once) does not say how far a group is"
_NOTHING_COMMITTED = "it has committed nothing on a topic of this service"


class _Clients(NamedTuple):
    asking: AIOKafkaAdminClient
    reading: AIOKafkaConsumer


class KafkaGroupMeter:
    """GroupMeter. It joins no group, and reads at most a sample of what a group has not read."""

    def __init__(
        self, settings: Settings, groups: Sequence[WatchedGroup], clock: Callable[[], float] = time.monotonic
    ) -> None:
        """`clock` is monotonic, in seconds."""
        self._settings = settings
        self._groups = groups
        self._clock = clock
        self._rates: dict[tuple[str, str], tuple[RateMeter, RateMeter]] = {}
        self._counted: Counts = {}
        """Of the last measurement: what has not moved since is not read again."""

    async def measure(self) -> Sequence[GroupMeasurement]:
        if self._settings.kafka_delivery == "at_least_once":
            return [_unknown(each, why=_NOT_TOLD) for each in self._groups]
        return await with_timeout("watcher", MEASURE_TIMEOUT_SECONDS, self._measure())

    async def _measure(self) -> Sequence[GroupMeasurement]:
        counted: Counts = {}
        async with self._clients() as clients:
            measured = [each for watched in self._groups for each in await self._of_group(watched, clients, counted)]
        self._counted = counted
        return measured

    async def _of_group(self, watched: WatchedGroup, clients: _Clients, counted: Counts) -> Sequence[GroupMeasurement]:
        try:
            committed = {
                partition: offset.offset
                for partition, offset in (await clients.asking.list_consumer_group_offsets(watched.group)).items()
                if offset.offset >= 0
            }
            condition, members = await _describe(clients.asking, watched.group)
            if condition == "missing" and committed:
                # Of a group of the newer protocol (KIP-848), brokers say this to clients of the older one.
                condition = "unknown"
            topics = [watched.topic] if watched.topic else sorted({each.topic for each in committed} & _OUR_TOPICS)
            if condition == "missing" or not topics:
                return [_unknown(watched, condition, members, _NOTHING_COMMITTED)]
            return [
                (await self._of_topic(watched.group, topic, committed, clients, counted)).model_copy(
                    update={"condition": condition, "members": members}
                )
                for topic in topics
            ]
        except KafkaError as error:
            # One group, or its topic, may be forbidden or missing. That hides no other group.
            if not isinstance(why := translate_error(error), BrokerRefused):
                raise
            return [_unknown(watched, why=str(why))]

    async def _of_topic(
        self,
        group: str,
        topic: str,
        committed: Mapping[TopicPartition, int],
        clients: _Clients,
        counted: Counts,
    ) -> GroupMeasurement:
        partitions = await _partitions(clients.asking, topic)
        begins = await clients.reading.beginning_offsets(partitions)
        ends = await clients.reading.end_offsets(partitions)
        # What retention has deleted does not wait.
        spans = {each: (max(begins[each], committed.get(each, 0)), ends[each]) for each in partitions}
        waiting = {each: span for each, span in spans.items() if span[0] < span[1]}
        same = {each: self._counted[each, span] for each, span in waiting.items() if (each, span) in self._counted}
        moved = {each: span for each, span in waiting.items() if each not in same}
        unread = {**same, **await count_unread(clients.reading, self._settings, moved)}
        counted |= {(each, waiting[each]): found for each, found in unread.items()}
        messages = sum(each.count for each in unread.values())
        offsets = sum(end - start for start, end in waiting.values())
        rate, arriving = self._rates_of(group, topic, spans.values(), messages / offsets if offsets else 1.0)
        return GroupMeasurement(
            group=group,
            topic=topic,
            condition="unknown",
            messages=messages,
            estimated=any(each.estimated for each in unread.values()),
            oldest_at=min((each.oldest_at for each in unread.values() if each.oldest_at), default=None),
            partitions=len(partitions),
            uncommitted=sum(each.count > 0 for partition, each in unread.items() if partition not in committed),
            rate=rate,
            arriving=arriving,
        )

    def _rates_of(
        self, group: str, topic: str, spans: Collection[Span], density: float
    ) -> tuple[float | None, float | None]:
        """Messages a second that the group commits and that arrive, with so many messages an offset."""
        if (group, topic) not in self._rates:
            self._rates[group, topic] = (self._rate_meter(), self._rate_meter())
        done, arrived = self._rates[group, topic]
        rates = done.at(sum(start for start, _ in spans)), arrived.at(sum(end for _, end in spans))
        # An offset that was set back, or a topic that was made again, makes a sum fall.
        committing, arriving = [None if rate is None or rate < 0 else rate * density for rate in rates]
        return committing, arriving

    def _rate_meter(self) -> RateMeter:
        return RateMeter(self._clock, RATE_WINDOW_SECONDS)

    @asynccontextmanager
    async def _clients(self) -> AsyncIterator[_Clients]:
        asking = admin(self._settings)
        reading = consumer(self._settings, group=None, max_partition_fetch_bytes=SAMPLE_BYTES)
        try:
            await start_client(asking, self._settings, "watcher", START_TIMEOUT_SECONDS)
            await start_client(reading, self._settings, "watcher", START_TIMEOUT_SECONDS)
            yield _Clients(asking, reading)
        finally:
            await close_client(reading)
            await asking.close()


async def _describe(client: AIOKafkaAdminClient, group: str) -> tuple[GroupCondition, int]:
    """The group's condition, and how many members it has."""
    (response,) = await client.describe_consumer_groups([group])
    code, _, state, _, _, members, *_ = response.groups[0]
    if code:
        raise for_code(code)(group)
    return _CONDITIONS.get(state, "unknown"), len(members)


async def _partitions(client: AIOKafkaAdminClient, topic: str) -> list[TopicPartition]:
    (described,) = await client.describe_topics([topic])
    if described["error_code"]:
        raise UnknownTopicOrPartitionError(topic)
    return [TopicPartition(topic, each["partition"]) for each in described["partitions"]]


def _unknown(
    watched: WatchedGroup, condition: GroupCondition = "unknown", members: int = 0, why: str = ""
) -> GroupMeasurement:
    return GroupMeasurement(group=watched.group, topic=watched.topic, condition=condition, members=members, unknown=why)
