"""Sealed values: still JSON of the same kind under the same name, so that a sealed document is a document.

A map becomes `{"$sealed": "<base64>", "key": "<id>"}`, a text `$sealed:<id>:<base64>`. The cipher is
AES-256-SIV (RFC 5297), bound to the basket and the field: what was moved elsewhere does not open, and the same
value of the same basket is always the same bytes, so that a view equals its rebuild.

A value that is stored unsealed and speaks of the mark itself, as only a caller would write it, is wrapped in the same
form with the id NO_KEY: encoded, not encrypted. So whatever looks sealed in what we store was made here. What callers
wrote before that was so is known by its key, which is none of the basket's.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV
from pydantic_core import from_json, to_json

MARK = "$sealed"
NO_KEY = "00000000-0000-0000-0000-000000000000"

_ID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_TEXT = re.compile(rf"\$sealed:({_ID}):[A-Za-z0-9+/=]+")
_SEALED = re.compile(
    rf"""
    "(?P<map>tracking|customFields)":
        \{{"\$sealed":"(?P<map_secret>[A-Za-z0-9+/=]+)","key":"(?P<map_key>{_ID})"\}}
    | "(?P<text>dataSubject)":"\$sealed:(?P<text_key>{_ID}):(?P<text_secret>[A-Za-z0-9+/=]+)"
    """.encode(),
    re.VERBOSE,
)


@dataclass(frozen=True, slots=True)
class SealedValue:
    """A sealed value as it stands in a document: by which key, in which field, and the cipher's bytes in base64."""

    key_id: str
    field: str
    secret: bytes


class DecryptionFailed(ValueError):
    """A value in the form of a sealed one that the key did not seal for this basket and field."""


def key_id_of(value: object) -> str | None:
    """The key that a sealed value names; None for any other value."""
    match value:
        case {"$sealed": str(), "key": str(key_id), **more} if not more:
            return key_id if re.fullmatch(_ID, key_id) else None
        case str():
            sealed = _TEXT.fullmatch(value)
            return sealed[1] if sealed else None
        case _:
            return None


def seal(value: dict[str, Any] | str, cipher: AESSIV, key_id: str, basket_id: str, field: str) -> Any:
    """The sealed form of a map or a text."""
    secret = base64.b64encode(cipher.encrypt(to_json(value), _bound_to(basket_id, field))).decode()
    return f"{MARK}:{key_id}:{secret}" if isinstance(value, str) else {MARK: secret, "key": key_id}


def escape_value(value: dict[str, Any] | str) -> Any:
    """The form in which a value is stored unsealed: as it is, unless it speaks of the mark."""
    plain = to_json(value)
    if MARK.encode() not in plain:
        return value
    encoded = base64.b64encode(plain).decode()
    return f"{MARK}:{NO_KEY}:{encoded}" if isinstance(value, str) else {MARK: encoded, "key": NO_KEY}


def unescape_value(sealed: SealedValue) -> bytes | None:
    """What `wrapped` wrapped, as JSON; None where a caller wrote something else in this form, before there was one."""
    try:
        plain = base64.b64decode(sealed.secret, validate=True)
        value = from_json(plain)
    except ValueError:
        return None
    return plain if isinstance(value, str if sealed.field == "dataSubject" else dict) else None


def sealed_key_ids(document: bytes) -> set[str]:
    """The keys that a document, or an array of them, names."""
    return {str(match["map_key"] or match["text_key"], "ascii") for match in _SEALED.finditer(document)}


def replace_sealed(document: bytes, open: Callable[[SealedValue], bytes | None]) -> bytes:
    """The document with every sealed value replaced by what `open` says it is; None leaves it as it is.

    Without a look at the rest of it: whatever a caller wrote is sealed, and nothing else looks like this.
    """

    def opened(match: re.Match[bytes]) -> bytes:
        field = match["map"] or match["text"]
        sealed = SealedValue(
            str(match["map_key"] or match["text_key"], "ascii"),
            str(field, "ascii"),
            match["map_secret"] or match["text_secret"],
        )
        value = open(sealed)
        return match[0] if value is None else b'"%b":%b' % (field, value)

    return _SEALED.sub(opened, document)


def unseal(sealed: SealedValue, cipher: AESSIV, basket_id: str) -> bytes:
    """What was sealed, as JSON; raises DecryptionFailed."""
    try:
        secret = base64.b64decode(sealed.secret, validate=True)
        return cipher.decrypt(secret, _bound_to(basket_id, sealed.field))
    except (InvalidTag, ValueError) as error:
        raise DecryptionFailed(f"{sealed.field} of {basket_id} was not sealed by this key") from error


def _bound_to(basket_id: str, field: str) -> list[bytes]:
    return [b"personal data", basket_id.encode(), field.encode()]
