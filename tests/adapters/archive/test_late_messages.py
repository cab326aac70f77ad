"""What order services and topics say about baskets in the archive."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Collection
from pathlib import Path

import asyncpg
import pytest

from adapters.container import Container
from adapters.kafka.messages import Message, Received
from adapters.kafka.order_handler import OrderHandler, SettledOrder
from adapters.kafka.order_messages import OrderNotice, parse_order
from adapters.kafka.topics import ORDERS
from adapters.system import new_id, utc_now
from domain.operators.verify.inconsistencies import Inconsistency
from domain.operators.verify.topic_verifier import TopicVerifier
from domain.ports.archive import ArchiveDamaged, ArchiveUnavailable
from domain.ports.messaging import PublisherCheckpoint
from domain.shared.values import MessageSource
from tests.adapters.archive.archived_service import (
    a_finished_basket,
    archive,
    archiving_service,
    files_in,
    publish_all,
    rows_of,
)
from tests.garbage import living, no_search_for_circles


@pytest.fixture
async def container(database_url: str, tmp_path: Path) -> AsyncIterator[Container]:
    async with archiving_service(database_url, tmp_path) as container:
        yield container


async def report(container: Container, basket_id: str) -> tuple[str, str | None]:
    """The outcome of an order that was placed from the basket, and why it was refused."""
    told = json.loads((await settled(container, basket_id)).result.value or b"")
    return told["outcome"], told["code"]


async def settled(container: Container, basket_id: str) -> SettledOrder:
    return await container.order_handler.settle(*_an_order(basket_id))


def _an_order(basket_id: str) -> tuple[OrderNotice, Received]:
    message = Message(ORDERS, basket_id.encode(), b'{"orderId": "order-1", "basketVersion": 6}', ())
    return parse_order(message.key, message.value), Received(message, MessageSource(ORDERS, 0, 1), at=utc_now())


async def test_a_late_report_gets_the_result_that_it_always_gets(
    container: Container, connection: asyncpg.Connection
) -> None:
    basket_id = await a_finished_basket(container)
    await publish_all(container)
    await archive(container)
    container.handlers.drop()
    assert await report(container, basket_id) == ("refused", "basket_cancelled")
    assert len(await rows_of(connection, basket_id)) == 7


async def test_a_late_report_has_its_effect_where_the_basket_moves_just_before(
    container: Container, connection: asyncpg.Connection
) -> None:
    basket_id = await a_finished_basket(container)
    await publish_all(container)
    container.handlers.drop()
    moved: list[int] = []

    async def bring_back(basket_ids: Collection[str]) -> Collection[str]:
        back = await container.archive.restore(basket_ids)
        if not moved:
            moved.append((await archive(container)).baskets)
        return back

    handler = OrderHandler(container.handlers, container.promise_verifier, bring_back, new_id)
    told = json.loads((await handler.settle(*_an_order(basket_id))).result.value or b"")
    assert (moved, told["outcome"], told["code"]) == ([1], "refused", "basket_cancelled")
    assert len(await rows_of(connection, basket_id)) == 7


async def test_a_late_report_waits_for_the_folder_and_says_so_of_a_damaged_file(container: Container) -> None:
    basket_id = await a_finished_basket(container)
    await publish_all(container)
    await archive(container)
    container.handlers.drop()
    events, manifest = files_in(container)
    folder = events.parent.rename(events.parent.with_name("unmounted"))
    with pytest.raises(ArchiveUnavailable, match="CHECKOUT_ARCHIVE_FOLDER"):
        await report(container, basket_id)
    folder.rename(events.parent)
    whole = manifest.read_bytes()
    manifest.unlink()
    with no_search_for_circles():
        told = await settled(container, basket_id)
        assert living(ArchiveDamaged) == 0
    assert (told.refused, told.letter and told.letter.code) == ("there is no basket of this id", "archive_damaged")
    assert told.letter is not None
    assert f"{manifest.name} is not in the folder" in told.letter.error
    # Once the file is back from the backup, the operator's retry has the effect of the report.
    manifest.write_bytes(whole)
    retried = await container.order_handler.settle(*_an_order(basket_id), retry="retry-1")
    assert json.loads(retried.result.value or b"")["code"] == "basket_cancelled"
    assert retried.letter is None


async def test_topics_are_not_compared_with_baskets_in_the_archive(container: Container) -> None:
    archived, stored = await a_finished_basket(container), await a_finished_basket(container)
    await publish_all(container)
    await archive(container, limit=1)
    assert (await container.archive_index.find([archived, stored])).keys() == {archived}

    async def published() -> PublisherCheckpoint:
        return PublisherCheckpoint()

    async def begin() -> int:
        return 0

    verifier = TopicVerifier(
        container.event_store, container.event_feed, (), "p", published, begin, None, container.archive_index.find
    )
    assert await verifier._in_store([archived, stored]) == {stored}
    found: list[Inconsistency] = (await verifier.verify_all()).inconsistencies
    assert found == []
