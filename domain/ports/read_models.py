"""The basket views, and what is found by them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True)
class BasketView:
    """A row of the basket views: the snapshot's JSON and the columns that views are found by."""

    basket_id: str
    version: int
    partner: str
    external_id: str | None
    status: str
    created: datetime
    modified: datetime
    expires_at: datetime
    snapshot: bytes
    uses: frozenset[str] | None = None
    """The catalogue references of an open basket (`domain.basket.references`), none for a closed one. None means
    that they did not change."""
    ready: bool | None = None
    """The last verdict; None if there was none."""
    offers: frozenset[str] = frozenset()
    """The ids of the basket's offers, also of a closed basket."""
    products: frozenset[str] = frozenset()
    """The product codes on the basket's lines."""
    finding_codes: frozenset[str] = frozenset()
    """The findings of the last verdict."""


class BasketViews(Protocol):
    """The projection of baskets."""

    async def versions(self, basket_ids: Collection[str]) -> Mapping[str, int]:
        """The version of each view that exists."""

    async def snapshots(self, basket_ids: Collection[str]) -> Mapping[str, bytes]:
        """The snapshot JSON of each view that exists."""

    async def advance(self, views: Sequence[tuple[int, BasketView]]) -> Collection[str]:
        """Moves views forward in one transaction, each from the version given with it; 0 means a new view.

        Returns the ids of the views that moved. The others were at another version.
        """

    async def due(self, now: datetime, limit: int) -> Sequence[str]:
        """Open baskets whose `expires_at` has passed, the longest due first."""


class OpenBaskets(Protocol):
    """Finds open baskets by their catalogue references."""

    async def using(self, references: Collection[str], after: str, limit: int) -> Sequence[str]:
        """The next basket ids after an id, in order, at most `limit`, whose views have any of these references."""

    async def count(self, reference: str) -> int:
        """How many views have this reference."""

    async def behind(self, events: int) -> Collection[str]:
        """The baskets of the newest `events` events whose views lack some of them."""


class BlockedBaskets(Protocol):
    """Baskets whose views do not move: a message about them could not be understood, or they are in the archive."""

    async def blocked(self, basket_ids: Collection[str]) -> Collection[str]:
        """Those of these baskets that are blocked."""
