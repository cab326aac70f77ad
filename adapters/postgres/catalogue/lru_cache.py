"""What was used lately, up to a number of things."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class LruCache(Generic[K, V]):
    """At most `size` things by their names; what was used longest ago goes first, in halves.

    A validation of the largest basket looks up a thousand names. To keep all of them in the order of their use, as
    cachetools does, takes ten times as long as to look one up; two halves that are swept in turn do not.
    """

    def __init__(self, size: int) -> None:
        self._half = max(1, size // 2)
        self._newer: dict[K, V] = {}
        self._older: dict[K, V] = {}

    def get(self, name: K) -> V | None:
        found = self._newer.get(name)
        if found is None and name in self._older:
            found = self._older.pop(name)
            self.keep(name, found)
        return found

    def keep(self, name: K, value: V) -> None:
        if len(self._newer) >= self._half and name not in self._newer:
            self._older, self._newer = self._newer, {}
        self._newer[name] = value
        self._older.pop(name, None)

    def forget(self, name: K) -> None:
        self._newer.pop(name, None)
        self._older.pop(name, None)

    def clear(self) -> None:
        self._newer.clear()
        self._older.clear()

    def __len__(self) -> int:
        return len(self._newer) + len(self._older)

    def __iter__(self) -> Iterator[K]:
        yield from self._newer
        yield from self._older
