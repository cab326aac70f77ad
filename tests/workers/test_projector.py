from __future__ import annotations

import asyncio
import random
from contextlib import AsyncExitStack

import pytest
from aiokafka import TopicPartition
from aiokafka.coordinator.protocol import ConsumerProtocolMemberAssignment
from pydantic_core import to_json

from adapters.kafka.clients import admin
from adapters.kafka.messages import Message
from adapters.kafka.topics import BASKET_EVENTS, DEAD_LETTERS, ensure_topics
from adapters.postgres.dead_letters import PostgresDeadLetters
from adapters.postgres.event_store.store import PostgresEventStore
from adapters.postgres.migrator import migrate
from adapters.postgres.pool import DatabasePool
from adapters.postgres.read_models.basket_views import PostgresBasketViews
from adapters.settings import Settings
from domain.basket.codec import decode_all
from domain.basket.projection import BasketProjection
from domain.basket.snapshot import BasketSnapshot
from domain.ports.event_store import Append, NewEvent, StoredEvent
from domain.shared.eventsourcing import fold
from domain.shared.values import MessageSource
from tests.basket_traffic import BasketTraffic, event_message, send, streaming_settings, topic_content
from tests.builders import caller, validate
from tests.builders.released_basket import release_basket
from tests.conftest import OwnKafka, OwnPostgres
from tests.servers.waiting import eventually
from tests.workers.worker_processes import (
    event_store,
    projector_process,
    projector_worker,
    publisher_worker,
    running_worker,
)


@pytest.fixture
def views(database: DatabasePool) -> PostgresBasketViews:
    return PostgresBasketViews(database)


async def events_of(store: PostgresEventStore, basket_id: str) -> list[StoredEvent]:
    return [*await store.read_events(basket_id)]


async def folded(partner: BasketTraffic) -> dict[str, bytes]:
    """The expected views, folded from all stored events."""
    snapshots: dict[str, bytes] = {}
    for basket_id, events in (await partner.stored()).items():
        basket = fold(None, decode_all(b"[" + b",".join(events) + b"]"))
        assert basket is not None
        snapshots[basket_id] = to_json(BasketSnapshot.take(basket))
    return snapshots


async def views_are_right(views: PostgresBasketViews, partner: BasketTraffic) -> bool:
    expected = await folded(partner)
    held = await views.snapshots(expected)
    return dict(held) == expected


async def done_with(settings: Settings, group: str, source: MessageSource) -> bool:
    """Whether the group has committed this message."""
    client = admin(settings)
    await client.start()
    try:
        partition = TopicPartition(source.topic, source.partition)
        offsets = await client.list_consumer_group_offsets(group, partitions=[partition])
        return bool(offsets[partition].offset > source.offset)
    finally:
        await client.close()


async def shares(settings: Settings, group: str) -> list[int]:
    """How many partitions each member of the group has."""
    client = admin(settings)
    await client.start()
    try:
        (response,) = await client.describe_consumer_groups([group])
    finally:
        await client.close()
    _, _, _, _, _, members, *_ = response.groups[0]
    assigned = [ConsumerProtocolMemberAssignment.decode(member[4]) for member in members if member[4]]
    return sorted(len(each.partitions()) for each in assigned)


def garbage(basket_id: str | None, value: bytes | None) -> Message:
    return Message(BASKET_EVENTS, basket_id.encode() if basket_id else None, value, (("ce_id", b"x"),))


async def test_views_equal_the_folded_baskets(
    settings: Settings, group: str, partner: BasketTraffic, views: PostgresBasketViews
) -> None:
    await partner.fills_baskets(30)
    async with AsyncExitStack() as stack:
        for making in (publisher_worker(settings), projector_worker(settings, group)):
            await stack.enter_async_context(running_worker(await stack.enter_async_context(making)))
        await eventually(lambda: views_are_right(views, partner), every=0.1)
        await partner.fills_baskets(5)
        await eventually(lambda: views_are_right(views, partner), every=0.05)


