"""Which version of each basket was handled last: what tells duplicates and gaps."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection, Mapping
from typing import Protocol

DEFAULT_BASKETS = 100_000
"""About 20 MB. Duplicates come soon after their originals, so that old baskets may be forgotten."""


class VersionStore(Protocol):
    """The version of each basket up to which all its events were handled.

    For effects that happen once, write the version in the transaction of the effect, and let `put` do nothing.
    """

    async def get(self, basket_ids: Collection[str]) -> Mapping[str, int]:
        """The versions of these baskets, without those of which none is known."""
        ...

    async def put(self, basket_id: str, version: int) -> None:
        """All events up to this version were handled."""
        ...


class RecentVersions:
    """A VersionStore in memory. It forgets the baskets that were quiet for longest, and all when the process ends."""

    def __init__(self, baskets: int = DEFAULT_BASKETS) -> None:
        self._baskets = baskets
        self._versions: OrderedDict[str, int] = OrderedDict()
        self.has_all = True
        """Whether it forgot none."""

    async def get(self, basket_ids: Collection[str]) -> Mapping[str, int]:
        return {id: self._versions[id] for id in basket_ids if id in self._versions}

    async def put(self, basket_id: str, version: int) -> None:
        self._versions[basket_id] = max(version, self._versions.get(basket_id, 0))
        self._versions.move_to_end(basket_id)
        while len(self._versions) > self._baskets:
            self._versions.popitem(last=False)
            self.has_all = False
