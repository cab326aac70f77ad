"""What may change under one type name.

Old and new messages lie in one topic, and old and new programs read it. So of what we write, a field that
was there stays as it was: a wider one would surprise readers of yesterday (a new word in an enum, a null),
a narrower one would call events false that are stored already. Only fields that may be left out are added,
for stored events lack them. Of what others write, everything that was right stays right.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from cli.schemas.published import Document, Writer

_WORDS_FOR_PEOPLE = {
    "title",
    "description",
    "examples",
    "$schema",
    "$id",
    "$defs",
    "default",
    "discriminator",
}
_LOWER_BOUNDS = {"minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties"}
_UPPER_BOUNDS = {"maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties"}
_WIDER_PATTERNS = {("^[A-Z]{2}$", "^[A-Za-z]{2}$")}
"""The old and the new one: every text that fits the old one fits the new one."""

_BY_PART = {"properties", "required", "items", "additionalProperties", "propertyNames", "anyOf", "oneOf"}


def breaking_changes(old: Document, new: Document, writer: Writer) -> list[str]:
    """What of the new schema breaks the promise of the old one, in words; empty where nothing does."""
    return list(_breaks(_resolved(old, old), _resolved(new, new), writer == "others", "$"))


def _breaks(old: Any, new: Any, may_widen: bool, at: str) -> Iterator[str]:
    if not isinstance(old, dict) or not isinstance(new, dict):
        if old != new:
            yield f"{at} changed from {old!r} to {new!r}"
        return
    yield from _fields(old, new, may_widen, at)
    yield from _choices(old, new, may_widen, at)
    for part, missing in (("items", {}), ("additionalProperties", True), ("propertyNames", {})):
        if part in old or part in new:
            yield from _breaks(old.get(part, missing), new.get(part, missing), may_widen, f"{at}[{part}]")
    for word in sorted((old.keys() | new.keys()) - _WORDS_FOR_PEOPLE - _BY_PART):
        if not _kept(word, old.get(word), new.get(word), may_widen):
            yield f"{at}: {word} changed from {old.get(word)!r} to {new.get(word)!r}"


def _fields(old: Document, new: Document, may_widen: bool, at: str) -> Iterator[str]:
    before, after = old.get("properties", {}), new.get("properties", {})
    for name in before:
        if name in after:
            yield from _breaks(before[name], after[name], may_widen, f"{at}.{name}")
        else:
            yield f"{at}.{name} is gone"
    must_before, must_after = set(old.get("required", ())), set(new.get("required", ()))
    for name in sorted(must_after - must_before):
        yield f"{at}.{name} must be said now"
    for name in sorted(() if may_widen else must_before - must_after):
        yield f"{at}.{name} may be missing now"


def _choices(old: Document, new: Document, may_widen: bool, at: str) -> Iterator[str]:
    for word in ("anyOf", "oneOf"):
        before, after = old.get(word, []), new.get(word, [])
        for index, choice in enumerate(before):
            if not any(next(_breaks(choice, other, may_widen, at), None) is None for other in after):
                yield f"{at}: choice {index} of {word} is gone or another"
        if not may_widen and len(after) > len(before):
            yield f"{at}: {word} has more choices"


def _kept(word: str, old: Any, new: Any, may_widen: bool) -> bool:
    if old == new:
        return True
    if not may_widen or old is None:
        return False
    if new is None:
        return True
    if word == "enum":
        return set(old) <= set(new)
    if word == "pattern":
        return (old, new) in _WIDER_PATTERNS
    if word in _LOWER_BOUNDS:
        return bool(new <= old)
    return bool(new >= old) if word in _UPPER_BOUNDS else False


def _resolved(schema: Any, whole: Document) -> Any:
    """The schema with every `$ref` replaced by what it names, which never names itself here."""
    if isinstance(schema, dict):
        if "$ref" in schema:
            named = whole["$defs"][schema["$ref"].removeprefix("#/$defs/")]
            return _resolved({**named, **{key: schema[key] for key in schema if key != "$ref"}}, whole)
        return {key: _resolved(value, whole) for key, value in schema.items() if key != "$defs"}
    if isinstance(schema, list):
        return [_resolved(value, whole) for value in schema]
    return schema
