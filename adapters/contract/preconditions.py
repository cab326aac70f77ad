"""What callers make a command depend on: `If-Match` and `Idempotency-Key`, by their lower-case names."""

from __future__ import annotations

import re

from adapters.contract.refusals import InvalidHeader
from domain.basket.commands import IfMatch

_ENTITY_TAG = re.compile(r'(W/)?"([\x21\x23-\x7e\x80-\xff]*)"')
_VERSION = re.compile(r"[1-9][0-9]{0,17}")
_KEY = re.compile(r"[\x21-\x7e]{1,255}")


def read_if_match(headers: dict[str, str]) -> IfMatch | None:
    """The versions that the caller accepts; None where the header is absent.

    A weak tag, or one that no basket ever had, matches nothing. Raises InvalidHeader for anything that
    is no list of entity tags.
    """
    value = headers.get("if-match")
    if value is None:
        return None
    if value == "*":
        return IfMatch(None)
    versions: set[int] = set()
    rest = value
    while True:
        tag = _ENTITY_TAG.match(rest)
        if tag is None:
            raise InvalidHeader("If-Match", 'this is neither * nor a list of entity tags such as "3"')
        if tag[1] is None and _VERSION.fullmatch(tag[2]):
            versions.add(int(tag[2]))
        rest = rest[tag.end() :].lstrip(" \t")
        if not rest:
            return IfMatch(frozenset(versions))
        if not rest.startswith(","):
            raise InvalidHeader("If-Match", "entity tags are separated by commas")
        rest = rest.lstrip(", \t")


def read_idempotency_key(headers: dict[str, str]) -> str | None:
    """None where the header is absent; raises InvalidHeader unless it is 1 to 255 visible ASCII characters."""
    value = headers.get("idempotency-key")
    if value is not None and _KEY.fullmatch(value) is None:
        raise InvalidHeader("Idempotency-Key", "a key is 1 to 255 visible ASCII characters, given once")
    return value
