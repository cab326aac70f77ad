from __future__ import annotations

import json
import uuid
from collections.abc import AsyncIterator, Sequence
from functools import partial

import pytest
from aiokafka import TopicPartition
from msgspec.structs import replace
from prometheus_client import REGISTRY
from structlog.testing import capture_logs

from adapters.kafka import topics
from adapters.kafka.catalogue_messages import CATALOGUE_TOPICS, fact_message
from adapters.kafka.clients import consumer
from adapters.kafka.consumer_group import ConsumerGroup
from adapters.kafka.messages import Message
from adapters.kafka.topics import ensure_topics
from adapters.postgres.catalogue.catalogue import PostgresCatalogue
from adapters.postgres.pool import DatabasePool
from adapters.settings import Settings
from domain.catalogue.epochs import CatalogueMessage
from domain.catalogue.facts import Fact
from domain.ports.catalogue import RecordingResult
from domain.shared.errors import StoreUnavailable
from domain.shared.values import MessageSource
from tests.basket_traffic import delivery, streaming_settings, topic_content
from tests.builders import NOW, availability, offer, price, ref
from tests.contracts.catalogue import GB, unique
from tests.fakes.catalogue import InMemoryCatalogue
from tests.servers.kafka import KafkaServer
from tests.servers.waiting import eventually
from tests.workers.running_worker import RecordedDeadLetters, ready_worker, send_messages
from workers.catalogue import CatalogueWorker

GROUP = unique("catalogue")
"""One for all: a new group would begin with whatever other tests left in the topics."""


@pytest.fixture
async def settings(kafka: KafkaServer) -> Settings:
    made = streaming_settings(kafka.bootstrap_servers, kafka_delivery=delivery(kafka))
    await ensure_topics(made)
    return made


@pytest.fixture
async def facts(database_url: str) -> AsyncIterator[PostgresCatalogue]:
    database = DatabasePool(database_url)
    made = PostgresCatalogue(database, cache_size=1)
    yield made
    await made.close()
    await database.close()


@pytest.fixture
def worker(settings: Settings, facts: PostgresCatalogue, letters: RecordedDeadLetters) -> CatalogueWorker:
    return CatalogueWorker(subscription(settings), facts, [letters])


def subscription(settings: Settings, group: str | None = None) -> ConsumerGroup:
    return ConsumerGroup(settings, group or GROUP, *CATALOGUE_TOPICS)


async def learned(facts: PostgresCatalogue, *wanted: Fact) -> None:
    ids = [fact.fact_id for fact in wanted]

    async def are_recorded() -> bool:
        return await facts.count_recorded(ids) == len(ids)

    await eventually(are_recorded)


async def test_facts_of_the_topics_are_recorded(
    worker: CatalogueWorker, facts: PostgresCatalogue, settings: Settings
) -> None:
    id, code = unique("o"), unique("SKU")
    said: list[Fact] = [offer(id, products=[code]), price(id, "3.50"), availability(code, quantity=2)]

    async with ready_worker(worker):
        await send_messages(settings, map(fact_message, said))
        await learned(facts, *said)

    catalogue = await facts.catalogue([id], [], fresh=True)
    assert [
        catalogue.offer(ref(id)),
        catalogue.price(ref(id), GB, NOW).current,
        catalogue.availability(code, GB, NOW),
    ] == said


async def test_a_message_needs_no_kind_and_may_have_members_that_a_setting_names(
    facts: PostgresCatalogue, letters: RecordedDeadLetters, settings: Settings
) -> None:
    said = price(unique("o"))
    document = {**json.loads(said.model_dump_json(exclude={"kind"})), "colour": "red"}
    message = Message(topics.PRICES, b"any", json.dumps(document).encode(), ())

    async with ready_worker(CatalogueWorker(subscription(settings), facts, [letters], ignored=["colour"])):
        await send_messages(settings, [message])
        await learned(facts, said)


@pytest.mark.parametrize(
    ("topic", "value"),
    [
        (topics.OFFERS, b"no JSON"),
        (topics.OFFERS, b"\xff\xfe"),
        (topics.OFFERS, b"[]"),
        (topics.OFFERS, price().model_dump_json().encode()),
        (topics.PRICES, price().model_dump_json(exclude={"sequence"}).encode()),
        (topics.AVAILABILITY, availability().model_dump_json().replace("available", "perhaps").encode()),
        (topics.POLICIES, b'{"partner": "acme", "checks": {"price_chnaged": "off"}, "sequence": 1}'),
        (topics.PRICES, price().model_dump_json().replace("{", '{"partner":"acme",', 1).encode()),
        (
            topics.AVAILABILITY,
            availability().model_dump_json().replace('"sequence":1', '"sequence":true').encode(),
        ),
        (
            topics.PRICES,
            price().model_dump_json().replace('"validFrom":null', '"validFrom":"20991231"').encode(),
        ),
    ],
)
async def test_a_message_that_is_no_fact_becomes_a_dead_letter_and_the_next_is_recorded(
    worker: CatalogueWorker,
    facts: PostgresCatalogue,
    letters: RecordedDeadLetters,
    settings: Settings,
    topic: str,
    value: bytes,
) -> None:
    key, next_one = unique("bad"), price(unique("o"))

    async with ready_worker(worker):
        await send_messages(settings, [Message(topic, key.encode(), value, ()), fact_message(next_one)])
        await eventually(lambda: letters.about(key))
        await learned(facts, next_one)

    [letter] = [letter for letter in letters.written if letter.key == key.encode()]
    assert (letter.code, letter.value, letter.source.topic) == ("not_a_fact", value, topic)
    assert letter.error


