"""`checkout verify` with Kafka."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from adapters.embedded.broker import EmbeddedBroker
from adapters.kafka.messages import Message
from adapters.kafka.topics import BASKET_EVENTS, BASKETS, VALIDATION_RESULTS, ensure_topics
from adapters.settings import Settings
from tests.basket_traffic import send, streaming_settings, topic_content
from tests.builders import item, offer, price
from tests.builders.shop import Shop, open_shop
from tests.cli.verify_steps import ask, kinds
from tests.servers.checkout_command import run_with
from tests.servers.kafka import KafkaServer
from tests.servers.waiting import eventually
from tests.workers.test_publisher_restored import restore
from tests.workers.worker_processes import publisher_worker, running_worker


@pytest.fixture
async def shop(database_url: str, administrator_url: str) -> AsyncIterator[Shop]:
    async with open_shop(database_url, administrator_url) as shop:
        await shop.record(offer("o-1"), price("o-1"))
        yield shop


async def publish(shop: Shop, settings: Settings, *basket_ids: str) -> None:
    """Waits until everything is published."""
    wanted = 0
    for basket_id in basket_ids:
        wanted += len(await shop.store.read_events(basket_id))
    async with publisher_worker(settings) as worker, running_worker(worker) as heartbeat:

        async def all_of_it() -> bool:
            return len(await topic_content(settings, BASKET_EVENTS, basket_ids)) == wanted

        await eventually(lambda: heartbeat.is_ready, limit=30)
        await eventually(all_of_it, limit=30, every=0.1)


async def test_messages_published_at_least_once_are_compared_on_the_embedded_broker(
    shop: Shop, database_url: str, tmp_path: Path
) -> None:
    async with EmbeddedBroker(tmp_path / "broker.log") as broker:
        settings = streaming_settings(
            broker.bootstrap_servers, database_url, kafka_delivery="at_least_once", kafka_partitions=3
        )
        await ensure_topics(settings)
        baskets = [await shop.fill(item("o-1")) for _ in range(4)]
        await shop.judge(baskets[0])
        await publish(shop, settings, *(basket.id for basket in baskets))

        code, said = await ask(shop, "--all", "--processes", 1, settings=settings)

        assert (code, said["counts"]) == (0, {})
        assert {topic["topic"]: topic["messages"] for topic in said["topics"]} == {
            BASKET_EVENTS: 9,
            BASKETS: 4,
            VALIDATION_RESULTS: 1,
        }
        # A verdict that nobody gave, and an event that did not happen.
        odd = (("ce_id", f"{baskets[1].id}/7".encode()), ("ce_type", b"x"))
        await send(
            settings,
            [Message(topic, baskets[1].id.encode(), b"{}", odd) for topic in (BASKET_EVENTS, VALIDATION_RESULTS)],
        )
        code, said = await ask(shop, "--basket", baskets[1].id, settings=settings)
        assert (code, kinds(said)) == (1, {baskets[1].id: ["message_without_event"] * 2})


async def test_a_restored_store_is_reported_with_the_baskets_that_kafka_has_more_of(
    transactional_kafka: KafkaServer, shop: Shop, database_url: str, administrator_url: str
) -> None:
    settings = streaming_settings(transactional_kafka.bootstrap_servers, database_url)
    await ensure_topics(settings)
    sound, cut = [await shop.fill(item("o-1")) for _ in range(2)]
    await shop.judge(cut)
    await publish(shop, settings, sound.id, cut.id)
    assert (await ask(shop, "--sample", 10, settings=settings))[0] == 0

    await restore(administrator_url, 1)
    code, said = await ask(shop, "--sample", 10, settings=settings)

    assert code == 1
    assert kinds(said) == {
        settings.publisher_id: ["publisher_beyond_store"],
        cut.id: ["message_without_event", "message_without_event", "message_without_event", "view_ahead"],
    }

    # The operator mends the views and says where the publisher goes on; then only what Kafka knows more is left.
    last = await shop.last_position()
    put = await run_with(
        settings, "publish-after", last, "--reason", "restored from a dump", "--actor", "ann", "--json"
    )
    assert (put.code, json.loads(put.out)["to"]) == (0, last), put.err
    assert (await run_with(settings, "publish-after", last + 9, "--reason", "x")).code == 1
    code, said = await ask(shop, "--sample", 10, "--repair", "--reason", "restored", settings=settings)
    assert code == 1
    assert {found["kind"] for found in said["repaired"]["left"]} == {"message_without_event"}
    later = await shop.fill(item("o-1"))
    await publish(shop, settings, later.id)

    # The states are those of the store again.
    again = ["republish", "--state", "--live", "--confirm", BASKETS, "--reason", "restored", "--json"]
    ended = await run_with(settings, *again)
    assert (ended.code, json.loads(ended.out)["progress"]["sent"]) == (0, 3), ended.err
    code, said = await ask(shop, "--sample", 10, settings=settings)
    assert (code, kinds(said)) == (1, {cut.id: ["message_without_event"] * 2})
    replayed = [each.message for each in await topic_content(settings, BASKETS, [cut.id])][-1]
    assert (replayed.header("ce_sequence"), replayed.header("ce_replay") is not None) == ("0000000002", True)