async def test_repeats_change_nothing_and_gaps_are_filled_from_the_store(
    settings: Settings,
    group: str,
    store: PostgresEventStore,
    partner: BasketTraffic,
    views: PostgresBasketViews,
) -> None:
    baskets = [await partner.fills_a_basket() for _ in range(3)]
    whole, gaps, late = [[event_message(event) for event in await events_of(store, basket.id)] for basket in baskets]
    random.seed(3)
    disordered = [
        *whole,
        *whole,
        *random.sample(whole, len(whole)),
        gaps[0],
        gaps[5],
        gaps[2],
        gaps[8],
        late[8],
    ]
    await send(settings, disordered)
    async with projector_worker(settings, group) as worker, running_worker(worker):
        await eventually(lambda: views_are_right(views, partner), every=0.05)


async def test_an_event_of_an_unknown_type_only_moves_the_version(
    settings: Settings,
    group: str,
    store: PostgresEventStore,
    partner: BasketTraffic,
    views: PostgresBasketViews,
) -> None:
    basket = await partner.fills_a_basket()
    version = basket.version + 1
    unknown = b'{"basketId":"%s","version":%d,"occurredAt":"2026-11-23T12:00:00Z","type":"checkout.new.v9"}'
    event = NewEvent("checkout.new.v9", unknown % (basket.id.encode(), version), b'{"partner":"acme"}')
    await store.append(Append(basket.id, basket.version, [event]))
    await send(settings, [event_message(event) for event in await events_of(store, basket.id)])
    async with projector_worker(settings, group) as worker, running_worker(worker):
        await eventually(lambda: views_are_right(views, partner), every=0.05)
    assert await views.versions([basket.id]) == {basket.id: version}


async def test_an_invalid_message_blocks_only_its_basket_until_it_is_released(
    settings: Settings,
    group: str,
    store: PostgresEventStore,
    partner: BasketTraffic,
    views: PostgresBasketViews,
    database: DatabasePool,
) -> None:
    parked, other, stray = [await partner.fills_a_basket() for _ in range(3)]
    letters = PostgresDeadLetters(database)
    events = [event_message(event) for event in await events_of(store, parked.id)]
    others = [event_message(event) for event in await events_of(store, other.id)]
    strays = [event_message(event) for event in await events_of(store, stray.id)]
    await send(
        settings,
        [
            *events[:3],
            garbage(parked.id, b"\xff no JSON \x00"),
            *events[3:],
            garbage(None, b"{}"),
            garbage(stray.id, others[0].value),
            *others,
            *strays,
        ],
    )
    async with projector_worker(settings, group) as worker, running_worker(worker) as heartbeat:

        async def others_went_on() -> bool:
            found = await views.versions([other.id])
            return found == {other.id: other.version} and len(await letters.blocked([parked.id, stray.id])) == 2

        await eventually(others_went_on, every=0.05)
        later = await partner.handlers.validate(validate(parked.id), caller())
        await send(settings, [event_message((await events_of(store, parked.id))[-1])])
        last = (await topic_content(settings, BASKET_EVENTS, [parked.id]))[-1]
        await eventually(lambda: done_with(settings, group, last.source), every=0.05)
        assert heartbeat.is_ready

        assert await views.versions([parked.id, stray.id]) == {parked.id: 3}
        sent = await topic_content(settings, DEAD_LETTERS, [parked.id, stray.id])
        assert {
            (message.message.header("ce_subject"), message.message.header("dead_letter_code")) for message in sent
        } == {(parked.id, "unreadable"), (stray.id, "other_basket")}
        assert [message.message.value for message in sent if message.message.key == parked.id.encode()] == [
            b"\xff no JSON \x00"
        ]

        projection = BasketProjection(store, views)
        for basket_id in (parked.id, stray.id):
            assert await projection.refold(basket_id) is None
            await release_basket(letters._database, basket_id)
            assert await projection.refold(basket_id) is None
        assert await views.versions([parked.id, stray.id]) == {
            parked.id: later.basket.version,
            stray.id: stray.version,
        }
        await partner.handlers.validate(validate(parked.id), caller())
        await send(settings, [event_message((await events_of(store, parked.id))[-1])])
        await eventually(lambda: views_are_right(views, partner), every=0.05)


