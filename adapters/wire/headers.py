"""The headers `If-Match`, `If-None-Match`, `Idempotency-Key` and `ETag`. All are read in linear time. Header names are
in lower case."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from adapters.wire.request_errors import InvalidHeader
from domain.basket.commands import NO_PRECONDITIONS, IfMatch, IfNoneMatch, Preconditions

MAX_TAGS = 1000

_ELEMENT = re.compile(r'[ \t]*+(?:(W/)?"([\x21\x23-\x7e\x80-\xff]*+)")?[ \t]*+(,|\Z)')
"""An element of a list (RFC 9110 5.6.1), which may be empty, and what ends it."""

_VERSION = re.compile(r"[1-9][0-9]{0,17}")

_BARE_KEY = re.compile(r"[\x21\x23-\x7e][\x21-\x7e]{0,254}")
_QUOTED_KEY = re.compile(
    r'"((?:[ !#-\[\]-~]|\\["\\])*+)"'
    r"(?: *;[ ]*[a-z*][a-z0-9_.*\-]*+"  # parameters, which say nothing to us
    r"(?:=(?:@?-?[0-9]{1,15}(?:\.[0-9]{1,3})?|%?\"(?:[ !#-\[\]-~]|\\[\"\\])*+\"|:[A-Za-z0-9+/=]*+:|\?[01]"
    r"|[A-Za-z*][!#$%&'*+.^_`|~0-9A-Za-z:/\-]*+))?)*+"
)
"""A string of RFC 9651 (and 8941), as the header's draft standard defines it."""

_LONGEST_KEY = 255


@dataclass(frozen=True, slots=True)
class IdempotencyHeader:
    """A key. `former_key` is a quoted key with its quotes, under which an older release stored the response."""

    key: str
    former_key: str | None = None


def read_preconditions(headers: Mapping[str, str]) -> Preconditions:
    """Raises InvalidHeader for anything but `*` and lists of entity tags.

    `If-Match` compares strongly: a weak tag matches nothing. `If-None-Match` compares weakly. A tag that cannot be a
    basket's version matches nothing.
    """
    accepted, unwanted = headers.get("if-match"), headers.get("if-none-match")
    if accepted is None and unwanted is None:
        return NO_PRECONDITIONS
    return Preconditions(
        None if accepted is None else IfMatch(_versions("If-Match", accepted, weak_too=False)),
        None if unwanted is None else IfNoneMatch(_versions("If-None-Match", unwanted, weak_too=True)),
    )


def read_idempotency_key(headers: Mapping[str, str]) -> IdempotencyHeader | None:
    """None without the header. `"k"` and `k` are the same key. Raises InvalidHeader unless it is 1 to 255 characters of
    visible ASCII or in a quoted string."""
    value = headers.get("idempotency-key")
    if value is None:
        return None
    if value.startswith('"'):
        quoted = _QUOTED_KEY.fullmatch(value)
        key = re.sub(r"\\(.)", r"\1", quoted[1]) if quoted else ""
        if 0 < len(key) <= _LONGEST_KEY:
            return IdempotencyHeader(key, former_key=value)
    elif _BARE_KEY.fullmatch(value):
        return IdempotencyHeader(value)
    raise InvalidHeader(
        "Idempotency-Key",
        "a key is 1 to 255 visible ASCII characters or a quoted string of as many, given once",
    )


def _versions(name: str, value: str, *, weak_too: bool) -> frozenset[int] | None:
    """The versions of a list; None for `*`."""
    if value == "*":
        return None
    versions: set[int] = set()
    count = at = 0
    while True:
        element = _ELEMENT.match(value, at)
        if element is None:
            raise InvalidHeader(name, 'this is neither * nor a list of entity tags such as "3"')
        weak, tag, comma = element.groups()
        count += tag is not None
        if tag is not None and (weak_too or not weak) and _VERSION.fullmatch(tag):
            versions.add(int(tag))
        if count > MAX_TAGS:
            raise InvalidHeader(name, f"a list has at most {MAX_TAGS} entity tags")
        if not comma:
            break
        at = element.end()
    if not count:
        raise InvalidHeader(name, "the list has no entity tag")
    return frozenset(versions)
