"""An organisation's own baskets, a page at a time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from domain.basket.basket import Basket
from domain.basket.repository import BasketRepository
from domain.ports.basket_list import BasketFilter, BasketList, ListMoment
from domain.shared.cursors import PagePosition, UnreadableCursor
from domain.shared.errors import InvalidCommand, Violation
from domain.shared.values import Clock

MAX_LISTED = 100
"""The most baskets of a page."""


class InvalidCursor(InvalidCommand):
    """The cursor is of no page of this list."""

    def __init__(self, why: str) -> None:
        super().__init__((Violation(("cursor",), "invalid_cursor", why),))


@dataclass(frozen=True, slots=True)
class ListedBaskets:
    """`next_cursor` leads to the next page. None: this is the last one."""

    baskets: tuple[Basket, ...]
    next_cursor: str | None = None


class BasketLister:
    """Lists baskets as they are: views say which ones, and events that the views lack are folded onto them.

    What is listed is never older than the call. But a basket that only such events bring into the list is missing
    until its view has them.
    """

    def __init__(self, found: BasketList, baskets: BasketRepository, clock: Clock, abandoned_after: timedelta) -> None:
        self._found = found
        self._baskets = baskets
        self._clock = clock
        self._abandoned_after = abandoned_after

    async def page(self, wanted: BasketFilter, cursor: str | None, limit: int) -> ListedBaskets:
        """The next baskets after a cursor, at most `limit`. Leaves out a basket that cannot be read. Raises
        InvalidCursor and StoreUnavailable."""
        try:
            after = None if cursor is None else PagePosition.decode(cursor, wanted)
        except UnreadableCursor as error:
            raise InvalidCursor(str(error)) from error
        now = self._clock()
        moment = ListMoment(now, abandoned_since=now - self._abandoned_after)
        found = await self._found.find(wanted, moment, after, limit)
        loaded = await self._baskets.load_many(found.basket_ids) if found.basket_ids else ()
        seen = [basket.as_seen_at(now) for basket in loaded if basket is not None]
        return ListedBaskets(
            tuple(basket for basket in seen if _matches(basket, wanted, moment)),
            None if found.resume is None else found.resume.encode(wanted),
        )


def _matches(basket: Basket, wanted: BasketFilter, moment: ListMoment) -> bool:
    """Whether a basket still matches after the events that its view lacks. `modified` only grows."""
    return (
        basket.partner == wanted.partner
        and wanted.status in (None, basket.status)
        and wanted.external_id in (None, basket.details.external_id)
        and (not wanted.abandoned or (basket.status == "open" and basket.modified_on <= moment.abandoned_since))
    )
