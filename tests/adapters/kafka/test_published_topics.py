"""Verifies Kafka topics in which something is wrong."""

from __future__ import annotations

import uuid
from collections.abc import Sequence

import pytest
from aiokafka import TopicPartition
from aiokafka.admin import NewTopic, RecordsToDelete
from msgspec import structs
from msgspec.structs import replace

from adapters.kafka.clients import admin
from adapters.kafka.messages import Message
from adapters.kafka.published_topics import PublishedTopicReader
from adapters.settings import Settings
from adapters.system import utc_now
from domain.operators.verify.inconsistencies import Inconsistency
from domain.operators.verify.topic_verifier import TopicsResult, TopicVerifier
from domain.ports.event_store import StoredEvent
from domain.ports.messaging import PublisherCheckpoint
from domain.validation.stream_fold import BASKET_VALIDATED
from tests.basket_traffic import BasketTraffic, event_message, send
from tests.fakes.event_store import InMemoryEventStore
from tests.servers.kafka import KafkaServer

PARTITIONS = 3


class PublishedMessages:
    """A store with some baskets, and the topic that their events are published to."""

    def __init__(self, settings: Settings, name: str, store: InMemoryEventStore) -> None:
        self.settings, self.name, self.store = settings, name, store
        self.reader = PublishedTopicReader(settings, name, holds_verdicts=False)
        self.up_to: PublisherCheckpoint | None = None
        self.begins_after = 0

    async def events(self) -> Sequence[StoredEvent]:
        return await self.store.read(0, 10_000)

    async def publish(self, *messages: Message) -> None:
        await send(self.settings, [replace(message, topic=self.name) for message in messages])

    def verification(self, *topics: PublishedTopicReader) -> TopicVerifier:
        async def published() -> PublisherCheckpoint:
            return self.up_to or PublisherCheckpoint(await self.store.last_position())

        async def begins_after() -> int:
            return self.begins_after

        topics = topics or (self.reader,)
        return TopicVerifier(self.store, self.store, topics, "publisher-1", published, begins_after)

    async def inconsistencies(self) -> list[tuple[str, str, int | None]]:
        """The inconsistencies of the whole topic, which are those of each basket."""
        whole = await self.verification().verify_all()
        ids = {event.stream_id for event in await self.events()}
        some = await self.verification().verify_some({*ids, *(each.subject for each in told(whole))})
        assert sorted(map(str, told(whole))) == sorted(map(str, told(some)))
        return [(each.kind, each.subject, each.version) for each in told(whole)]


def told(verified: TopicsResult) -> list[Inconsistency]:
    return [*verified.inconsistencies, *(each for topic in verified.topics for each in topic.inconsistencies)]


async def make_topic(settings: Settings) -> str:
    name = f"verified-{uuid.uuid4().hex}"
    client = admin(settings)
    await client.start()
    await client.create_topics([NewTopic(name, PARTITIONS, 1)])
    await client.close()
    return name


@pytest.fixture
async def published(settings: Settings) -> PublishedMessages:
    settings = settings.model_copy(update={"kafka_delivery": "exactly_once"})
    store = InMemoryEventStore(utc_now)
    partner = await BasketTraffic(store).knows_a_catalogue()
    await partner.fills_baskets(8)
    return PublishedMessages(settings, await make_topic(settings), store)


@pytest.fixture
async def messages(published: PublishedMessages) -> list[Message]:
    return [event_message(event) for event in await published.events()]


def of_one_basket(messages: Sequence[Message]) -> list[int]:
    """The indexes of the first basket's messages."""
    return [at for at, message in enumerate(messages) if message.key == messages[0].key]


def subject(messages: Sequence[Message]) -> str:
    return (messages[0].key or b"").decode()


async def test_every_event_once_and_in_order_is_consistent(
    transactional_kafka: KafkaServer, published: PublishedMessages, messages: list[Message]
) -> None:
    await published.publish(*messages)
    assert await published.inconsistencies() == []
    (topic,) = (await published.verification().verify_all()).topics
    assert (topic.messages, topic.comparable_from) == (72, 0)


