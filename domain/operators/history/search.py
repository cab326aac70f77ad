"""Searches baskets, also among millions: by owner, content, status, time and findings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, Self

from pydantic import AwareDatetime

from domain.basket.events import BasketStatus
from domain.shared.cursors import PagePosition, UnreadableCursor
from domain.shared.errors import CommandRejected
from domain.shared.eventsourcing import Value
from domain.shared.values import Identifier, Timestamp

MAX_PAGE_SIZE = 200


class InvalidPage(CommandRejected):
    """The cursor is of no page of this query, or the limit is not 1 to MAX_PAGE_SIZE."""


class BasketQuery(Value):
    """Baskets for which every given condition holds. An `until` is exclusive."""

    partner: Identifier | None = None
    external_id: Identifier | None = None
    product: Identifier | None = None
    """A product code that a line holds."""
    offer: Identifier | None = None
    """An offer's id, of any version, that a line holds."""
    status: BasketStatus | None = None
    """As it was recorded."""
    created_from: Timestamp | None = None
    created_until: Timestamp | None = None
    modified_from: Timestamp | None = None
    modified_until: Timestamp | None = None
    finding_code: Identifier | None = None
    """A code of an error or a warning of the last verdict."""


class BasketSummary(Value):
    """A basket, from its view."""

    basket_id: str
    version: int
    partner: str
    external_id: str | None
    status: BasketStatus
    ready: bool | None
    """What the last verdict said. Null where there is none."""
    finding_codes: tuple[str, ...]
    """The codes of the last verdict, sorted."""
    created: AwareDatetime
    modified: AwareDatetime
    expires_at: AwareDatetime


class SearchPage(Value):
    """`next_cursor` leads to the next page. Null: this is the last one."""

    baskets: tuple[BasketSummary, ...]
    next_cursor: str | None = None

    @classmethod
    def of(cls, found: Sequence[BasketSummary], query: BasketQuery, limit: int) -> Self:
        """The page of the first `limit` baskets. One more basket means that there is a next page."""
        page = tuple(found[:limit])
        more = len(found) > limit
        cursor = Cursor(page[-1].created, page[-1].basket_id).encode(query) if more else None
        return cls(baskets=page, next_cursor=cursor)


class BasketSearch(Protocol):
    """Searches basket views, which may lag behind the event store."""

    async def find(self, query: BasketQuery, cursor: str | None = None, limit: int = 50) -> SearchPage:
        """The next baskets after a cursor, the newest created first; at most `limit`.

        That order never changes. So while baskets change, none is found twice, and none is missed that matches
        all the while. Raises InvalidPage and StoreUnavailable.
        """


class Cursor(PagePosition):
    """The last basket of a page, by the time of its creation."""

    @classmethod
    def decode(cls, cursor: str, query: Value) -> Self:
        """Raises InvalidPage."""
        try:
            return super().decode(cursor, query)
        except UnreadableCursor as error:
            raise InvalidPage(str(error)) from error


def check_page_size(limit: int) -> None:
    """Raises InvalidPage."""
    if not 1 <= limit <= MAX_PAGE_SIZE:
        raise InvalidPage(f"a page holds 1 to {MAX_PAGE_SIZE} baskets, not {limit}")
