"""Sealed values: still JSON of the same kind under the same name, so that a sealed document is a document.

A map becomes `{"$sealed": "<base64>", "key": "<id>"}`, a text `$sealed:<id>:<base64>`. The cipher is
AES-256-SIV (RFC 5297), bound to the basket and the field: what was moved elsewhere does not open, and the same
value of the same basket is always the same bytes, so that a view equals its rebuild.
"""

from __future__ import annotations

import base64
import binascii
import re
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV
from pydantic_core import from_json, to_json

MARK = "$sealed"

_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_TEXT = re.compile(rf"\$sealed:({_ID.pattern}):([A-Za-z0-9+/=]+)")


class NotOurs(ValueError):
    """A value in the form of a sealed one that the key did not seal for this basket and field."""


def key_id_of(value: object) -> str | None:
    """The key that a sealed value names; None for any other value."""
    match value:
        case {"$sealed": str(), "key": str(key_id), **more} if not more:
            return key_id if _ID.fullmatch(key_id) else None
        case str():
            sealed = _TEXT.fullmatch(value)
            return sealed[1] if sealed else None
        case _:
            return None


def seal(value: dict[str, Any] | str, cipher: AESSIV, key_id: str, basket_id: str, field: str) -> Any:
    """The sealed form of a map or a text."""
    secret = base64.b64encode(cipher.encrypt(to_json(value), _bound_to(basket_id, field))).decode()
    return f"{MARK}:{key_id}:{secret}" if isinstance(value, str) else {MARK: secret, "key": key_id}


def unseal(value: dict[str, Any] | str, cipher: AESSIV, basket_id: str, field: str) -> Any:
    """What was sealed; raises NotOurs."""
    secret = value.rpartition(":")[2] if isinstance(value, str) else value[MARK]
    try:
        return from_json(cipher.decrypt(base64.b64decode(secret, validate=True), _bound_to(basket_id, field)))
    except (InvalidTag, binascii.Error, ValueError) as error:
        raise NotOurs(f"{field} of {basket_id} was not sealed by this key") from error


def _bound_to(basket_id: str, field: str) -> list[bytes]:
    return [b"personal data", basket_id.encode(), field.encode()]
