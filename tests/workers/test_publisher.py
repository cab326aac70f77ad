from __future__ import annotations

import asyncio
import json
import random
from collections import Counter
from contextlib import AsyncExitStack

from adapters.kafka.messages import Message
from adapters.kafka.publisher_checkpoints import read_checkpoint
from adapters.kafka.topics import BASKET_EVENTS, BASKETS, VALIDATION_RESULTS, ensure_topics
from adapters.postgres.event_store.store import PostgresEventStore
from adapters.postgres.migrator import migrate
from adapters.settings import Settings
from domain.basket.serialization import verdict_json
from domain.ports.event_store import Append, NewEvent
from domain.validation.stream_fold import BASKET_VALIDATED
from tests.basket_traffic import BasketTraffic, by_basket, streaming_settings, topic_content
from tests.builders import caller, validate
from tests.conftest import OwnKafka, OwnPostgres
from tests.servers.kafka import KafkaServer
from tests.servers.waiting import eventually
from tests.workers.published_baskets import require_folded_states
from tests.workers.worker_processes import event_store, publisher_process, publisher_worker, running_worker


async def published(settings: Settings, partner: BasketTraffic) -> bool:
    """Whether the topic holds every stored event exactly once, in order per basket, and every verdict once."""
    stored = await partner.stored()
    on_topic = by_basket(await topic_content(settings, BASKET_EVENTS, stored))
    # The ids alone: pytest would look for minutes for the difference between megabytes of events.
    wrong = [id for id in stored.keys() | on_topic.keys() if stored.get(id) != on_topic.get(id)]
    assert not wrong
    found = await topic_content(settings, VALIDATION_RESULTS, stored)
    verdicts = [message.message.header("ce_id") for message in found]
    judged = [
        f"{basket_id}/{version}/verdict"
        for basket_id, events in stored.items()
        for version, event in enumerate(events, start=1)
        if json.loads(event)["type"] == BASKET_VALIDATED
    ]
    times = Counter(judged)
    times.subtract(map(str, verdicts))
    assert not [verdict for verdict, missing in times.items() if missing]
    return True


async def test_events_reach_kafka_with_whole_verdicts(settings: Settings, partner: BasketTraffic) -> None:
    async with publisher_worker(settings) as worker, running_worker(worker) as heartbeat:
        basket = await partner.fills_a_basket()
        again = await partner.handlers.validate(validate(basket.id), caller())
        await eventually(lambda: topic_content(settings, VALIDATION_RESULTS, [basket.id]), every=0.1)
        assert heartbeat.is_ready

        async def all_three() -> bool:
            return len(await topic_content(settings, VALIDATION_RESULTS, [basket.id])) == 3

        await eventually(all_three, every=0.1)

    results = await topic_content(settings, VALIDATION_RESULTS, [basket.id])
    assert [result.message.header("ce_id") for result in results] == [
        f"{basket.id}/{version}/verdict" for version in (7, 9, 10)
    ]
    assert results[-1].message.value == verdict_json(again)
    first = json.loads(results[0].message.value or b"")
    assert (first["basketVersion"], first["checkout"]["version"], first["ready"]) == (6, 6, False)
    assert [item["quantity"] for item in first["checkout"]["orderItems"]] == [9, 1, 1]


async def test_a_publisher_killed_ten_times_publishes_every_event_exactly_once_and_in_order(
    transactional_kafka: KafkaServer, settings: Settings, partner: BasketTraffic
) -> None:
    await partner.fills_baskets(150)
    writing = [asyncio.create_task(partner.keeps_filling()) for _ in range(3)]
    random.seed(7)
    seen = 0
    for _ in range(10):
        async with publisher_process(settings) as publisher:
            assert await publisher.line() == "ready"

            async def further(than: int = seen) -> int:
                position = (await read_checkpoint(settings, settings.publisher_id)).position
                return position if position > than else 0

            seen = await eventually(further, every=0.01)
            await asyncio.sleep(random.uniform(0, 0.15))
            await publisher.kill()
        # Whoever reads now stops where the last transaction was committed.
        await _require_states(settings, partner)
    for task in writing:
        task.cancel()
    await asyncio.gather(*writing, return_exceptions=True)

    async with publisher_process(settings):
        await eventually(lambda: published(settings, partner), every=0.5)
    assert await published(settings, partner)
    states = await _require_states(settings, partner)
    assert len({state.header("ce_id") for state in states}) == len(states)


