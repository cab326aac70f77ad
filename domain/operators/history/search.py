"""Finding baskets, also among millions: by whose they are, what they hold, how they stand, and what was found."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import blake2b
from typing import Literal, Protocol, Self

from pydantic import AwareDatetime, TypeAdapter, ValidationError

from domain.basket.basket import BasketStatus
from domain.shared.errors import CommandRejected
from domain.shared.eventsourcing import Value
from domain.shared.values import Identifier, Timestamp

MAX_PAGE_SIZE = 200


class InvalidPage(CommandRejected):
    """A cursor that no page gave for this query, or a limit outside of 1 to MOST_BASKETS_A_PAGE."""


class BasketQuery(Value):
    """What is looked for: baskets of which all that is said here holds. A moment `until` is not among them."""

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
    """What the last verdict found, be it an error or a warning."""


class BasketSummary(Value):
    """A basket as its view has it."""

    basket_id: str
    version: int
    partner: str
    external_id: str | None
    status: BasketStatus
    ready: bool | None
    """What the last verdict said; null where there was none."""
    finding_codes: tuple[str, ...]
    """What the last verdict found, in the order of the alphabet."""
    created: AwareDatetime
    modified: AwareDatetime
    expires_at: AwareDatetime


class SearchPage(Value):
    """`next_cursor` leads to the page after this one; null: this is the last."""

    baskets: tuple[BasketSummary, ...]
    next_cursor: str | None = None

    @classmethod
    def of(cls, found: Sequence[BasketSummary], query: BasketQuery, limit: int) -> Self:
        """The page of the first `limit` of these; one more says that there is another page."""
        page = tuple(found[:limit])
        return cls(
            baskets=page,
            next_cursor=Cursor.of(page[-1]).written(query) if len(found) > limit else None,
        )


class BasketSearch(Protocol):
    """Finds baskets by their views, which may lag behind what was acknowledged."""

    async def find(self, query: BasketQuery, cursor: str | None = None, limit: int = 50) -> SearchPage:
        """The next baskets after a cursor (None: from the beginning), at most `limit`, the newest created
        first. That order never changes: while baskets change, none comes twice, and none is left out that
        fits all the while. Raises InvalidPage and StoreUnavailable."""


_PLACE: TypeAdapter[tuple[Literal[1], str, Timestamp, Identifier]] = TypeAdapter(
    tuple[Literal[1], str, Timestamp, Identifier]
)


@dataclass(frozen=True, slots=True)
class Cursor:
    """After which basket a page begins. Its written form is opaque to callers, and bound to the query."""

    created: datetime
    basket_id: str

    @classmethod
    def of(cls, basket: BasketSummary) -> Self:
        return cls(basket.created, basket.basket_id)

    def written(self, query: BasketQuery) -> str:
        content = _PLACE.dump_json((1, _digest(query), self.created, self.basket_id))
        return urlsafe_b64encode(content).decode().rstrip("=")

    @classmethod
    def read(cls, cursor: str, query: BasketQuery) -> Self:
        """Raises InvalidPage."""
        try:
            padded = cursor + "=" * (-len(cursor) % 4)
            _, digest, created, basket_id = _PLACE.validate_json(urlsafe_b64decode(padded))
        except (ValidationError, ValueError) as error:
            raise InvalidPage("this cursor is none that a page gave") from error
        if digest != _digest(query):
            raise InvalidPage("this cursor belongs to another query")
        return cls(created, basket_id)


def check_page_size(limit: int) -> None:
    """Raises InvalidPage."""
    if not 1 <= limit <= MAX_PAGE_SIZE:
        raise InvalidPage(f"a page holds 1 to {MAX_PAGE_SIZE} baskets, not {limit}")


def _digest(query: BasketQuery) -> str:
    return blake2b(query.model_dump_json().encode(), digest_size=6).hexdigest()