async def test_a_contradicting_fact_becomes_a_dead_letter_and_the_first_one_counts(
    worker: CatalogueWorker, facts: PostgresCatalogue, letters: RecordedDeadLetters, settings: Settings
) -> None:
    id = unique("o")
    first, other = price(id, "1.00"), price(id, "2.00")

    async with ready_worker(worker):
        await send_messages(settings, map(fact_message, [first, other]))
        await eventually(lambda: letters.about(first.subject))

    catalogue = await facts.catalogue([id], [], fresh=True)
    assert letters.about(first.subject) == ["contradicts"]
    assert catalogue.price(ref(id), GB, NOW).current == first


@pytest.mark.parametrize("key", ["its name", "another"])
async def test_a_tombstone_withdraws_and_a_fact_after_it_counts_again(
    worker: CatalogueWorker,
    facts: PostgresCatalogue,
    letters: RecordedDeadLetters,
    settings: Settings,
    key: str,
) -> None:
    id = unique("o")
    said, later = price(id, "2.00", sequence=2), price(id, "1.00", sequence=1)
    under = said.subject if key == "its name" else id

    def message(fact: Fact) -> Message:
        return replace(fact_message(fact), key=under.encode())

    async def current() -> str | None:
        price = (await facts.catalogue([id], [], fresh=True)).price(ref(id), GB, NOW).current
        return str(price.amount) if price else None

    async def is_withdrawn() -> bool:
        return await current() is None

    async with ready_worker(worker):
        await send_messages(settings, [message(said)])
        await learned(facts, said)
        await send_messages(settings, [Message(topics.PRICES, under.encode(), None, ())])
        await eventually(is_withdrawn)
        await send_messages(settings, [message(later)])
        await learned(facts, later)

    assert await current() == "1.00"
    assert letters.about(under) == []


async def test_a_tombstone_that_withdraws_nothing_is_logged_and_counted(
    worker: CatalogueWorker, facts: PostgresCatalogue, settings: Settings
) -> None:
    key, next_one = unique("nobody"), price(unique("o"))
    before = idle_tombstones()

    with capture_logs() as logs:
        async with ready_worker(worker):
            await send_messages(settings, [Message(topics.PRICES, key.encode(), None, ())])
            await send_messages(settings, [fact_message(next_one)])
            await learned(facts, next_one)
            await eventually(lambda: idle_tombstones() > before)

    [told] = [log for log in logs if log.get("key") == key.encode()]
    assert (told["log_level"], told["event"]) == ("warning", "a tombstone withdrew nothing")


def idle_tombstones() -> float:
    return REGISTRY.get_sample_value("checkout_catalogue_idle_tombstones_total") or 0.0


class Watched(InMemoryCatalogue):
    """Remembers where the messages lay that it was given."""

    def __init__(self) -> None:
        super().__init__()
        self.given: list[MessageSource] = []

    async def record(self, messages: Sequence[CatalogueMessage]) -> RecordingResult:
        self.given += [message.source for message in messages]
        return await super().record(messages)


async def test_a_restarted_worker_continues_where_the_last_one_stopped(
    letters: RecordedDeadLetters, settings: Settings
) -> None:
    group = unique("catalogue")
    places: list[MessageSource] = []
    for said in (price(unique("o")), price(unique("o"))):
        await send_messages(settings, [fact_message(said)])
        [message] = await topic_content(settings, topics.PRICES, [said.subject])
        place = message.source
        facts = Watched()
        async with ready_worker(CatalogueWorker(subscription(settings, group), facts, [letters])):
            await eventually(partial(is_committed, settings, group, place))

        assert facts.given.count(place) == 1
        assert not {*facts.given} & {*places}
        places += facts.given


async def is_committed(settings: Settings, group: str, source: MessageSource) -> bool:
    """Whether the group is done with a message."""
    client = consumer(settings, group=group)
    await client.start()
    try:
        committed = await client.committed(TopicPartition(source.topic, source.partition))
        return committed is not None and committed > source.offset
    finally:
        await client.stop()


class AwayAtFirst(InMemoryCatalogue):
    """A store that is away for the first tries."""

    def __init__(self, tries: int) -> None:
        super().__init__()
        self.tries_left = tries

    async def record(self, messages: Sequence[CatalogueMessage]) -> RecordingResult:
        if self.tries_left:
            self.tries_left -= 1
            raise StoreUnavailable("switched off")
        return await super().record(messages)


async def test_no_fact_is_lost_while_the_store_is_unavailable(settings: Settings, letters: RecordedDeadLetters) -> None:
    id = f"o-{uuid.uuid4()}"
    said = price(id)
    facts = AwayAtFirst(tries=2)
    await send_messages(settings, [fact_message(said)])

    async with ready_worker(CatalogueWorker(subscription(settings), facts, [letters])):

        async def is_known() -> bool:
            catalogue = await facts.catalogue([id], [], fresh=True)
            return catalogue.price(ref(id), GB, NOW).current == said

        await eventually(is_known)
    assert facts.tries_left == 0
