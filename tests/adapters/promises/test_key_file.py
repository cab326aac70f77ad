"""The file of promise keys: for its owner only, replaced as a whole, and read again when it changes."""

from __future__ import annotations

import os
import stat
import threading
from collections.abc import Callable
from datetime import timedelta
from itertools import count
from pathlib import Path

import pytest
import structlog

from adapters.promises.key_file import (
    PromiseKeyFile,
    change_key_file,
    create_promise_key_file,
    read_key_file,
    warn_without_signing_key,
)
from adapters.promises.keys import PromiseKeySet, UnusablePromiseKeys, write_keys
from tests.adapters.promises.golden import KEY, NOON

WAIT = timedelta(seconds=600)


def add(keys: PromiseKeySet) -> PromiseKeySet:
    return keys.with_new_key(NOON, WAIT)


def each_time_later() -> Callable[[], float]:
    """A clock: the file is looked at each time."""
    return count().__next__


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "new folder" / "promise-keys.json"
    create_promise_key_file(path, NOON)
    return path


def test_the_file_is_made_for_its_owner_only_and_stays(path: Path) -> None:
    made = path.read_bytes()
    create_promise_key_file(path, NOON)
    assert path.read_bytes() == made
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert read_key_file(path).signing_at(NOON) is not None
    change_key_file(path, add)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert {each.name for each in path.parent.iterdir()} == {path.name, f"{path.name}.lock"}


@pytest.mark.parametrize(
    ("mode", "allowed"),
    [(0o600, True), (0o400, True), (0o440, True), (0o640, True)]
    + [(mode, False) for mode in (0o644, 0o604, 0o660, 0o606, 0o777)],
)
def test_a_file_that_others_may_read_is_refused(path: Path, mode: int, allowed: bool) -> None:
    path.chmod(mode)
    if allowed:
        assert len(read_key_file(path).keys) == 1
    else:
        with pytest.raises(UnusablePromiseKeys, match=f"mode {mode:04o}"):
            read_key_file(path)


def test_a_missing_file_and_another_document_are_named(tmp_path: Path) -> None:
    path = tmp_path / "keys"
    with pytest.raises(UnusablePromiseKeys, match="checkout promise-keys new"):
        PromiseKeyFile(path)
    path.write_text("secret")
    path.chmod(0o600)
    with pytest.raises(UnusablePromiseKeys, match=r"keys \(CHECKOUT_PROMISE_KEY_FILE\) cannot be used") as refusal:
        PromiseKeyFile(path)
    assert "secret" not in str(refusal.value)
    with pytest.raises(UnusablePromiseKeys):
        change_key_file(path, add)
    assert path.read_text() == "secret"


def test_a_running_process_reads_a_changed_file_again(path: Path) -> None:
    file = PromiseKeyFile(path, each_time_later())
    (first,) = file.keys.keys
    changed = change_key_file(path, add)
    assert file.keys == changed
    assert file.public_key(first.id, NOON) is not None
    assert file.public_key("x", NOON) is None
    change_key_file(path, lambda keys: keys.without(first.id))
    assert file.public_key(first.id, NOON) is None
    assert file.signing_at(NOON) is None
    assert file.signing_at(NOON + WAIT) == changed.keys[1]


def test_the_file_is_looked_at_ten_times_a_second_at_most(path: Path) -> None:
    moments = iter([5.0, 5.0625, 5.125])
    file = PromiseKeyFile(path, moments.__next__)
    before = file.keys
    changed = change_key_file(path, add)
    assert file.keys == before != changed
    assert file.keys == changed


@pytest.mark.parametrize(
    "spoil", [lambda path: path.write_text("{"), lambda path: path.unlink(), lambda path: path.chmod(0o644)]
)
def test_the_last_keys_stay_in_use_while_the_file_cannot_be_read(path: Path, spoil: object) -> None:
    file = PromiseKeyFile(path, each_time_later())
    keys, document = file.keys, path.read_bytes()
    assert callable(spoil)
    spoil(path)
    with structlog.testing.capture_logs() as logs:
        assert file.keys == file.keys == keys
    assert [(line["event"], line["log_level"]) for line in logs] == [("promise_keys_not_read", "error")]
    path.unlink(missing_ok=True)
    change_key_file(path, lambda _: PromiseKeySet([KEY]))
    assert file.keys.keys == [KEY]
    assert document != path.read_bytes()


def test_changes_at_the_same_time_lose_none(path: Path) -> None:
    threads = [threading.Thread(target=change_key_file, args=(path, add)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(read_key_file(path).keys) == 9


def test_a_refused_change_leaves_the_file(path: Path) -> None:
    before = path.read_bytes()
    with pytest.raises(UnusablePromiseKeys, match="there is no key x"):
        change_key_file(path, lambda keys: keys.without("x"))
    assert path.read_bytes() == before


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes everywhere")
def test_a_folder_that_cannot_be_written_to_is_named(path: Path) -> None:
    path.parent.chmod(0o500)
    with pytest.raises(UnusablePromiseKeys, match="cannot be changed: Permission denied"):
        change_key_file(path, add)
    path.parent.chmod(0o700)


def test_a_mounted_secret_that_is_exchanged_is_read_again(tmp_path: Path) -> None:
    for name, keys in (("a", PromiseKeySet([KEY])), ("b", PromiseKeySet([]))):
        (tmp_path / name).mkdir()
        (tmp_path / name / "keys").write_bytes(write_keys(keys))
        (tmp_path / name / "keys").chmod(0o440)
    link = tmp_path / "current"
    link.symlink_to(tmp_path / "a")
    file = PromiseKeyFile(link / "keys", each_time_later())
    assert file.keys.keys == [KEY]
    (tmp_path / "next").symlink_to(tmp_path / "b")
    (tmp_path / "next").rename(link)
    assert file.keys.keys == []


def test_a_process_that_will_promise_nothing_says_so_once_at_its_start(path: Path) -> None:
    with structlog.testing.capture_logs() as logs:
        warn_without_signing_key(PromiseKeyFile(path), NOON)
        warn_without_signing_key(None, NOON)
        change_key_file(path, lambda keys: keys.without(keys.keys[0].id))
        warn_without_signing_key(PromiseKeyFile(path), NOON)
    assert [line["log_level"] for line in logs] == ["warning", "warning"]
    assert "CHECKOUT_PROMISE_KEY_FILE" in logs[0]["event"]
