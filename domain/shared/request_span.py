"""Requests: what one append stored, by the versions of its events."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

REQUEST_VERSIONS = "requestVersions"
"""The member of an event's metadata that names the first and the last version of its request."""

MAX_VERSION = 2**31 - 1


class RequestSpan(Struct, frozen=True):
    """The versions of the events that one request appended, from `first` to `last`, both included."""

    first: int
    last: int

    @property
    def count(self) -> int:
        return self.last - self.first + 1

    def index_of(self, version: int) -> int:
        """The number of this version's event within the request, from 1."""
        return version - self.first + 1

    def __contains__(self, version: int) -> bool:
        return self.first <= version <= self.last

    def to_metadata(self) -> Mapping[str, Any]:
        return {REQUEST_VERSIONS: [self.first, self.last]}


def read_request_span(metadata: object) -> RequestSpan | None:
    """The span that an event's parsed metadata names; None where it names none."""
    match metadata:
        case {"requestVersions": [int(first), int(last)]} if 1 <= first <= last <= MAX_VERSION:
            return RequestSpan(first, last)
    return None
