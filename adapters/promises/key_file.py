"""The file of the keys that sign promises (CHECKOUT_PROMISE_KEY_FILE)."""

from __future__ import annotations

import fcntl
import math
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from time import monotonic

import structlog
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from adapters.private_files import FORBIDDEN_MODE, replace_private_file
from adapters.promises.keys import PromiseKey, PromiseKeySet, UnusablePromiseKeys, read_keys, write_keys

NO_KEYS = PromiseKeySet([])
LOOK_SECONDS = 0.1
"""At least so long between two looks at a file of keys."""

_SETTING = "CHECKOUT_PROMISE_KEY_FILE"
_Identity = tuple[int, int, int, int]
"""Another file, another time of change, size or mode: then it is read again."""

_log = structlog.get_logger("adapters.promises")


class PromiseKeyFile:
    """The keys of a file, read again a tenth of a second after the file changes at the latest. A look at the file lets
    go of the interpreter, so that one for each verdict would cost a busy API 20 µs.

    If a changed file cannot be read, the last keys stay in use, and the log says why, once for each change.
    """

    def __init__(self, path: Path, now: Callable[[], float] = monotonic) -> None:
        """`now` counts seconds. Raises UnusablePromiseKeys."""
        self._path = path
        self._now = now
        self._looked_at = -math.inf
        self._seen: _Identity | None = None
        self._keys = NO_KEYS
        self._read()

    @property
    def keys(self) -> PromiseKeySet:
        now = self._now()
        if now - self._looked_at < LOOK_SECONDS:
            return self._keys
        self._looked_at = now
        if _identity(self._path) != self._seen:
            try:
                self._read()
            except UnusablePromiseKeys as error:
                _log.error("promise_keys_not_read", reason=str(error))
        return self._keys

    def signing_at(self, now: datetime) -> PromiseKey | None:
        return self.keys.signing_at(now)

    def public_key(self, id: str, now: datetime) -> Ed25519PublicKey | None:
        """The published key of this id."""
        return next((key.public for key in self.keys.published_at(now) if key.id == id), None)

    def _read(self) -> None:
        self._seen = _identity(self._path)  # first, so that a change while it is read is seen at the next look
        self._keys = read_key_file(self._path)


def warn_without_signing_key(keys: PromiseKeyFile | None, now: datetime) -> None:
    if keys is None:
        _log.warning("verdicts carry no promise: CHECKOUT_PROMISE_KEY_FILE names no keys")
    elif keys.signing_at(now) is None:
        _log.warning("verdicts carry no promise: no key of CHECKOUT_PROMISE_KEY_FILE signs now")


def read_key_file(path: Path) -> PromiseKeySet:
    """Raises UnusablePromiseKeys where the file cannot be read, holds something else, or is open to others."""
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            document = file.read()
    except OSError as error:
        raise UnusablePromiseKeys(
            f"{path} ({_SETTING}) cannot be read: {error.strerror}; `checkout promise-keys new` makes one"
        ) from error
    if mode & FORBIDDEN_MODE:
        raise UnusablePromiseKeys(
            f"{path} ({_SETTING}) is open to others than its owner (mode {stat.S_IMODE(mode):04o}): `chmod 600` it"
        )
    try:
        return read_keys(document)
    except ValueError as error:
        raise UnusablePromiseKeys(f"{path} ({_SETTING}) cannot be used: {error}") from None


def change_key_file(path: Path, change: Callable[[PromiseKeySet], PromiseKeySet]) -> PromiseKeySet:
    """Replaces the keys of a file by what `change` makes of them; a missing file holds none. One process at a time,
    and readers see the old file or the new one. Only the owner can read it.

    Raises UnusablePromiseKeys, also as `change` does.
    """
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with _locked(path):
            keys = read_key_file(path) if path.exists() else NO_KEYS
            changed = change(keys)
            if changed != keys:
                replace_private_file(path, write_keys(changed))
            return changed
    except OSError as error:
        raise UnusablePromiseKeys(f"{path} ({_SETTING}) cannot be changed: {error.strerror}") from error


def create_promise_key_file(path: Path, now: datetime) -> None:
    """Creates a file with one key, which signs at once. Existing keys stay. Raises UnusablePromiseKeys."""
    change_key_file(path, lambda keys: keys if keys.keys else keys.with_new_key(now, timedelta()))


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """The lock is a file of its own, because the file of the keys is replaced."""
    descriptor = os.open(path.with_name(f"{path.name}.lock"), os.O_WRONLY | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _identity(path: Path) -> _Identity | None:
    """None where there is no file, or none that can be looked at."""
    try:
        found = path.stat()
    except OSError:
        return None
    return (found.st_ino, found.st_mtime_ns, found.st_size, found.st_mode)
