"""The file of master keys."""

from __future__ import annotations

import stat
from dataclasses import replace
from pathlib import Path

import pytest
import structlog

from adapters.encryption.keys import (
    KEY_BYTES,
    MasterKeyMissing,
    MasterKeys,
    UnusableMasterKeys,
    add_master_key,
    create_master_key_file,
    rewrap_page,
)
from adapters.system import new_id
from domain.ports.data_keys import DataKey, KeyRequest
from tests.adapters.encryption.encrypted_store import a_master_key
from tests.fakes.data_keys import InMemoryDataKeys

SECRET = bytes(range(KEY_BYTES))


def wrapped(master: MasterKeys, basket_id: str = "basket-1") -> DataKey:
    key_id = new_id()
    return DataKey(key_id, basket_id, master.wrap(key_id, basket_id, SECRET))


def test_a_created_key_file_is_readable_by_its_owner_only_and_stays(tmp_path: Path) -> None:
    path = tmp_path / "new folder" / "data-key"
    create_master_key_file(path)
    made = path.read_bytes()
    create_master_key_file(path)
    assert path.read_bytes() == made
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [*path.parent.iterdir()] == [path]


def test_an_added_key_wraps_and_the_old_one_still_unwraps(tmp_path: Path) -> None:
    path = tmp_path / "data-key"
    create_master_key_file(path)
    old = MasterKeys.read(path)
    before = wrapped(old)
    add_master_key(path)

    new = MasterKeys.read(path)

    assert new.first != old.first
    assert new.unwrap(before) == SECRET
    with pytest.raises(MasterKeyMissing):
        old.unwrap(wrapped(new))


def test_comments_and_empty_lines_are_skipped(tmp_path: Path) -> None:
    path = tmp_path / "data-key"
    create_master_key_file(path)
    path.write_text(f"# of this year\n\n{path.read_text()}\n")
    assert MasterKeys.read(path).first


@pytest.mark.parametrize(("mode", "warnings"), [(0o600, 0), (0o440, 0), (0o644, 1), (0o660, 1)])
def test_a_file_that_others_may_use_is_told(tmp_path: Path, mode: int, warnings: int) -> None:
    path = tmp_path / "data-key"
    create_master_key_file(path)
    path.chmod(mode)
    with structlog.testing.capture_logs() as logs:
        MasterKeys.read(path)
    told = [(line["event"], line["file"], line["mode"]) for line in logs]
    assert told == [("master_keys_open_to_others", str(path), f"{mode:04o}")] * warnings


@pytest.mark.parametrize("text", ["", "# nothing\n", "c2hvcnQ=\n", "no base 64\n", "ü\n"])
def test_a_file_without_keys_is_rejected_and_not_quoted(tmp_path: Path, text: str) -> None:
    path = tmp_path / "data-key"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UnusableMasterKeys) as refused:
        MasterKeys.read(path)
    assert "c2hvcnQ" not in str(refused.value)


def test_a_missing_key_file_is_rejected(tmp_path: Path) -> None:
    with pytest.raises(UnusableMasterKeys):
        MasterKeys.read(tmp_path / "none")


def test_a_wrapped_key_unwraps_for_its_own_row_only() -> None:
    master = MasterKeys([a_master_key()])
    key = wrapped(master)
    for moved in (replace(key, basket_id="basket-2"), replace(key, id=new_id())):
        with pytest.raises(UnusableMasterKeys):
            master.unwrap(moved)


async def test_after_a_rewrap_the_old_master_key_is_not_needed() -> None:
    old, new = a_master_key(), a_master_key()
    keys = InMemoryDataKeys()
    before = [wrapped(MasterKeys([old]), f"basket-{number}") for number in range(5)]
    for key in before:
        await keys.ensure(KeyRequest(key.basket_id, "acme", None, key))
    keys.destroy("basket-4", 2)

    assert await rewrap_page(keys, MasterKeys([new, old])) == 4

    found = await keys.find([key.id for key in before])
    assert [MasterKeys([new]).unwrap(found[key.id]) for key in before[:4]] == [SECRET] * 4
    assert found[before[4].id].key is None
    assert await rewrap_page(keys, MasterKeys([new, old])) == 0
