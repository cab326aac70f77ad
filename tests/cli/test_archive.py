"""`checkout archive`: what operators see."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from adapters.container import Container
from tests.adapters.archive.archived_service import a_finished_basket, archiving_service, files_in, publish_all
from tests.adapters.postgres.erasure_setup import a_basket, project
from tests.servers.checkout_command import CommandResult, run_command


@pytest.fixture
async def container(database_url: str, tmp_path: Path) -> AsyncIterator[Container]:
    async with archiving_service(database_url, tmp_path) as container:
        yield container


async def command(container: Container, *arguments: str) -> CommandResult:
    settings = container.settings
    assert settings.database_url is not None
    environment = {
        "CHECKOUT_DATABASE_URL": settings.database_url.get_secret_value(),
        "CHECKOUT_DATA_KEY_FILE": str(settings.data_key_file),
        "CHECKOUT_KAFKA_DELIVERY": "at_least_once",
        "CHECKOUT_ARCHIVE_FOLDER": str(settings.archive_folder),
        "CHECKOUT_ARCHIVE_AFTER": "0",
    }
    return await run_command(*arguments, environment=environment)


def documents(result: CommandResult) -> list[Any]:
    assert (result.code, result.err) == (0, "")
    return [json.loads(line) for line in result.out.splitlines()]


async def test_an_operator_archives_finds_verifies_and_restores_a_basket(container: Container) -> None:
    basket_id = await a_finished_basket(container)
    history = (await command(container, "history", basket_id)).out
    (early,) = documents(await command(container, "archive", "run", "--json"))
    assert (early["baskets"], early["waiting"]) == (0, {"unpublished": 1})
    await publish_all(container)
    (dry,) = documents(await command(container, "archive", "run", "--dry-run", "--json"))
    assert (dry["baskets"], dry["dryRun"], files_in(container)) == (1, True, [])

    ran = await command(container, "archive", "run")
    assert ran.code == 0
    assert ran.out.startswith("1 basket with 7 events moved to 1 file of ")
    (row,) = documents(await command(container, "archive", "list", "--json"))
    assert (row["basketId"], row["partner"], row["events"]) == (basket_id, "acme", 7)
    shown = await command(container, "archive", "show", basket_id)
    assert history in shown.out
    gone = await command(container, "history", basket_id)
    assert (gone.code, f"checkout archive restore {basket_id}" in gone.err) == (1, True)
    assert "1 file read, 0 damaged" in (await command(container, "archive", "verify")).out

    back = await command(container, "archive", "restore", basket_id)
    assert (back.code, back.out) == (0, "1 basket brought back\n")
    again = await command(container, "archive", "restore", basket_id)
    assert (again.code, again.out) == (0, "0 baskets brought back, 1 were there already\n")
    assert (await command(container, "history", basket_id)).out == history
    verified = await command(container, "verify", "--basket", basket_id, "--no-kafka")
    assert verified.code == 0, verified


async def test_a_damaged_file_is_named_and_a_basket_that_nobody_knows_too(container: Container) -> None:
    basket_id = await a_finished_basket(container)
    await publish_all(container)
    await command(container, "archive", "run")
    events, _ = files_in(container)
    events.write_bytes(b"no archive")
    for arguments in (("verify",), ("restore", basket_id), ("show", basket_id)):
        ended = await command(container, "archive", *arguments)
        assert (ended.code, events.name in ended.err) == (1, True)
    unknown = await command(container, "archive", "restore", "basket-of-nobody")
    assert (unknown.code, "basket-of-nobody" in unknown.err) == (1, True)


async def test_what_is_archived_is_named_with_the_command_that_brings_it_back(container: Container) -> None:
    basket_id, other_id = await a_finished_basket(container), await a_finished_basket(container, partner="store-7")
    await publish_all(container)
    stored_id = await a_basket(container)
    await project(container, stored_id)
    await command(container, "archive", "run")
    way_back = f"checkout archive restore {basket_id}"
    for arguments in (
        ("show", basket_id, "--at-version", "2"),
        ("history", basket_id, "--after-version", "3"),
        ("history", basket_id, "--follow"),
        ("diff", basket_id, "1", "2"),
        ("rebuild", "basket-views", "--basket", basket_id, "--reason", "a test"),
    ):
        ended = await command(container, *arguments)
        assert (ended.code, way_back in ended.err) == (1, True), (arguments, ended)
    assert way_back in (await command(container, "validate", basket_id)).err

    verified = await command(container, "verify", "--basket", basket_id, "--basket", stored_id, "--no-kafka", "--json")
    found = json.loads(verified.out)
    assert (verified.code, found["baskets"], found["differs"]) == (3, 1, False)
    assert any(way_back in each["why"] and each["asked"] for each in found["notLookedAt"])
    verified = await command(container, "verify", "--all", "--partner", "acme", "--no-kafka")
    assert verified.code == 0
    assert "Not looked at: 1 basket in the archive" in verified.out

    assert "checkout archive list\n" in (await command(container, "find")).err
    searched = await command(container, "find", "--partner", "store-7")
    assert "checkout archive list --partner store-7\n" in searched.err
    assert "archive" not in (await command(container, "find", "--partner", "globex")).err
    (row,) = documents(await command(container, "archive", "list", "--partner", "store-7", "--json"))
    assert row["basketId"] == other_id
    positions = ("--from-position", str(row["firstPosition"]), "--to-position", str(row["lastPosition"]))
    (row,) = documents(await command(container, "archive", "list", *positions, "--json"))
    assert row["basketId"] == other_id


async def test_a_part_of_the_archive_comes_back_by_owner_and_positions(container: Container) -> None:
    ids = [await a_finished_basket(container) for _ in range(3)]
    other_id = await a_finished_basket(container, partner="store-7")
    await publish_all(container)
    await command(container, "archive", "run")
    for arguments in ((), (ids[0], "--partner", "acme")):
        assert (await command(container, "archive", "restore", *arguments)).code == 2
    rows = documents(await command(container, "archive", "list", "--json"))
    (second,) = [row for row in rows if row["basketId"] == ids[1]]
    since = ("--partner", "acme", "--from-position", str(second["firstPosition"]))
    (restored,) = documents(await command(container, "archive", "restore", *since, "--json"))
    assert restored == {"restored": 2}
    left = documents(await command(container, "archive", "list", "--json"))
    assert {row["basketId"] for row in left} == {ids[0], other_id}
    assert (await command(container, "archive", "restore", *since)).out == "0 baskets brought back\n"