async def _require_states(settings: Settings, partner: BasketTraffic) -> list[Message]:
    """The states on the topic, of which each basket's last one is the fold of its events."""
    ids = [*partner.basket_ids]
    events, states = [await topic_content(settings, topic, ids) for topic in (BASKET_EVENTS, BASKETS)]
    found = [each.message for each in states]
    require_folded_states([each.message for each in events], found)
    return found


async def test_a_standby_publisher_takes_over_from_a_killed_one(
    transactional_kafka: KafkaServer, settings: Settings, partner: BasketTraffic
) -> None:
    async with publisher_process(settings) as first, publisher_process(settings) as second:
        assert [await first.line(), await second.line()] == ["ready", "ready"]
        await partner.fills_baskets(20)
        await eventually(lambda: published(settings, partner), every=0.2)
        filling = asyncio.create_task(partner.fills_baskets(60))
        await first.kill()
        await filling
        await eventually(lambda: published(settings, partner), every=0.2)


async def test_an_outage_of_kafka_under_load_loses_and_repeats_no_event(
    own_kafka: OwnKafka, database_url: str, partner: BasketTraffic
) -> None:
    node = await own_kafka()
    settings = streaming_settings(node.bootstrap_servers, database_url)
    await ensure_topics(settings)
    async with publisher_worker(settings) as worker, running_worker(worker) as heartbeat:
        writing = asyncio.create_task(partner.keeps_filling())
        await eventually(lambda: heartbeat.is_ready)
        for end in (node.kill, node.stop):
            await _more_baskets(partner)
            await end()
            await _more_baskets(partner)
            await node.start()
        writing.cancel()
        await asyncio.gather(writing, return_exceptions=True)
        await eventually(lambda: published(settings, partner), every=0.5)


async def _more_baskets(partner: BasketTraffic) -> None:
    enough = len(partner.basket_ids) + 8
    await eventually(lambda: len(partner.basket_ids) >= enough)


async def test_an_outage_of_postgresql_loses_and_repeats_no_event(
    own_postgres: OwnPostgres, transactional_kafka: KafkaServer
) -> None:
    server = await own_postgres()
    await migrate(server.url)
    settings = streaming_settings(transactional_kafka.bootstrap_servers, server.url)
    await ensure_topics(settings)
    async with AsyncExitStack() as stack:
        store = await stack.enter_async_context(event_store(server.url))
        partner = await BasketTraffic(store).knows_a_catalogue()
        worker = await stack.enter_async_context(publisher_worker(settings))
        heartbeat = await stack.enter_async_context(running_worker(worker))
        await partner.fills_baskets(20)
        await eventually(lambda: heartbeat.is_ready)
        await server.stop()
        await eventually(lambda: not heartbeat.is_ready)
        assert heartbeat.last_error is not None
        await server.start()
        await eventually(lambda: heartbeat.is_ready)
        await partner.fills_baskets(20)
        await eventually(lambda: published(settings, partner), every=0.2)


async def test_a_basket_that_cannot_be_folded_holds_up_no_other(
    settings: Settings, store: PostgresEventStore, partner: BasketTraffic, database_url: str
) -> None:
    odd = "basket-00000000-0000-7000-8000-00000000dead"
    broken = [
        NewEvent("checkout.basket-initiated.v1", b'{"no":"basket"}', b"{}"),
        NewEvent("checkout.basket-validated.v1", b'{"no":"verdict"}', b"{}"),
    ]
    await store.append(Append(odd, 0, broken))
    basket = await partner.fills_a_basket()
    async with publisher_worker(settings) as worker, running_worker(worker):
        await eventually(lambda: published(settings, partner), every=0.1)
    assert len(by_basket(await topic_content(settings, BASKET_EVENTS, [odd]))[odd]) == 2
    assert await topic_content(settings, VALIDATION_RESULTS, [odd]) == []
    assert len(await topic_content(settings, VALIDATION_RESULTS, [basket.id])) == 2
