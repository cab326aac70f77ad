"""Cursors of pages: the last basket of a page, opaque to callers and bound to the query that it belongs to."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from datetime import datetime
from hashlib import blake2b
from typing import Literal, Self

from pydantic import TypeAdapter, ValidationError

from domain.shared.eventsourcing import Value
from domain.shared.values import Identifier, Timestamp

_CURSOR: TypeAdapter[tuple[Literal[2], str, Timestamp, Identifier]] = TypeAdapter(
    tuple[Literal[2], str, Timestamp, Identifier]
)


class UnreadableCursor(ValueError):
    """A text that no page of this query gave as its cursor."""


@dataclass(frozen=True, slots=True)
class PagePosition:
    """A basket's place in an order by time and id. `moment` is the time that the order goes by."""

    moment: datetime
    basket_id: str

    def encode(self, query: Value) -> str:
        """The cursor behind which the query's next page begins."""
        content = _CURSOR.dump_json((2, self._digest(query), self.moment, self.basket_id))
        return urlsafe_b64encode(content).decode().rstrip("=")

    @classmethod
    def decode(cls, cursor: str, query: Value) -> Self:
        """Raises UnreadableCursor. A place is no secret: whoever makes up a valid one sees the query's own baskets."""
        try:
            padded = cursor + "=" * (-len(cursor) % 4)
            _, digest, moment, basket_id = _CURSOR.validate_json(urlsafe_b64decode(padded))
        except (ValidationError, ValueError) as error:
            raise UnreadableCursor("this cursor is none that a page gave") from error
        position = cls(moment, basket_id)
        if digest != position._digest(query):
            raise UnreadableCursor("this cursor belongs to another query")
        return position

    def _digest(self, query: Value) -> str:
        content = f"{self.moment.isoformat()}\x1f{self.basket_id}\x1f{query.model_dump_json()}"
        return blake2b(content.encode(), digest_size=9).hexdigest()