async def test_events_not_published_yet_are_not_missing(
    transactional_kafka: KafkaServer, published: PublishedMessages, messages: list[Message]
) -> None:
    published.up_to = PublisherCheckpoint(50)
    await published.publish(*messages[:50])
    assert await published.inconsistencies() == []
    await published.publish(messages[50])  # published since the record was read
    assert await published.inconsistencies() == []


async def test_a_gap_is_reported(
    transactional_kafka: KafkaServer, published: PublishedMessages, messages: list[Message]
) -> None:
    in_the_middle, at_the_end = of_one_basket(messages)[3], of_one_basket(messages)[-1]
    await published.publish(*(message for at, message in enumerate(messages) if at not in (in_the_middle, at_the_end)))
    assert await published.inconsistencies() == [
        ("message_missing", subject(messages), 4),
        ("message_missing", subject(messages), 9),
    ]


async def test_a_replay_may_fill_a_gap_and_is_no_repeat(
    transactional_kafka: KafkaServer, published: PublishedMessages, messages: list[Message]
) -> None:
    hole, *others = of_one_basket(messages)[3:]
    replays = [
        replace(messages[at], headers=(*messages[at].headers, ("ce_replay", b"run-1"))) for at in (hole, *others)
    ]
    await published.publish(*(message for at, message in enumerate(messages) if at != hole), *replays)
    assert await published.inconsistencies() == []

    wrong = replace(replays[0], value=b"{}")
    await published.publish(wrong)
    some = told(await published.verification().verify_some([subject(messages)]))
    assert [(each.kind, each.version) for each in some] == [("message_differs", 4)]


async def test_a_basket_without_messages_is_reported(
    transactional_kafka: KafkaServer, published: PublishedMessages, messages: list[Message]
) -> None:
    await published.publish(*(message for message in messages if message.key != messages[0].key))
    assert await published.inconsistencies() == [
        ("message_missing", subject(messages), version) for version in range(1, 10)
    ]


async def test_a_duplicate_is_reported_unless_repeats_are_allowed(
    transactional_kafka: KafkaServer, published: PublishedMessages, messages: list[Message]
) -> None:
    await published.publish(*messages, messages[of_one_basket(messages)[4]])
    assert await published.inconsistencies() == [("message_repeated", subject(messages), 5)]

    published.reader.repeats_allowed = True
    assert await published.inconsistencies() == []


async def test_a_wrong_order_is_reported_even_if_repeats_are_allowed(
    transactional_kafka: KafkaServer, published: PublishedMessages, messages: list[Message]
) -> None:
    one, other = of_one_basket(messages)[2:4]
    messages[one], messages[other] = messages[other], messages[one]
    await published.publish(*messages)
    assert await published.inconsistencies() == [("message_out_of_order", subject(messages), 3)]

    published.reader.repeats_allowed = True
    assert await published.inconsistencies() == [("message_out_of_order", subject(messages), 3)]


async def test_other_content_is_reported(
    transactional_kafka: KafkaServer, published: PublishedMessages, messages: list[Message]
) -> None:
    at = of_one_basket(messages)[5]
    messages[at] = replace(messages[at], value=(messages[at].value or b"") + b" ")
    await published.publish(*messages)
    assert await published.inconsistencies() == [("message_differs", subject(messages), 6)]


async def test_messages_without_an_event_are_reported(
    transactional_kafka: KafkaServer, published: PublishedMessages, messages: list[Message]
) -> None:
    beyond = structs.replace((await published.events())[0], version=10)
    await published.publish(*messages, event_message(beyond), Message("", b"odd", b"{}", ()))

    whole = told(await published.verification().verify_all())
    assert sorted((each.kind, each.subject, each.version) for each in whole) == [
        ("message_not_understood", "odd", None),
        ("message_without_event", beyond.stream_id, 10),
    ]


