"""Publisher and projector with personal data: published plain or encrypted, and gone once erased."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from adapters.container import Container
from adapters.kafka.consumer_group import ConsumerGroup
from adapters.kafka.messages import Message, Received
from adapters.kafka.topics import BASKET_EVENTS, VALIDATION_RESULTS
from adapters.settings import Settings
from cli.work import publisher_of
from domain.basket.basket_view import to_view
from domain.basket.serialization import serialize_order
from domain.operators.erasure import Person
from domain.shared.values import MessageSource
from tests.adapters.postgres.erasure_setup import GRACE, MARKER, a_basket, service, tables_holding
from tests.basket_traffic import by_basket, event_message, topic_content
from tests.builders.stored_events import stored_basket
from tests.servers.waiting import eventually
from tests.workers.worker_processes import running_worker
from workers.projector import ProjectorWorker


@asynccontextmanager
async def at_work(container: Container, group: str) -> AsyncIterator[None]:
    """A publisher and a projector, wired as in production."""
    subscription = ConsumerGroup(
        container.settings, group, BASKET_EVENTS, session_timeout_ms=6_000, heartbeat_interval_ms=500
    )
    projector = ProjectorWorker(
        subscription,
        container.projection,
        container.blocked_baskets,
        container.dead_letter_sinks,
        decrypt=container.decrypt_messages,
    )
    async with running_worker(publisher_of(container)), running_worker(projector):
        yield


@asynccontextmanager
async def on_kafka(settings: Settings, folder: Path, **values: Any) -> AsyncIterator[Container]:
    assert settings.database_url is not None
    given = settings.model_dump(exclude={"database_url", "data_key_file", "local_issuer_key_file"})
    async with service(settings.database_url.get_secret_value(), folder, **{**given, **values}) as container:
        yield container


async def viewed(container: Container, basket_id: str, version: int) -> bytes:
    """The stored view, once it is at this version."""

    async def there() -> bool:
        return (await container.basket_views.versions([basket_id])).get(basket_id) == version

    await eventually(there, every=0.05)
    snapshot = (await container.raw_event_store.read_stream(basket_id)).snapshot
    assert snapshot is not None
    return snapshot


@pytest.mark.parametrize("how", ["open", "sealed"])
async def test_an_erasure_is_published_and_projected(
    how: str, settings: Settings, tmp_path: Path, administrator_url: str, group: str
) -> None:
    async with AsyncExitStack() as stack:
        container = await stack.enter_async_context(on_kafka(settings, tmp_path, kafka_personal_data=how))
        connection = await asyncpg.connect(administrator_url)
        stack.push_async_callback(connection.close)
        await stack.enter_async_context(at_work(container, group))
        id = await a_basket(container)
        version = (await stored_basket(container.event_store, id)).version

        # The view is encrypted however the event was published, and is read plain.
        await viewed(container, id, version)
        assert await tables_holding(connection) == set()
        assert (await container.basket_views.snapshots([id]))[id] == to_view(
            await stored_basket(container.event_store, id)
        ).snapshot
        assert await published(settings, id) == (3 if how == "open" else 0)

        await container.erasure.erase(Person(subject="p-1"), GRACE)

        basket = await stored_basket(container.event_store, id)
        assert await viewed(container, id, version + 1) == to_view(basket).snapshot
        assert serialize_order(await container.handlers.get(id, "acme"))["tracking"] == {}
        messages = by_basket(await topic_content(settings, BASKET_EVENTS, [id]))[id]
        assert [json.loads(message)["version"] for message in messages] == [*range(1, version + 2)]
        # A republication holds no personal data any more.
        again = [event_message(event).value or b"" for event in await container.published_event_feed.read(0, 100)]
        assert len(again) == version + 1
        assert not [value for value in again if MARKER.encode() in value]


async def published(settings: Settings, basket_id: str) -> int:
    """How many of the basket's messages on the topics show personal data."""
    messages = [
        message
        for topic in (BASKET_EVENTS, VALIDATION_RESULTS)
        for message in await topic_content(settings, topic, [basket_id])
    ]
    return sum(MARKER.encode() in (message.message.value or b"") for message in messages)


async def test_data_erased_before_its_publication_is_never_published(
    settings: Settings, tmp_path: Path, group: str
) -> None:
    async with on_kafka(settings, tmp_path) as container:
        id = await a_basket(container)
        await container.erasure.erase(Person(subject="p-1"), GRACE)
        basket = await stored_basket(container.event_store, id)
        async with at_work(container, group):
            assert await viewed(container, id, basket.version) == to_view(basket).snapshot
        assert await published(settings, id) == 0
        (verdict,) = by_basket(await topic_content(settings, VALIDATION_RESULTS, [id]))[id]
        assert json.loads(verdict)["checkout"]["tracking"] == {}


KEY = "01234567-89ab-4def-8123-456789abcdef"
ELSEWHERE = {"tracking": {"looks": "unsealed"}}
LOOKS_SEALED: dict[str, dict[str, Any]] = {
    "a basket's id that PostgreSQL cannot hold": {"basketId": "a\0b", **ELSEWHERE},
    "a basket's id that is none": {"basketId": {"a": 1}, **ELSEWHERE},
    "no basket's id": ELSEWHERE,
    "a key that nobody has": {"basketId": f"basket-{KEY}", **ELSEWHERE},
}


@pytest.mark.parametrize("why", LOOKS_SEALED)
@pytest.mark.parametrize("secret", ["QUFB", "A", "===="])
async def test_a_message_that_only_looks_encrypted_blocks_no_other(
    why: str, secret: str, database_url: str, tmp_path: Path
) -> None:
    sealed = {"details": {"tracking": {"$sealed": secret, "key": KEY}, "customFields": {}}}
    value = json.dumps({**sealed, **LOOKS_SEALED[why]}, separators=(",", ":")).encode()
    came = Received(Message(BASKET_EVENTS, b"key", value, ()), MessageSource(BASKET_EVENTS, 0, 0))
    async with service(database_url, tmp_path) as container:
        [opened] = await container.decrypt_messages([came])
    assert opened.source == came.source
