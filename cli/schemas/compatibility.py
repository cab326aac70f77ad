"""What may change under one type name.

One topic holds old and new messages, and old and new programs read them. Three rules follow:

- In messages that this service writes, an existing field stays as it was. A wider field (a new enum value, a null)
  would surprise old readers. A narrower one would make stored events invalid.
- New fields must be optional, because stored events lack them.
- In messages that others write, everything that was valid stays valid.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from adapters.asyncapi.schemas import Document, Writer

_ANNOTATIONS = {
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
_MISSPELT = {"ge": "minimum", "le": "maximum"}
"""Words that are none of JSON Schema, and that a released schema has in place of these."""
_WIDER_PATTERNS = {("^[A-Z]{2}$", "^[A-Za-z]{2}$")}
"""Pairs of an old and a new pattern: whatever matches the old one matches the new one."""
_ANNOUNCED_ENUMS = {(("open", "expired", "completed"), ("open", "expired", "completed", "cancelled"))}
"""Pairs of an old and a new enum that we write. Version 2 of the contract announced each of them to all readers before
the first message with the new value."""

_COMPARED_SEPARATELY = {
    "properties",
    "patternProperties",
    "required",
    "items",
    "additionalProperties",
    "propertyNames",
    "anyOf",
    "oneOf",
}


def breaking_changes(old: Document, new: Document, writer: Writer) -> list[str]:
    """A sentence for each part of the new schema that breaks the promise of the old one."""
    return list(_compare(_resolve(old, old), _resolve(new, new), writer == "others", "$"))


def _compare(old: Any, new: Any, may_widen: bool, at: str) -> Iterator[str]:
    if may_widen and (old is False or new is True):
        return
    if not isinstance(old, dict) or not isinstance(new, dict):
        if old != new:
            yield f"{at} changed from {old!r} to {new!r}"
        return
    if may_widen and "anyOf" in new and "anyOf" not in old:
        # Another form, such as null, became valid beside the old one.
        yield from min(([*_compare(old, choice, may_widen, at)] for choice in new["anyOf"]), key=len)
        return
    yield from _compare_fields(old, new, may_widen, at)
    yield from _compare_choices(old, new, may_widen, at)
    for part, missing in (("items", {}), ("additionalProperties", True), ("propertyNames", {})):
        if part in old or part in new:
            yield from _compare(old.get(part, missing), new.get(part, missing), may_widen, f"{at}[{part}]")
    for word in sorted((old.keys() | new.keys()) - _ANNOTATIONS - _COMPARED_SEPARATELY):
        if not _is_compatible(word, old.get(word), new.get(word), may_widen):
            yield f"{at}: {word} changed from {old.get(word)!r} to {new.get(word)!r}"


def _compare_fields(old: Document, new: Document, may_widen: bool, at: str) -> Iterator[str]:
    for word in ("properties", "patternProperties"):
        before, after = old.get(word, {}), new.get(word, {})
        for name in before:
            if name in after:
                yield from _compare(before[name], after[name], may_widen, f"{at}.{name}")
            else:
                yield f"{at}.{name} is gone"
    must_before, must_after = set(old.get("required", ())), set(new.get("required", ()))
    for name in sorted(must_after - must_before):
        yield f"{at}.{name} must be said now"
    for name in sorted(() if may_widen else must_before - must_after):
        yield f"{at}.{name} may be missing now"


def _compare_choices(old: Document, new: Document, may_widen: bool, at: str) -> Iterator[str]:
    for word in ("anyOf", "oneOf"):
        before, after = old.get(word, []), new.get(word, [])
        for index, choice in enumerate(before):
            if not any(next(_compare(choice, other, may_widen, at), None) is None for other in after):
                yield f"{at}: choice {index} of {word} is gone or another"
        if not may_widen and len(after) > len(before):
            yield f"{at}: {word} has more choices"


def _is_compatible(word: str, old: Any, new: Any, may_widen: bool) -> bool:
    if old == new:
        return True
    if word == "enum" and old is not None and new is not None and (tuple(old), tuple(new)) in _ANNOUNCED_ENUMS:
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


def _resolve(schema: Any, whole: Document) -> Any:
    """The schema with every `$ref` replaced by its definition. No definition here refers to itself."""
    if isinstance(schema, dict):
        if "$ref" in schema:
            named = whole["$defs"][schema["$ref"].removeprefix("#/$defs/")]
            return _resolve({**named, **{key: schema[key] for key in schema if key != "$ref"}}, whole)
        return {_keyword(key, value): _resolve(value, whole) for key, value in schema.items() if key != "$defs"}
    if isinstance(schema, list):
        return [_resolve(value, whole) for value in schema]
    return schema


def _keyword(name: str, value: Any) -> str:
    # What is an object may be a member of this name.
    return name if isinstance(value, dict) else _MISSPELT.get(name, name)
