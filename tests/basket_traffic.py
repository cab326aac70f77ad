"""Baskets that change in a store, and Kafka topics as an ordinary consumer sees them."""

from __future__ import annotations

import asyncio
import random
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterable
from contextlib import asynccontextmanager, suppress
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from pydantic import SecretStr

from adapters.kafka.clients import admin, consumer, producer
from adapters.kafka.messages import Message, Received, basket_event_message, to_received, verdict_message
from adapters.kafka.producer import send_all
from adapters.kafka.unreadable_batches import getmany
from adapters.settings import Settings
from adapters.system import new_id, utc_now
from domain.basket.basket import Basket
from domain.basket.repository import BasketRepository
from domain.catalogue.epochs import FactMessage
from domain.catalogue.facts import Fact
from domain.ports.event_store import EventStore, StoredEvent
from domain.ports.messaging import Publication
from domain.shared.request_span import RequestSpan
from domain.shared.values import MessageSource
from tests.builders import add, availability, caller, change, initiate, item, offer, price, update, validate
from tests.builders.direct_handlers import direct_handlers
from tests.fakes.catalogue import InMemoryCatalogue
from tests.servers.kafka import KafkaServer
from tests.servers.waiting import eventually

MARKED_WITHIN_SECONDS = 3.0


def streaming_settings(servers: str, database_url: str | None = None, **values: Any) -> Settings:
    """Settings of a separate service on a shared Kafka."""
    given: dict[str, Any] = {
        "kafka_bootstrap_servers": servers,
        "kafka_partitions": 6,
        "kafka_replication_factor": 1,
        "kafka_fetch_max_wait_ms": 20,
        "publisher_id": f"publisher-{uuid.uuid4().hex}",
        "database_url": SecretStr(database_url) if database_url else None,
    }
    return Settings(_env_file=None, **{**given, **values})


def delivery(kafka: KafkaServer) -> str:
    return "exactly_once" if kafka.transactions else "at_least_once"


class BasketTraffic:
    """Fills baskets and validates them with the real handlers on the given store."""

    def __init__(self, store: EventStore, name: str = "acme") -> None:
        self.store = store
        self.basket_ids: list[str] = []
        self._caller = caller(name)
        self._facts = InMemoryCatalogue()
        self.handlers = direct_handlers(store, BasketRepository(store), self._facts, utc_now, new_id)

    async def knows_a_catalogue(self) -> BasketTraffic:
        facts: list[Fact] = [offer("o-1"), price("o-1"), availability("SKU-1", quantity=5)]
        await self._facts.record([FactMessage(fact, MessageSource("test", 0, at)) for at, fact in enumerate(facts)])
        return self

    async def fills_a_basket(self) -> Basket:
        """Nine events: initiated, two lines, two changes, a line, a verdict, a change, a verdict."""
        me, handlers = self._caller, self.handlers
        basket = (await handlers.initiate(initiate(item("o-1", 2), item("o-2", 1)), me)).basket
        self.basket_ids.append(basket.id)
        first = next(iter(basket.items))
        for quantity in (3, 9):
            await handlers.update(update(basket.id, change(first, quantity)), me)
        await handlers.update(update(basket.id, add("o-3")), me)
        await handlers.validate(validate(basket.id), me)
        await handlers.update(update(basket.id, change(first, 1)), me)
        return (await handlers.validate(validate(basket.id), me)).basket

    async def changes(self, basket_id: str) -> None:
        """One event: another line."""
        await self.handlers.update(update(basket_id, add("o-4", 1)), self._caller)

    async def fills_baskets(self, count: int, at_once: int = 8) -> None:
        turns = asyncio.Semaphore(at_once)

        async def fill() -> None:
            async with turns:
                await self.fills_a_basket()

        await asyncio.gather(*(fill() for _ in range(count)))

    async def keeps_filling(self, pause: float = 0.02) -> None:
        """Fills baskets until it is cancelled; an unfinished basket stays as it is."""
        while True:
            await self.fills_a_basket()
            await asyncio.sleep(random.uniform(0, 2 * pause))

    async def stored(self) -> dict[str, list[bytes]]:
        """The events of every basket, oldest first."""
        return {
            basket_id: [event.data for event in await self.store.read_events(basket_id)]
            for basket_id in self.basket_ids
        }


