"""Reads the topics while the suite runs, and finds the messages about a basket or a command."""

from __future__ import annotations

import asyncio
import json
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from adapters.kafka import topics
from adapters.kafka.clients import admin, consumer
from adapters.kafka.errors import close_client, translate_error, with_timeout
from adapters.kafka.startup import start_client
from adapters.settings import Settings
from cli.conformance.answer import JsonObject
from cli.conformance.cloud_event_rules import WireMessage
from cli.conformance.exchange import Exchange, shortened
from cli.conformance.failures import CaseNotRun, Deviation
from domain.shared.errors import BrokerRefused

READ = (
    topics.BASKET_EVENTS,
    topics.BASKETS,
    topics.VALIDATION_RESULTS,
    topics.COMMAND_RESULTS,
    topics.ORDER_RESULTS,
    topics.DEAD_LETTERS,
)
WITHIN_SECONDS = 30.0
START_WITHIN_SECONDS = 15.0
FETCH_MILLISECONDS = 250
MAX_KEPT = 200_000
"""Messages that the reader keeps, of everybody. A run takes a minute."""


@dataclass(frozen=True, slots=True)
class SuiteMessage:
    """A message, and where it lay."""

    topic: str
    partition: int
    offset: int
    wire: WireMessage

    @property
    def key(self) -> str | None:
        return self.wire.key.decode(errors="replace") if self.wire.key is not None else None

    def header(self, name: str) -> str | None:
        return next((value.decode(errors="replace") for known, value in self.wire.headers if known == name), None)

    @property
    def version(self) -> int:
        """By its sequence; 0 where it has none that is a number."""
        sequence = self.header("ce_sequence") or ""
        return int(sequence) if sequence.isdecimal() else 0

    @property
    def json(self) -> JsonObject:
        """The value. Raises Deviation if it is no JSON object."""
        try:
            content = json.loads(self.wire.value or b"", object_hook=JsonObject)
        except ValueError:
            content = None
        if not isinstance(content, JsonObject):
            raise self.deviation("a JSON object as value", "another value")
        return content

    def deviation(self, expected: str, came: str) -> Deviation:
        return Deviation(expected, came, Exchange((f"read {self.topic}",), self.lines()))

    def lines(self) -> tuple[str, ...]:
        headers = [f"{name}: {shortened(value.decode(errors='replace'))}" for name, value in self.wire.headers]
        value = shortened((self.wire.value or b"").decode(errors="replace"))
        return (f"partition {self.partition}, offset {self.offset}, key {self.key}", *headers, "", value)


Enough = Callable[[Sequence[SuiteMessage]], bool]


class TopicReader:
    """Keeps what comes while it runs, by its key and by its correlation id."""

    def __init__(self, within: float = WITHIN_SECONDS) -> None:
        """A case waits for messages for so many seconds."""
        self._within = within
        self._by_key: dict[tuple[str, str | None], list[SuiteMessage]] = defaultdict(list)
        self._by_correlation: dict[tuple[str, str | None], list[SuiteMessage]] = defaultdict(list)
        self._kept = 0
        self._came = asyncio.Condition()
        self._failure: str | None = None
        self._stopped = False

    async def about(self, topic: str, key: str, enough: Enough) -> Sequence[SuiteMessage]:
        """The messages with this key, once they are enough; after a while those that came. Raises
        CaseNotRun if the topics cannot be read."""
        return await self._wait(self._by_key, (topic, key), enough)

    async def answers(self, topic: str, id: str, count: int = 1) -> Sequence[SuiteMessage]:
        """The results of the message with this id, as `about`."""
        return await self._wait(self._by_correlation, (topic, id), lambda found: len(found) >= count)

    async def _wait(
        self, kept: dict[tuple[str, str | None], list[SuiteMessage]], name: tuple[str, str | None], enough: Enough
    ) -> Sequence[SuiteMessage]:
        async with self._came:
            try:
                async with asyncio.timeout(self._within):
                    await self._came.wait_for(lambda: self._failure is not None or enough(kept.get(name, ())))
            except TimeoutError:
                pass
        if self._failure is not None:
            raise CaseNotRun(self._failure)
        return tuple(kept.get(name, ()))

    async def run(self, client: AIOKafkaConsumer, prefix: str) -> None:
        """Takes what comes until it is stopped. `prefix` stands before the names of mirrored topics."""
        try:
            while not self._stopped:
                batches = await client.getmany(timeout_ms=FETCH_MILLISECONDS)
                await self.take([_read(record, prefix) for records in batches.values() for record in records])
        except KafkaError as error:
            self._failure = f"the topics cannot be read: {translate_error(error)}"
            await self.take(())

    def stop(self) -> None:
        # aiokafka's getmany() swallows a cancellation.
        self._stopped = True

    async def take(self, messages: Sequence[SuiteMessage]) -> None:
        """Keeps messages, and wakes the cases that wait."""
        async with self._came:
            for message in messages:
                self._keep(message)
            self._came.notify_all()

    def _keep(self, message: SuiteMessage) -> None:
        self._by_key[message.topic, message.key].append(message)
        if (correlation := message.header("ce_correlationid")) is not None:
            self._by_correlation[message.topic, correlation].append(message)
        self._kept += 1
        if self._kept > MAX_KEPT:
            self._failure = f"more than {MAX_KEPT} messages came; try it at a quieter time"


def _read(record: Any, prefix: str) -> SuiteMessage:
    headers = tuple((name, value or b"") for name, value in record.headers)
    wire = WireMessage(record.key, record.value, headers)
    return SuiteMessage(record.topic.removeprefix(prefix), record.partition, record.offset, wire)


@asynccontextmanager
async def open_topic_reader(settings: Settings, prefix: str = "") -> AsyncIterator[TopicReader]:
    """Reads from the end of the topics on, or from their beginning with a broker whose ends are wrong. Raises
    Unavailable and InvalidSetting."""
    client = consumer(settings, group=None, fetch_max_wait_ms=FETCH_MILLISECONDS)
    reader = TopicReader()
    try:
        partitions = await _partitions(settings, [prefix + topic for topic in READ])
        await start_client(client, settings, "conformance", START_WITHIN_SECONDS)
        assigning = _assign(client, partitions, from_end=settings.kafka_delivery == "exactly_once")
        await with_timeout("conformance", START_WITHIN_SECONDS, assigning)
        reading = asyncio.create_task(reader.run(client, prefix))
        try:
            yield reader
        finally:
            reader.stop()
            await asyncio.gather(reading, return_exceptions=True)
    finally:
        await close_client(client)


async def _assign(client: AIOKafkaConsumer, partitions: Sequence[TopicPartition], *, from_end: bool) -> None:
    client.assign(partitions)
    await (client.seek_to_end(*partitions) if from_end else client.seek_to_beginning(*partitions))
    for partition in partitions:
        # Only now the end is known.
        await client.position(partition)


async def _partitions(settings: Settings, names: Sequence[str]) -> Sequence[TopicPartition]:
    client = admin(settings)
    try:
        await start_client(client, settings, "conformance", START_WITHIN_SECONDS)
        described = await with_timeout("conformance", START_WITHIN_SECONDS, client.describe_topics([*names]))
    finally:
        await client.close()
    if missing := [topic["topic"] for topic in described if topic["error_code"]]:
        raise BrokerRefused(f"there is no topic {', '.join(missing)}")
    return [TopicPartition(topic["topic"], each["partition"]) for topic in described for each in topic["partitions"]]
