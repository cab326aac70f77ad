from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

import asyncpg
import pytest

from adapters.postgres.dead_letters import PostgresDeadLetters
from adapters.postgres.pool import DatabasePool
from domain.ports.messaging import DeadLetter
from domain.shared.values import MessageSource
from tests.builders.released_basket import release_basket

LETTER = DeadLetter(
    source=MessageSource("checkout.basket-events.v1", 3, 7),
    key=b"basket-1",
    value=b"no JSON \x00\xff",
    headers=[("ce_id", b"basket-1/2"), ("odd \x00", b"\xff")],
    code="unreadable",
    error="ends too soon \x00 \ud800",
    basket_id="basket-1",
)
COUNT = "SELECT count(*) FROM dead_letters"


@pytest.fixture
async def letters(database_url: str) -> AsyncIterator[PostgresDeadLetters]:
    database = DatabasePool(database_url)
    yield PostgresDeadLetters(database)
    await database.close()


async def count(url: str) -> int:
    connection = await asyncpg.connect(url)
    try:
        found: int = await connection.fetchval(COUNT)
        return found
    finally:
        await connection.close()


async def test_a_letter_is_recorded_once_whatever_it_contains(letters: PostgresDeadLetters, database_url: str) -> None:
    await letters.record([LETTER])
    await letters.record([LETTER, replace(LETTER, source=MessageSource("catalogue.offers.v1", 0, 0))])
    assert await count(database_url) == 2


async def test_another_message_at_the_same_offset_of_a_recreated_topic_is_recorded_too(
    letters: PostgresDeadLetters, database_url: str
) -> None:
    await letters.record([LETTER])
    await letters.record([replace(LETTER, value=b"something else")])
    assert await count(database_url) == 2


async def test_a_letter_blocks_its_basket_until_it_is_settled(letters: PostgresDeadLetters) -> None:
    second = replace(LETTER, source=MessageSource("checkout.basket-events.v1", 3, 8))
    await letters.record([LETTER, second, replace(LETTER, source=MessageSource("t", 0, 0), basket_id=None)])
    assert set(await letters.blocked(["basket-1", "basket-2"])) == {"basket-1"}

    await release_basket(letters._database, "basket-1")

    assert not await letters.blocked(["basket-1", "basket-2"])
    await letters.record([LETTER])
    assert not await letters.blocked(["basket-1"])