def event_message(event: StoredEvent, verdict: bytes | None = None) -> Message:
    """The message of an event that is the only one of its request, or of its verdict."""
    publication = Publication(event, RequestSpan(event.version, event.version), verdict)
    return basket_event_message(publication) if verdict is None else verdict_message(publication)


async def send(settings: Settings, messages: Iterable[Message]) -> None:
    """Sends messages outside of any transaction."""
    client = producer(settings)
    await client.start()
    await send_all(client, messages)
    await client.stop()


async def topic_content(settings: Settings, topic: str, keys: Collection[str]) -> list[Received]:
    """All messages with these keys, as `topic_messages` reads them."""
    wanted = {key.encode() for key in keys}
    return await topic_messages(settings, topic, lambda message: message.key in wanted)


async def topic_messages(settings: Settings, topic: str, wanted: Callable[[Message], bool]) -> list[Received]:
    """All wanted messages that a read_committed consumer is given, from the topic's beginning to the end
    that it had at the call; in order in each partition."""
    found: list[Received] = []
    async with _topic_reader(settings, topic) as (reader, ends, read):
        while any([await reader.position(each) < end for each, end in ends.items()]):
            found += [each for each in await read() if wanted(each.message)]
    return found


@asynccontextmanager
async def followed_topic(settings: Settings, topic: str) -> AsyncIterator[Callable[[], Awaitable[list[Received]]]]:
    """Reads the topic to its end first. The function gives what came since its last call."""
    async with _topic_reader(settings, topic) as (reader, ends, read):
        while any([await reader.position(each) < end for each, end in ends.items()]):
            await read()
        yield read


@asynccontextmanager
async def _topic_reader(
    settings: Settings, topic: str
) -> AsyncIterator[tuple[AIOKafkaConsumer, dict[TopicPartition, int], Callable[[], Awaitable[list[Received]]]]]:
    """A consumer at the topic's beginning, where its partitions end, and a function that reads on."""
    reader = consumer(settings, group=None)
    await reader.start()

    async def read() -> list[Received]:
        given = await getmany(reader, settings, timeout_ms=50, max_records=1_000)
        messages = [to_received(record) for records in given.values() for record in records]
        # Other tests leave batches that cannot be read.
        return [each for each in messages if each.unreadable is None]

    try:
        partitions = await _partitions(settings, topic)
        reader.assign(partitions)
        written = await _written_ends(settings, partitions)

        async def all_committed() -> bool:
            ends = await reader.end_offsets(partitions)
            return all(ends[each] >= written[each] for each in partitions)

        # Kafka marks the messages of a transaction as committed after it has answered the commit. Transactions of
        # killed producers stay open for longer.
        with suppress(AssertionError):
            await eventually(all_committed, limit=MARKED_WITHIN_SECONDS)
        ends = await reader.end_offsets(partitions)
        await reader.seek_to_beginning(*partitions)
        yield reader, ends, read
    finally:
        await reader.stop()


async def _written_ends(settings: Settings, partitions: list[TopicPartition]) -> dict[TopicPartition, int]:
    """The ends after all messages, committed or not."""
    reader = consumer(settings, group=None, isolation_level="read_uncommitted")
    await reader.start()
    try:
        ends: dict[TopicPartition, int] = await reader.end_offsets(partitions)
        return ends
    finally:
        await reader.stop()


async def _partitions(settings: Settings, topic: str) -> list[TopicPartition]:
    client = admin(settings)
    await client.start()
    try:
        (described,) = await client.describe_topics([topic])
        return [TopicPartition(topic, partition["partition"]) for partition in described["partitions"]]
    finally:
        await client.close()


def by_basket(messages: Collection[Received]) -> dict[str, list[bytes]]:
    """The values under each key, in the order in which they came."""
    found: dict[str, list[bytes]] = {}
    for message in messages:
        assert message.message.key is not None
        assert message.message.value is not None
        found.setdefault(message.message.key.decode(), []).append(message.message.value)
    return found
