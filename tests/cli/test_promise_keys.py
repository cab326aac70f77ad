"""`checkout promise-keys`: made, listed and retired, and never shown."""

from __future__ import annotations

import json
import stat
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from adapters.promises.key_file import change_key_file, read_key_file
from adapters.promises.keys import PromiseKeySet
from adapters.system import utc_now
from tests.cli.test_promise import run

HOUR = timedelta(hours=1)


class KeyFile:
    """A file of keys, and the commands on it."""

    def __init__(self, path: Path) -> None:
        self.path = path

    async def checkout(self, *arguments: str) -> tuple[int | None, str]:
        ended = await run("promise-keys", *arguments, CHECKOUT_PROMISE_KEY_FILE=str(self.path))
        for secret in self.secrets():
            assert secret not in ended.out + ended.err
        return ended.code, ended.out + ended.err

    async def json(self, *arguments: str) -> Any:
        code, told = await self.checkout(*arguments, "--json")
        assert code == 0, told
        return json.loads(told)

    def secrets(self) -> list[str]:
        return [key["d"] for key in json.loads(self.path.read_bytes())["keys"]] if self.path.exists() else []

    def keys(self) -> PromiseKeySet:
        return read_key_file(self.path)


@pytest.fixture
def file(tmp_path: Path) -> KeyFile:
    return KeyFile(tmp_path / "keys" / "promise-keys.json")


async def test_the_first_key_signs_at_once_and_the_next_waits_for_the_caches(file: KeyFile) -> None:
    first = (await file.json("new"))["made"]
    assert (first["state"], first["retired"], first["publishedUntil"]) == ("signing", None, None)
    assert stat.S_IMODE(file.path.stat().st_mode) == 0o600
    code, told = await file.checkout("new")
    assert code == 0
    assert "signs from" in told
    listed = (await file.json("list"))["keys"]
    assert [key["state"] for key in listed] == ["signing", "waiting"]
    one, other = file.keys().keys
    assert other.signs_from - other.created == timedelta(seconds=600)
    assert [key["key"] for key in listed] == [one.id, other.id]


async def test_a_key_is_made_only_where_there_is_none(file: KeyFile) -> None:
    assert (await file.json("new", "--if-missing"))["made"] is not None
    assert (await file.json("new", "--if-missing"))["made"] is None
    assert await file.checkout("new", "--if-missing") == (0, "")
    assert len(file.keys().keys) == 1


async def test_a_retired_key_stays_until_its_promises_have_expired_and_then_leaves(file: KeyFile) -> None:
    await file.checkout("new")
    (first,) = file.keys().keys
    code, told = await file.checkout("retire", first.id)
    assert (code, "no other key signs now" in told) == (1, True)
    change_key_file(file.path, lambda keys: keys.with_new_key(utc_now() - HOUR, timedelta()))
    code, told = await file.checkout("retire", first.id)
    assert (code, "it is published until" in told) == (0, True)
    kept = file.keys().keys[0]
    assert kept.retired is not None
    assert kept.published_until == kept.retired + timedelta(seconds=900 + 300)
    assert (await file.json("list"))["keys"][0]["state"] == "retired"
    assert (await file.checkout("retire", first.id))[0] == 1

    change_key_file(
        file.path, lambda keys: PromiseKeySet([first, *keys.keys[1:]]).with_retired(first.id, utc_now() - HOUR, HOUR)
    )
    assert [key["state"] for key in (await file.json("list"))["keys"]] == ["signing"]
    assert len(file.keys().keys) == 1


async def test_a_compromised_key_leaves_at_once_even_the_last(file: KeyFile) -> None:
    await file.checkout("new")
    (key,) = file.keys().keys
    code, told = await file.checkout("retire", key.id, "--compromised")
    assert (code, "is removed" in told) == (0, True)
    assert (await file.json("list"))["keys"] == []
    assert (await file.json("new"))["made"]["state"] == "signing"


async def test_mistakes_are_told_in_words(file: KeyFile, tmp_path: Path) -> None:
    ended = await run("promise-keys", "new", CHECKOUT_DATA=str(tmp_path))
    assert (ended.code, "names no file; set it to a path, and `checkout promise-keys new`" in ended.err) == (1, True)
    code, told = await file.checkout("list")
    assert (code, "`checkout promise-keys new` makes one" in told) == (1, True)
    await file.checkout("new")
    code, told = await file.checkout("retire", "nothing")
    assert (code, "there is no key nothing" in told) == (1, True)
    file.path.chmod(0o644)
    code, told = await file.checkout("list")
    assert (code, "chmod 600" in told) == (1, True)
