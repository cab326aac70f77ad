"""The master keys. They wrap the keys of baskets, and only they are kept outside the database."""

from __future__ import annotations

import base64
import binascii
import secrets
import stat
from collections.abc import Mapping, Sequence
from hashlib import sha256
from pathlib import Path

import structlog
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

from adapters.private_files import FORBIDDEN_MODE, create_private_file, replace_private_file
from domain.ports.data_keys import DataKey, DataKeys, WrappedKey
from domain.shared.errors import CheckoutError, StoreUnavailable

KEY_BYTES = 64
"""AES-256-SIV takes two keys of 32 bytes in one."""

REWRAP_PAGE = 1_000

_log = structlog.get_logger("adapters.encryption")


class UnusableMasterKeys(CheckoutError):
    """The file of master keys cannot be read, or holds something else."""


class MasterKeyMissing(StoreUnavailable):
    """A value is encrypted under a master key that this process does not have. It is never shown as erased: what is
    published as empty would stay empty."""


class MasterKeys:
    """The first key wraps, all of them unwrap. So a new key goes in front of the old ones."""

    def __init__(self, keys: Sequence[bytes]) -> None:
        """At least one key, each of KEY_BYTES bytes."""
        self._ciphers: Mapping[str, AESSIV] = {_name(key): AESSIV(key) for key in keys}
        self.first = _name(keys[0])

    @classmethod
    def read(cls, path: Path) -> MasterKeys:
        """Reads a file with one key a line, in base64. Empty lines and lines that begin with # are skipped. Raises
        UnusableMasterKeys. A file that others than its owner may use is logged: without its keys nothing is served."""
        try:
            mode = path.stat().st_mode
            lines = path.read_text(encoding="ascii").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            why = error.strerror if isinstance(error, OSError) else "it is no text"
            raise UnusableMasterKeys(
                f"{path} (CHECKOUT_DATA_KEY_FILE) cannot be read: {why}; `checkout data-keys new` makes one"
            ) from error
        keys = [
            _parse_key(path, number, line)
            for number, line in enumerate(lines, 1)
            if line.strip() and not line.startswith("#")
        ]
        if not keys:
            raise UnusableMasterKeys(f"{path} holds no key")
        if mode & FORBIDDEN_MODE:
            _log.warning("master_keys_open_to_others", file=str(path), mode=f"{stat.S_IMODE(mode):04o}")
        return cls(keys)

    def wrap(self, key_id: str, basket_id: str, key: bytes) -> WrappedKey:
        return WrappedKey(self.first, self._ciphers[self.first].encrypt(key, _bound_to(key_id, basket_id)))

    def unwrap(self, key: DataKey) -> bytes:
        """The key itself; it must not be destroyed. Raises MasterKeyMissing, and UnusableMasterKeys where the stored
        row was altered."""
        assert key.key is not None  # noqa: S101  (for the type checker)
        cipher = self._ciphers.get(key.key.master)
        if cipher is None:
            raise MasterKeyMissing(f"no master key {key.key.master} is among those of CHECKOUT_DATA_KEY_FILE")
        try:
            return cipher.decrypt(key.key.wrapped, _bound_to(key.id, key.basket_id))
        except InvalidTag as error:
            raise UnusableMasterKeys(f"the key {key.id} of {key.basket_id} is not as it was stored") from error


async def rewrap_page(keys: DataKeys, master: MasterKeys) -> int:
    """Wraps a page of keys by the first master key. Returns how many, 0 where none is left. Encrypted data stays as it
    is. Raises StoreUnavailable, also as MasterKeyMissing."""
    page = await keys.wrapped_by_other_keys(master.first, REWRAP_PAGE)
    await keys.rewrap([(key, master.wrap(key.id, key.basket_id, master.unwrap(key))) for key in page])
    return len(page)


def create_master_key_file(path: Path) -> None:
    """Creates a file with one new key, readable by its owner only. An existing file stays. Processes that do this
    at the same time all keep the file that came first."""
    if not path.exists():
        create_private_file(path, _new_line().encode())


def add_master_key(path: Path) -> None:
    """Puts a new key in front of the keys of the file. Raises UnusableMasterKeys."""
    MasterKeys.read(path)
    replace_private_file(path, _new_line().encode() + path.read_bytes())


def _new_line() -> str:
    return base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode() + "\n"


def _parse_key(path: Path, number: int, line: str) -> bytes:
    try:
        key = base64.b64decode(line.strip(), validate=True)
    except binascii.Error:
        key = b""
    if len(key) != KEY_BYTES:
        # Never quote the line: it may be a key with a typing error.
        raise UnusableMasterKeys(f"line {number} of {path} is not {KEY_BYTES} bytes in base64")
    return key


def _name(key: bytes) -> str:
    """The public name of a master key."""
    return sha256(b"partner checkout master key" + key).hexdigest()[:16]


def _bound_to(key_id: str, basket_id: str) -> list[bytes]:
    return [b"data key", key_id.encode(), basket_id.encode()]
