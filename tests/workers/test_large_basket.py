"""A basket of 500 lines, large in everything, by HTTP into Kafka, and from there to consumers that set nothing."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from pathlib import Path

from aiokafka import AIOKafkaConsumer, TopicPartition
from confluent_kafka import Consumer
from confluent_kafka import TopicPartition as ForeignPartition

from adapters.kafka.topics import BASKET_EVENTS, BASKETS, VALIDATION_RESULTS
from adapters.postgres.event_store.store import PostgresEventStore
from adapters.postgres.pool import DatabasePool
from adapters.postgres.read_models.basket_views import PostgresBasketViews
from adapters.settings import Settings
from adapters.system import new_id, utc_now
from domain.basket.repository import BasketRepository
from domain.catalogue.epochs import FactMessage
from domain.catalogue.facts import Fact
from domain.shared.values import MessageSource
from tests.api.service import Service, settings_in
from tests.builders import availability, offer, price
from tests.builders.direct_handlers import direct_handlers
from tests.fakes.catalogue import InMemoryCatalogue
from tests.servers.kafka import KafkaServer
from tests.servers.waiting import eventually
from tests.workers.running_worker import ready_worker
from tests.workers.worker_processes import projector_worker, publisher_worker

LINES, PRODUCTS = 500, 4
TOPICS = (BASKET_EVENTS, BASKETS, VALIDATION_RESULTS)
LARGE = 4 * 2**20
"""Four times what most clients fetch of a partition by default."""


def long_text(start: str, length: int) -> str:
    return start.ljust(length, "x")


def offer_id(number: int) -> str:
    return long_text(f"o-{number}-", 128)


def facts() -> Iterator[Fact]:
    """Offers of which nothing can be had, with the longest names and reasons."""
    for number in range(LINES):
        codes = [long_text(f"s-{number}-{product}-", 128) for product in range(PRODUCTS)]
        yield offer(
            offer_id(number),
            products=codes,
            name=long_text("n", 512),
            path=long_text("/", 512),
            quantity={"min": 5_000, "step": 7},
            countries=["DE"],
            partners=["other"],
        )
        yield price(offer_id(number))
        yield from (availability(code, status="blocked", reason=long_text("r", 512)) for code in codes)


async def large_shop(store: PostgresEventStore, folder: Path) -> Service:
    catalogue = InMemoryCatalogue()
    await catalogue.record([FactMessage(fact, MessageSource("test", 0, at)) for at, fact in enumerate(facts())])
    handlers = direct_handlers(store, BasketRepository(store), catalogue, utc_now, new_id)
    return Service(settings_in(folder), handlers=handlers.real)


Found = dict[str, list[bytes]]
"""The values of one key by topic."""


Ends = dict[TopicPartition, int]
"""Where partitions end: others' tests may have filled them."""


def ends_of_topics(settings: Settings) -> Ends:
    reader = Consumer({"bootstrap.servers": settings.kafka_bootstrap_servers, "group.id": "ends"})
    known = reader.list_topics(timeout=30).topics
    ends = {
        TopicPartition(topic, number): reader.get_watermark_offsets(ForeignPartition(topic, number), timeout=30)[1]
        for topic in TOPICS
        for number in known[topic].partitions
    }
    reader.close()
    return ends


def read_by_librdkafka(settings: Settings, begins: Ends, key: str, complete: Callable[[Found], bool]) -> Found:
    reader = Consumer({"bootstrap.servers": settings.kafka_bootstrap_servers, "group.id": f"large-{key}"})
    reader.assign([ForeignPartition(each.topic, each.partition, offset) for each, offset in begins.items()])
    found: Found = {topic: [] for topic in TOPICS}
    for _ in range(900):
        for message in reader.consume(100, 0.1):
            assert message.error() is None, message.error()
            if message.key() == key.encode():
                found[message.topic() or ""].append(message.value() or b"")
        if complete(found):
            break
    reader.close()
    return found


async def read_by_aiokafka(settings: Settings, begins: Ends, key: str, complete: Callable[[Found], bool]) -> Found:
    reader = AIOKafkaConsumer(bootstrap_servers=settings.kafka_bootstrap_servers)
    await reader.start()
    reader.assign([*begins])
    for partition, offset in begins.items():
        reader.seek(partition, offset)
    found: Found = {topic: [] for topic in TOPICS}

    async def read() -> bool:
        for records in (await reader.getmany(timeout_ms=100)).values():
            for record in records:
                if record.key == key.encode():
                    found[record.topic].append(record.value or b"")
        return complete(found)

    await eventually(read)
    await reader.stop()
    return found


async def test_a_basket_that_is_large_in_everything_goes_by_http_and_kafka_to_consumers_at_their_defaults(
    settings: Settings,
    transactional_kafka: KafkaServer,
    database_url: str,
    store: PostgresEventStore,
    group: str,
    tmp_path: Path,
) -> None:
    shop = (await large_shop(store, tmp_path)).caller()
    items = [{"offer": {"id": offer_id(number), "version": "v-1"}, "quantity": 9_999} for number in range(LINES)]
    basket_id = await shop.begin(*items, country="GB", currency="GBP")
    verdict = await shop.validate(basket_id)
    assert verdict.status_code == 200, verdict.text
    state = await shop.order(basket_id)
    version = state.json()["order"]["version"]

    def complete(found: Found) -> bool:
        return len(found[BASKET_EVENTS]) >= version and len(found[BASKETS]) >= 2 and bool(found[VALIDATION_RESULTS])

    database = DatabasePool(database_url)

    async def projected() -> bool:
        return await PostgresBasketViews(database).versions([basket_id]) == {basket_id: version}

    begins = await asyncio.to_thread(ends_of_topics, settings)
    async with (
        publisher_worker(settings) as publisher,
        projector_worker(settings, group) as projector,
        ready_worker(publisher),
        ready_worker(projector),
    ):
        foreign, python = await asyncio.gather(
            asyncio.to_thread(read_by_librdkafka, settings, begins, basket_id, complete),
            read_by_aiokafka(settings, begins, basket_id, complete),
        )
        await eventually(projected)
    await database.close()
    assert foreign == python
    (published,) = foreign[VALIDATION_RESULTS]
    assert len(published) > LARGE
    findings = json.loads(published)["blockedProducts"]
    assert findings == verdict.json()["blockedProducts"]
    assert len(findings) == LINES * PRODUCTS
    assert foreign[BASKETS][-1] == state.content
    assert max(map(len, foreign[BASKET_EVENTS])) > LARGE / 2
