"""Compares two JSON objects member by member."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Literal, NamedTuple

from domain.shared.values import json_equal

DifferenceKind = Literal["added", "removed", "changed"]


class MemberChange(NamedTuple):
    """A member of two JSON objects, side by side. `kind` is None where both are equal."""

    name: str
    kind: DifferenceKind | None
    before: Any
    """None where the first object lacks it."""
    after: Any


def diff_members(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[MemberChange]:
    """All members: those of `before` in their order, then those that only `after` has."""
    for name, was in before.items():
        if name not in after:
            yield MemberChange(name, "removed", was, None)
        else:
            yield MemberChange(name, None if json_equal(was, after[name]) else "changed", was, after[name])
    for name, is_now in after.items():
        if name not in before:
            yield MemberChange(name, "added", None, is_now)
