"""The list of an organisation's own baskets, found by their views."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from domain.shared.cursors import PagePosition
from domain.shared.eventsourcing import Value
from domain.shared.values import Identifier, Timestamp


class BasketFilter(Value):
    """Baskets of one organisation for which every given condition holds."""

    partner: Identifier
    status: str | None = None
    """As of now: an open basket whose expiry has passed is expired."""
    external_id: Identifier | None = None
    created_after: Timestamp | None = None
    """Exclusive."""
    modified_after: Timestamp | None = None
    """Exclusive."""
    abandoned: bool = False
    """Only open baskets to which nothing has happened for a while."""

    @property
    def ordered_by_change(self) -> bool:
        """Whether the order is by the last change, the earliest first. Otherwise it is by creation, the newest first."""
        return self.external_id is None and (self.abandoned or self.modified_after is not None)


@dataclass(frozen=True, slots=True)
class ListMoment:
    """What a filter's words mean at one time: baskets expire by `now`, and are abandoned if nothing has happened to
    them after `abandoned_since`."""

    now: datetime
    abandoned_since: datetime


@dataclass(frozen=True, slots=True)
class FoundBaskets:
    """The ids of a page's baskets in their order. `resume` is the place behind which the next page begins; None: this
    is the last page. A page that is not the last may have fewer baskets than asked for, even none."""

    basket_ids: Sequence[str]
    resume: PagePosition | None = None


class BasketList(Protocol):
    """Finds an organisation's baskets by their views, which may lag behind the event store.

    A basket's place changes only when something happens to it. So while others change, each basket that does not is
    found exactly once. One that changes may be found again, or at its new place only.
    """

    async def find(
        self, wanted: BasketFilter, moment: ListMoment, after: PagePosition | None, limit: int
    ) -> FoundBaskets:
        """The next baskets behind a place, at most `limit`. What a call reads does not grow with the number of
        baskets. Raises StoreUnavailable."""
