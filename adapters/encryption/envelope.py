"""The stored form of an encrypted value. It is JSON of the same kind under the same name, so schemas still hold.

A map becomes `{"$sealed": "<base64>", "key": "<id>"}`, a text `$sealed:<id>:<base64>`. The cipher is AES-256-SIV
(RFC 5297), bound to the basket and the field: a value moved elsewhere does not decrypt. The same value of the same
basket always gives the same bytes, so a view equals its rebuild.

A caller's own value can contain the mark. If it is stored unencrypted, it is escaped: encoded in the same form with the
id NO_KEY. Older releases did not escape; such a value names a key that is not the basket's.
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

from domain.basket.personal_fields import FIRST_FIELD, SUBJECT_FIELD

MARK = "$sealed"
NO_KEY = "00000000-0000-0000-0000-000000000000"

_ID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_SEALED_TEXT = re.compile(rf"\$sealed:({_ID}):[A-Za-z0-9+/=]+")
_SEALED = re.compile(
    rf"""
    "(?P<map>tracking|customFields|(?:customer|billing|delivery)Details)":
        \{{"\$sealed":"(?P<map_secret>[A-Za-z0-9+/=]+)","key":"(?P<map_key>{_ID})"\}}
    | "(?P<text>dataSubject)":"\$sealed:(?P<text_key>{_ID}):(?P<text_secret>[A-Za-z0-9+/=]+)"
    """.encode(),
    re.VERBOSE,
)
_MAP = rb'\{(?:"\$sealed":"[A-Za-z0-9+/=]+","key":"(?!0{8}-)[0-9a-f\-]{36}")?\}'
_TEXT = rb'(?:null|"\$sealed:(?!0{8}-)[0-9a-f\-]{36}:[A-Za-z0-9+/=]+")'
_NOTHING_UNSEALED = re.compile(
    rb'"tracking":%(map)b,"customFields":%(map)b'
    # Older releases wrote no details of persons, and before that no dataSubject.
    rb'(?:\}|,"dataSubject":%(text)b(?!,"customerDetails")'
    rb'|,"dataSubject":%(text)b,"customerDetails":%(map)b,"billingDetails":%(map)b,"deliveryDetails":%(map)b)'
    % {b"map": _MAP, b"text": _TEXT}
)


@dataclass(frozen=True, slots=True)
class SealedValue:
    """An encrypted value in a document: its key, its field, and the ciphertext in base64."""

    key_id: str
    field: str
    secret: bytes


class DecryptionFailed(ValueError):
    """The value has the sealed form, but this key did not encrypt it for this basket and field."""


def may_hold_unsealed_data(document: bytes) -> bool:
    """Whether any details in a document, or in an array of them, hold personal data in another form than the sealed
    one. Whether a value of that form is really encrypted, only its key can tell."""
    at = document.find(FIRST_FIELD)
    while at >= 0:
        if _NOTHING_UNSEALED.match(document, at) is None:
            return True
        at = document.find(FIRST_FIELD, at + len(FIRST_FIELD))
    return False


def key_id_of(value: object) -> str | None:
    """The key that a sealed value names, None for any other value."""
    match value:
        case {"$sealed": str(), "key": str(key_id), **more} if not more:
            return key_id if re.fullmatch(_ID, key_id) else None
        case str():
            sealed = _SEALED_TEXT.fullmatch(value)
            return sealed[1] if sealed else None
        case _:
            return None


def sealed_key_ids(document: bytes) -> set[str]:
    """The keys that the sealed values of a document, or of an array of them, name."""
    return {_key_id(match) for match in _SEALED.finditer(document)}


def seal(value: Any, cipher: AESSIV, key_id: str, basket_id: str, field: str) -> Any:
    """Encrypts a map or a text."""
    return _form(value, cipher.encrypt(to_json(value), _bound_to(basket_id, field)), key_id)


def unseal(sealed: SealedValue, cipher: AESSIV, basket_id: str) -> bytes:
    """Decrypts a value to JSON. Raises DecryptionFailed."""
    try:
        secret = base64.b64decode(sealed.secret, validate=True)
        return cipher.decrypt(secret, _bound_to(basket_id, sealed.field))
    except (InvalidTag, ValueError) as error:
        raise DecryptionFailed(f"{sealed.field} of {basket_id} was not sealed by this key") from error


def escape_value(value: Any) -> Any:
    """A map or a text as it is stored unencrypted: the same object, unless it contains the mark."""
    plain = to_json(value)
    return _form(value, plain, NO_KEY) if MARK.encode() in plain else value


def unescape_value(sealed: SealedValue) -> bytes | None:
    """The JSON that `escape_value` encoded. None where an older release stored a caller's own value of this form."""
    try:
        plain = base64.b64decode(sealed.secret, validate=True)
        value = from_json(plain)
    except ValueError:
        return None
    return plain if isinstance(value, str if sealed.field == SUBJECT_FIELD else dict) else None


def replace_sealed(document: bytes, open: Callable[[SealedValue], bytes | None]) -> bytes:
    """The document with each sealed value replaced by what `open` returns; None leaves it as it is.

    The rest of the document is not parsed: a caller's own words never have this form, they are encrypted or escaped.
    """

    def replacement(match: re.Match[bytes]) -> bytes:
        field = match["map"] or match["text"]
        secret = match["map_secret"] or match["text_secret"]
        value = open(SealedValue(_key_id(match), field.decode(), secret))
        return match[0] if value is None else b'"%b":%b' % (field, value)

    return _SEALED.sub(replacement, document)


def _key_id(match: re.Match[bytes]) -> str:
    return str(match["map_key"] or match["text_key"], "ascii")


def _form(value: object, secret: bytes, key_id: str) -> Any:
    encoded = base64.b64encode(secret).decode()
    return f"{MARK}:{key_id}:{encoded}" if isinstance(value, str) else {MARK: encoded, "key": key_id}


def _bound_to(basket_id: str, field: str) -> list[bytes]:
    return [b"personal data", basket_id.encode(), field.encode()]
