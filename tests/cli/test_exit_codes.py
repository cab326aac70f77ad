"""Exit codes with a database: the answer no, a missing basket, and a database without the schema."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.servers.checkout_command import run_checkout
from tests.servers.postgres import Databases

REASON = ("--reason", "x")


@pytest.fixture
async def empty_url(databases: Databases) -> AsyncIterator[str]:
    """The URL of a database without tables."""
    url = await databases.empty()
    yield url
    await databases.drop(url)


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["find"], 1, "no basket found"),
        (["find", "--json"], 1, "no basket found"),
        (["history", "basket-x"], 1, "basket-x"),
        (["show", "basket-x"], 1, "basket-x"),
        (["diff", "basket-x", "1"], 1, "basket-x"),
        (["validate", "basket-x"], 2, "basket-x"),
        (["status"], 1, ""),
        (["verify", "--no-kafka"], 0, ""),
        (["migrate"], 1, "has to be the owner of the tables"),
        (["rebuild", "list"], 0, ""),
        (["rebuild", "basket-views", "--drop-kept", *REASON], 1, ""),
        (["dead-letters", "list"], 0, ""),
        (["dead-letters", "show", "7"], 1, "7"),
        (["forget", "--subject", "nobody", "--yes", *REASON], 1, ""),
        (["republish", "--resume", "nothing", *REASON], 1, ""),
    ],
)
async def test_each_command_exits_as_the_table_of_exit_codes_says(
    tmp_path: Path, database_url: str, arguments: list[str], code: int, words: str
) -> None:
    given = {"CHECKOUT_DATABASE_URL": database_url}
    ran = await asyncio.to_thread(run_checkout, tmp_path, *arguments, given=given)
    assert ran.code == code, ran.err
    assert words in ran.err
    assert "Traceback" not in ran.err


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["find"], 1),
        (["history", "b"], 1),
        (["verify", "--no-kafka"], 2),
        (["status"], 2),
        (["rebuild", "list"], 1),
    ],
)
async def test_a_database_without_the_schema_is_reported_with_the_command_that_makes_it(
    tmp_path: Path, empty_url: str, arguments: list[str], code: int
) -> None:
    given = {"CHECKOUT_DATABASE_URL": empty_url}
    ran = await asyncio.to_thread(run_checkout, tmp_path, *arguments, given=given)
    assert ran.code == code
    assert "`checkout migrate`" in ran.err
    assert "Traceback" not in ran.err