async def test_messages_deleted_by_retention_are_not_missing_and_the_others_are_compared(
    transactional_kafka: KafkaServer, published: PublishedMessages, messages: list[Message]
) -> None:
    hole = len(messages) - 1
    await published.publish(*messages[:hole])
    ends = await published.reader.ends()
    client = admin(published.settings)
    await client.start()
    # Half of each partition is gone.
    await client.delete_records(
        {
            TopicPartition(published.name, partition): RecordsToDelete(before_offset=end // 2)
            for partition, end in ends.items()
        }
    )
    await client.close()

    version = (await published.events())[hole].version
    assert await published.inconsistencies() == [("message_missing", (messages[hole].key or b"").decode(), version)]
    (topic,) = (await published.verification().verify_all()).topics
    assert 1 < (topic.comparable_from or 0) < hole


async def test_a_recreated_topic_is_compared_from_its_beginning(
    transactional_kafka: KafkaServer, published: PublishedMessages, messages: list[Message]
) -> None:
    published.begins_after = 30
    await published.publish(*messages[30:])
    assert await published.inconsistencies() == []
    (topic,) = (await published.verification().verify_all()).topics
    assert topic.comparable_from == 31

    published.begins_after = 29
    assert len(await published.inconsistencies()) == 1


async def test_each_verdict_has_one_message(transactional_kafka: KafkaServer, published: PublishedMessages) -> None:
    judged = [event for event in await published.events() if event.type == BASKET_VALIDATED]
    reader = PublishedTopicReader(published.settings, published.name, holds_verdicts=True)
    verdicts = [event_message(event, b'{"put":"together"}') for event in judged]
    await published.publish(*verdicts[:-1], verdicts[0])

    found = told(await published.verification(reader).verify_all())

    assert sorted((each.kind, each.subject, each.version) for each in found) == sorted(
        [
            ("message_repeated", judged[0].stream_id, judged[0].version),
            ("message_missing", judged[-1].stream_id, judged[-1].version),
        ]
    )


def in_the_old_form(message: Message) -> Message:
    """As releases wrote it before events were conformant CloudEvents."""
    old = {
        "ce_id": (message.header("ce_id") or "").removesuffix("/verdict"),
        "ce_source": "/partner/checkout",
        "ce_sequence": str(int(message.header("ce_sequence") or "")),
    }
    new = {"ce_partitionkey", "ce_dataschema", "ce_recordedtime", "ce_requestindex", "ce_requestcount"}
    new |= {"ce_correlationid", "ce_causationid"}
    headers = [(name, old[name].encode() if name in old else value) for name, value in message.headers]
    return replace(message, headers=tuple((name, value) for name, value in headers if name not in new))


async def test_a_topic_may_hold_both_forms_of_events(
    transactional_kafka: KafkaServer, published: PublishedMessages, messages: list[Message]
) -> None:
    await published.publish(*map(in_the_old_form, messages[:40]), *messages[40:])
    assert await published.inconsistencies() == []


async def test_a_topic_may_hold_both_forms_of_verdicts(
    transactional_kafka: KafkaServer, published: PublishedMessages
) -> None:
    judged = [event for event in await published.events() if event.type == BASKET_VALIDATED]
    verdicts = [event_message(event, b"{}") for event in judged]
    await published.publish(*map(in_the_old_form, verdicts[:5]), *verdicts[5:], verdicts[0])
    reader = PublishedTopicReader(published.settings, published.name, holds_verdicts=True)

    found = told(await published.verification(reader).verify_all())

    # One verdict stands there in both forms.
    assert [(each.kind, each.subject, each.version) for each in found] == [
        ("message_repeated", judged[0].stream_id, judged[0].version)
    ]


async def test_a_publishers_record_beyond_the_store_or_of_another_history_is_reported(
    transactional_kafka: KafkaServer, published: PublishedMessages, messages: list[Message]
) -> None:
    await published.publish(*messages)
    last = (await published.events())[-1]
    published.up_to = PublisherCheckpoint(last.position, f"{last.stream_id}/{last.version}")
    assert await published.inconsistencies() == []

    for record in (
        PublisherCheckpoint(last.position + 5),
        PublisherCheckpoint(last.position, "basket-other/3"),
    ):
        published.up_to = record
        assert ("publisher_beyond_store", "publisher-1", None) in await published.inconsistencies()
