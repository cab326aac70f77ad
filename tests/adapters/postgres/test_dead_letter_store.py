from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import asyncpg
import pytest

from adapters.postgres import migrations
from adapters.postgres.audit import PostgresAuditLog
from adapters.postgres.dead_letter_store import PostgresDeadLetterStore
from adapters.postgres.dead_letters import PostgresDeadLetters
from adapters.postgres.pool import DatabasePool
from domain.ports.messaging import DeadLetter
from tests.builders.released_basket import release_basket
from tests.contracts.dead_letter_store import (
    ANY,
    ONE,
    OTHER,
    DeadLetterStoreContract,
    SendToDeadLetters,
    message,
    retried,
)


@pytest.fixture
async def book(database: DatabasePool) -> AsyncIterator[PostgresDeadLetterStore]:
    book = PostgresDeadLetterStore(database)
    yield book
    await book.close()


@pytest.fixture
def bury(database: DatabasePool, book: PostgresDeadLetterStore) -> SendToDeadLetters:
    async def bury(letter: DeadLetter) -> int:
        await PostgresDeadLetters(database).record([letter])
        return await book.last_id()

    return bury


class TestPostgresDeadLetterStore(DeadLetterStoreContract):
    pass


@pytest.mark.parametrize(
    ("letter", "about"),
    [
        (replace(message(1, None), basket_id=ONE, key=OTHER.encode()), ONE),
        (replace(message(1, None), headers=(("ce_subject", ONE.encode()), ("n", b""))), ONE),
        (replace(message(1, None), headers=(("ce_subject", b"\xff\x00"),), key=b"\xff"), None),
        (replace(message(1, None), key=ONE.encode() + b"\x00"), None),
        (replace(message(1, None), key=b"new"), None),
    ],
    ids=["the one that it parks", "its subject", "bytes that are no text", "a key with more in it", "a word"],
)
async def test_the_message_tells_which_basket_a_letter_is_about(
    book: PostgresDeadLetterStore, bury: SendToDeadLetters, letter: DeadLetter, about: str | None
) -> None:
    await bury(letter)
    assert [found.basket_id for found in await book.page(ANY, 0, 2)] == [about]


async def test_a_letter_is_settled_together_with_its_audit_record_or_not_at_all(
    book: PostgresDeadLetterStore, bury: SendToDeadLetters, database: DatabasePool
) -> None:
    actions = PostgresAuditLog(database)
    id = await bury(message(1))
    with contextlib.suppress(EOFError):
        async with book.claim(id, ONE, ["t"]) as claim:
            assert not isinstance(claim, str)
            await claim.resolve([id], "retried", retried(1))
            raise EOFError("the operator's machine went off")
    assert [found.settled_at for found in await book.page(ANY, 0, 2)] == [None]
    assert await actions.newest(None, 5) == []

    async with book.claim(id, ONE, ["t"]) as claim:
        assert not isinstance(claim, str)
        await claim.resolve([id], "retried", retried(1))
    assert await actions.newest(None, 5) == [retried(1)]


async def test_a_letter_of_a_released_basket_says_so(
    book: PostgresDeadLetterStore, bury: SendToDeadLetters, database: DatabasePool
) -> None:
    id = await bury(replace(message(1), basket_id=ONE))
    await release_basket(database, ONE)
    letter = await book.find(id)
    assert letter is not None
    assert letter.settled_by == "released"


# As 0014 found it: letters without numbers, buried in another order than they lie in.
MIGRATION_0014 = Path(migrations.__file__).parent / "versions" / "0014_dead_letter_resolution_and_republish.sql"
BEFORE_0014 = """
DROP INDEX dead_letters_counted;
DROP TABLE republications;
ALTER TABLE dead_letters DROP COLUMN about, DROP COLUMN number, DROP COLUMN tries, DROP COLUMN tried_at,
    DROP COLUMN last_error, DROP COLUMN settled_by;
UPDATE dead_letters SET recorded_at = recorded_at - message_offset * interval '1 hour';
"""


async def test_letters_of_an_older_release_are_numbered_in_the_order_of_recording(
    bury: SendToDeadLetters, book: PostgresDeadLetterStore, connection: asyncpg.Connection
) -> None:
    for offset in (1, 3, 2):
        await bury(message(offset))
    await connection.execute(BEFORE_0014)
    await connection.execute(MIGRATION_0014.read_text(encoding="utf-8"))

    await bury(message(4))
    page = await book.page(ANY, 0, 10)
    assert [letter.message.source.offset for letter in page] == [3, 2, 1, 4]
    assert [letter.id for letter in page] == [1, 2, 3, 4]
    assert {letter.basket_id for letter in page} == {ONE}