async def test_an_event_that_the_store_does_not_have_blocks_its_basket(
    settings: Settings, group: str, store: PostgresEventStore, partner: BasketTraffic, database: DatabasePool
) -> None:
    basket = await partner.fills_a_basket()
    last = event_message((await events_of(store, basket.id))[-1])
    assert last.value is not None
    far = Message(last.topic, last.key, last.value.replace(b'"version":9', b'"version":99'), last.headers)
    await send(settings, [far])
    letters = PostgresDeadLetters(database)
    async with projector_worker(settings, group) as worker, running_worker(worker):
        await eventually(lambda: letters.blocked([basket.id]), every=0.05)


async def test_views_are_right_after_repeated_kills(
    settings: Settings, group: str, partner: BasketTraffic, views: PostgresBasketViews
) -> None:
    async with AsyncExitStack() as stack:
        publisher = await stack.enter_async_context(publisher_worker(settings))
        await stack.enter_async_context(running_worker(publisher))
        writing = asyncio.create_task(partner.keeps_filling())
        random.seed(11)
        for _ in range(2):
            async with projector_process(settings, group) as projector:
                assert await projector.line() == "ready"
                before = await _moved(views, partner)

                async def further(than: int = before) -> bool:
                    return await _moved(views, partner) > than

                await eventually(further, every=0.05)
                await asyncio.sleep(random.uniform(0, 0.1))
                await projector.kill()
        writing.cancel()
        await asyncio.gather(writing, return_exceptions=True)
        async with projector_process(settings, group):
            await eventually(lambda: views_are_right(views, partner), every=0.2)


async def test_projectors_share_the_partitions_and_one_takes_over_those_of_a_killed_one(
    settings: Settings, group: str, partner: BasketTraffic, views: PostgresBasketViews
) -> None:
    async with AsyncExitStack() as stack:
        publisher = await stack.enter_async_context(publisher_worker(settings))
        await stack.enter_async_context(running_worker(publisher))
        first = await stack.enter_async_context(projector_process(settings, group))
        second = await stack.enter_async_context(projector_process(settings, group))
        assert [await first.line(), await second.line()] == ["ready", "ready"]

        async def share_alike() -> bool:
            return await shares(settings, group) == [3, 3]

        async def one_has_all() -> bool:
            return await shares(settings, group) == [6]

        await eventually(share_alike, every=0.2)
        await partner.fills_baskets(40)
        await eventually(lambda: views_are_right(views, partner), every=0.1)
        filling = asyncio.create_task(partner.fills_baskets(60))
        await first.kill()
        await filling
        await eventually(lambda: views_are_right(views, partner), every=0.2)
        await eventually(one_has_all, every=0.2)


async def test_the_projector_goes_on_after_kafka_and_postgres_were_away(
    own_kafka: OwnKafka, own_postgres: OwnPostgres, group: str
) -> None:
    node, server = await own_kafka(), await own_postgres()
    await migrate(server.url)
    settings = streaming_settings(node.bootstrap_servers, server.url)
    await ensure_topics(settings)
    async with AsyncExitStack() as stack:
        partner = await BasketTraffic(await stack.enter_async_context(event_store(server.url))).knows_a_catalogue()
        database = DatabasePool(server.url, timeout=2.0)
        stack.push_async_callback(database.close)
        views = PostgresBasketViews(database)
        for making in (publisher_worker(settings), projector_worker(settings, group)):
            await stack.enter_async_context(running_worker(await stack.enter_async_context(making)))
        await partner.fills_baskets(10)
        await eventually(lambda: views_are_right(views, partner), every=0.1)
        await node.kill()
        await partner.fills_baskets(10)
        await node.start()
        await eventually(lambda: views_are_right(views, partner), every=0.2)
        await server.stop()
        await server.start()
        await partner.fills_baskets(10)
        await eventually(lambda: views_are_right(views, partner), every=0.2)


async def _moved(views: PostgresBasketViews, partner: BasketTraffic) -> int:
    return sum((await views.versions(partner.basket_ids)).values())
