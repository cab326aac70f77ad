"""The master keys: they wrap the keys of baskets, and only they lie outside the database."""

from __future__ import annotations

import base64
import binascii
import os
import secrets
from collections.abc import Mapping, Sequence
from hashlib import sha256
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

from domain.ports.data_keys import DataKey, WrappedKey
from domain.shared.errors import CheckoutError, StoreUnavailable

KEY_BYTES = 64
"""AES-256-SIV takes two keys of 32 bytes in one."""


class UnusableMasterKeys(CheckoutError):
    """The file of master keys cannot be read, or holds something else."""


class MasterKeyMissing(StoreUnavailable):
    """Something is sealed by a master key that this process was not given. It is no answer to show it as
    forgotten: what is published so would stay so."""


class MasterKeys:
    """The first wraps, all unwrap; so a new one is put in front of the old ones."""

    def __init__(self, keys: Sequence[bytes]) -> None:
        """Each of KEY_BYTES bytes, at least one."""
        self._ciphers: Mapping[str, AESSIV] = {_name(key): AESSIV(key) for key in keys}
        self.first = _name(keys[0])

    @classmethod
    def read(cls, path: Path) -> MasterKeys:
        """Of a file with a key on each line, in base64; empty lines and those that begin with # are passed
        over. Raises UnusableMasterKeys."""
        try:
            lines = path.read_text(encoding="ascii").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            why = error.strerror if isinstance(error, OSError) else "it is no text"
            raise UnusableMasterKeys(
                f"{path} (CHECKOUT_DATA_KEY_FILE) cannot be read: {why}; `checkout data-keys new` makes one"
            ) from error
        keys = [_key(path, number, line) for number, line in enumerate(lines, 1) if _says_something(line)]
        if not keys:
            raise UnusableMasterKeys(f"{path} holds no key")
        return cls(keys)

    def wrap(self, key_id: str, basket_id: str, key: bytes) -> WrappedKey:
        return WrappedKey(self.first, self._ciphers[self.first].encrypt(key, _bound_to(key_id, basket_id)))

    def unwrap(self, key: DataKey) -> bytes:
        """The key itself, which must not be destroyed. Raises MasterKeyMissing, and UnusableMasterKeys where
        the stored row is not what was stored."""
        assert key.key is not None  # noqa: S101  (for the type checker)
        cipher = self._ciphers.get(key.key.master)
        if cipher is None:
            raise MasterKeyMissing(f"no master key {key.key.master} is among those of CHECKOUT_DATA_KEY_FILE")
        try:
            return cipher.decrypt(key.key.wrapped, _bound_to(key.id, key.basket_id))
        except InvalidTag as error:
            raise UnusableMasterKeys(
                f"the key {key.id} of {key.basket_id} is not as it was stored"
            ) from error


def create_master_key_file(path: Path) -> None:
    """A file with one new key, for its owner only; processes that make it at the same time all leave the one
    that came first, and what is there already stays."""
    if path.exists():
        return
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = _draft(path, _new_line())
    try:
        # a link never replaces what another process put there, as a rename would
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink()


def add_master_key(path: Path) -> None:
    """Puts a new key in front of those that the file holds. Raises UnusableMasterKeys."""
    MasterKeys.read(path)
    _draft(path, _new_line() + path.read_text(encoding="ascii")).replace(path)


def _new_line() -> str:
    return base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode() + "\n"


def _draft(path: Path, text: str) -> Path:
    """A file beside it, for its owner only, with this text on the disk."""
    draft = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    return draft


def _says_something(line: str) -> bool:
    return bool(line.strip()) and not line.startswith("#")


def _key(path: Path, number: int, line: str) -> bytes:
    try:
        key = base64.b64decode(line.strip(), validate=True)
    except binascii.Error:
        key = b""
    if len(key) != KEY_BYTES:
        # Never what the line says: it may be a key with a typing error.
        raise UnusableMasterKeys(f"line {number} of {path} is not {KEY_BYTES} bytes in base64")
    return key


def _name(key: bytes) -> str:
    """What a key is called where it must not be told."""
    return sha256(b"partner checkout master key" + key).hexdigest()[:16]


def _bound_to(key_id: str, basket_id: str) -> list[bytes]:
    return [b"data key", key_id.encode(), basket_id.encode()]
