"""Reads the topics that events are published to, for verification."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import lru_cache
from hashlib import blake2b
from typing import Any, TypeVar

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.partitioner import DefaultPartitioner

from adapters.kafka.clients import admin, consumer
from adapters.kafka.errors import close_client, with_timeout
from adapters.kafka.messages import STATE_SUFFIX, TOMBSTONE_SUFFIX, VERDICT_SUFFIX, VERDICT_TYPE, to_received
from adapters.kafka.startup import start_client
from adapters.kafka.topics import BASKET_EVENTS, BASKETS, VALIDATION_RESULTS
from adapters.kafka.unreadable_batches import getmany
from adapters.settings import Settings
from domain.basket.personal_fields import without_personal_data
from domain.operators.verify.published_topic import ExpectedMessage, TopicMessage
from domain.operators.verify.state_verifier import StateRecord, state_digest
from domain.ports.event_store import StoredEvent
from domain.shared.errors import BrokerRefused, BrokerUnavailable
from domain.validation.stream_fold import BASKET_VALIDATED

T = TypeVar("T")

REPLAY = "ce_replay"
"""The header of republished messages."""

REPLY_TIMEOUT_SECONDS = 20.0
STALL_SECONDS = 30.0
MESSAGES_AT_ONCE = 2_000
FETCH_MILLISECONDS = 300

_choose = DefaultPartitioner()


class PublishedTopicReader:
    """PublishedTopic. Reads committed messages, without a consumer group."""

    def __init__(self, settings: Settings, name: str, *, holds_verdicts: bool) -> None:
        """The topic holds verdicts, or else events. Of a verdict only the id and the type are compared: its content
        depends on the release that published it."""
        self.name = name
        self.repeats_allowed = settings.kafka_delivery == "at_least_once"
        self._settings = settings
        self.holds_verdicts = holds_verdicts
        self._keys_moved = False
        """A message lies in another partition than its key has now."""

    def expected(self, event: StoredEvent) -> ExpectedMessage | None:
        if not self.holds_verdicts:
            digest = self._digest(event.type, event.data)
        elif event.type == BASKET_VALIDATED:
            digest = self._digest(VERDICT_TYPE, None)
        else:
            return None
        return ExpectedMessage(event.stream_id, event.version, event.position, digest)

    async def beginnings(self) -> Mapping[int, tuple[int, TopicMessage | None]]:
        async with self._client() as (client, partitions):
            begins = await _answer(client.beginning_offsets(partitions))
        return {
            partition.partition: (offset, await self._first(partition, offset) if offset else None)
            for partition, offset in begins.items()
        }

    def partitions_of(self, basket_id: str, partitions: int) -> Collection[int]:
        key = basket_id.encode()
        counts = range(1, partitions + 1) if self._keys_moved else [partitions]
        return {_partition_of(key, count) for count in counts}

    async def ends(self, known: Mapping[int, int] | None = None) -> Mapping[int, int]:
        if self.repeats_allowed:
            # The embedded broker's end offsets are wrong: read to the end.
            async with self._client() as (client, partitions):
                async for _ in self._read_to_end(client, partitions, known or {}):
                    pass
                return {each.partition: await _answer(client.position(each)) for each in partitions}
        async with self._client() as (client, partitions):
            ends = await _answer(client.end_offsets(partitions))
        return {partition.partition: offset for partition, offset in ends.items()}

    async def read(
        self,
        basket_ids: Collection[str] | None = None,
        after: Mapping[int, int] | None = None,
        *,
        everywhere: bool = False,
    ) -> AsyncIterator[Sequence[TopicMessage]]:
        wanted = None if basket_ids is None else {basket_id.encode() for basket_id in basket_ids}
        async with self._client() as (client, partitions):
            needed = {
                number for basket_id in basket_ids or () for number in self.partitions_of(basket_id, len(partitions))
            }
            chosen = [each for each in partitions if basket_ids is None or everywhere or each.partition in needed]
            if not chosen:
                return
            _assign(client, chosen)
            async for records in self._read_to_end(client, chosen, after or {}):
                self._keys_moved = self._keys_moved or any(
                    each.key is not None and each.partition != _partition_of(each.key, len(partitions))
                    for each in records
                )
                yield [self._found(each) for each in records if wanted is None or each.key in wanted]

    async def _first(self, partition: TopicPartition, offset: int) -> TopicMessage | None:
        async with self._client() as (client, _):
            _assign(client, [partition])
            async for records in self._read_to_end(client, [partition], {partition.partition: offset}):
                if records:
                    return self._found(records[0])
        return None

    async def _read_to_end(
        self, client: AIOKafkaConsumer, partitions: Sequence[TopicPartition], after: Mapping[int, int]
    ) -> AsyncIterator[Sequence[Any]]:
        """The records from some offsets, or the first, to the end of the partitions at the call or the first fetch. Raises
        BrokerUnavailable, also where the broker does not give out waiting records."""
        ends = {} if self.repeats_allowed else await _answer(client.end_offsets(partitions))
        begins = await _answer(client.beginning_offsets(partitions))
        for partition in partitions:
            client.seek(partition, max(begins[partition], after.get(partition.partition, 0)))
        client.resume(*partitions)
        waiting = set(partitions)
        now = asyncio.get_running_loop().time
        moved = now()
        while True:
            for partition in [*waiting]:
                position = await _answer(client.position(partition))
                end = ends.get(partition)
                if end is None and (seen := client.highwater(partition)) is not None:
                    ends[partition] = end = seen
                if end is not None and position >= end:
                    waiting.discard(partition)
            if not waiting:
                return
            if now() - moved > STALL_SECONDS:
                raise BrokerUnavailable(f"{self.name}: messages wait and are not given out")
            fetching = getmany(
                client,
                self._settings,
                *waiting,
                timeout_ms=FETCH_MILLISECONDS,
                max_records=MESSAGES_AT_ONCE,
            )
            fetched = await _answer(fetching)
            if fetched:
                moved = now()
                yield [record for records in fetched.values() for record in records]

    def _found(self, record: Any) -> TopicMessage:
        message = to_received(record).message
        name = message.header("ce_id") or ""
        if self.holds_verdicts:
            # Earlier releases gave a verdict the id of its event.
            name = name.removesuffix(VERDICT_SUFFIX)
        if self.name == BASKETS:
            name = name.removesuffix(STATE_SUFFIX).removesuffix(TOMBSTONE_SUFFIX)
        basket_id, _, version = name.rpartition("/")
        # The key names the basket. An id that names another basket gives no version of this one.
        key = message.key.decode(errors="replace") if message.key else None
        known = basket_id == key and version.isdecimal()
        return TopicMessage(
            basket_id=key,
            version=int(version) if known else None,
            digest=self._digest(message.header("ce_type") or "", message.value),
            partition=record.partition,
            offset=record.offset,
            replay=message.header(REPLAY) is not None,
        )

    def _digest(self, type: str, value: bytes | None) -> bytes:
        # Personal data may have been erased since; then the store has it empty.
        content = without_personal_data(value or b"") if not self.holds_verdicts else b""
        return blake2b(b"%b\x00%b" % (type.encode(), content), digest_size=16).digest()

    @asynccontextmanager
    async def _client(self) -> AsyncIterator[tuple[AIOKafkaConsumer, list[TopicPartition]]]:
        """A consumer with all partitions of the topic."""
        client = consumer(self._settings, group=None)
        try:
            partitions = await self._partitions()
            await start_client(client, self._settings, "verify", REPLY_TIMEOUT_SECONDS)
            _assign(client, partitions)
            yield client, partitions
        finally:
            await close_client(client)

    async def _partitions(self) -> list[TopicPartition]:
        client = admin(self._settings)
        try:
            await start_client(client, self._settings, "verify", REPLY_TIMEOUT_SECONDS)
            (described,) = await _answer(client.describe_topics([self.name]))
        finally:
            await client.close()
        if described["error_code"]:
            raise BrokerRefused(f"there is no topic {self.name}; `checkout migrate` makes it")
        return sorted(TopicPartition(self.name, each["partition"]) for each in described["partitions"])


class StateTopicReader(PublishedTopicReader):
    """StateTopic."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings, BASKETS, holds_verdicts=False)

    async def last_records(self, basket_ids: Collection[str] | None) -> Mapping[str, StateRecord]:
        """Where partitions were added, an old record may lie in another one: the newest version counts."""
        found: dict[str, StateRecord] = {}
        lies_in: dict[str, int] = {}
        wanted = None if basket_ids is None else {*basket_ids}
        async with self._client() as (client, partitions):
            async for records in self._read_to_end(client, partitions, {}):
                for record in records:
                    message = self._found(record)
                    id = message.basket_id
                    if id is None or (wanted is not None and id not in wanted):
                        continue
                    elsewhere = id in found and lies_in[id] != message.partition
                    if elsewhere and (message.version or 0) < (found[id].version or 0):
                        continue
                    digest = None if record.value is None else state_digest(record.value)
                    found[id] = StateRecord(message.version, digest, message.place)
                    lies_in[id] = message.partition
        return found


def basket_events(settings: Settings) -> PublishedTopicReader:
    return PublishedTopicReader(settings, BASKET_EVENTS, holds_verdicts=False)


def validation_results(settings: Settings) -> PublishedTopicReader:
    return PublishedTopicReader(settings, VALIDATION_RESULTS, holds_verdicts=True)


def _assign(client: AIOKafkaConsumer, partitions: Sequence[TopicPartition]) -> None:
    """Nothing is fetched yet: a client would begin at the beginning, with a megabyte of each partition."""
    client.assign(partitions)
    client.pause(*partitions)


@lru_cache(maxsize=10_000)
def _partition_of(key: bytes, partitions: int) -> int:
    return int(_choose(key, range(partitions), range(partitions)))


async def _answer(work: Coroutine[Any, Any, T]) -> T:
    return await with_timeout("verify", REPLY_TIMEOUT_SECONDS, work)
