"""A basket's parts as JSON, kept with the basket, so that only what changed is rendered again."""

from __future__ import annotations

from typing import NamedTuple

from domain.basket.events import BasketDetails, BasketStatus, OrderItem
from domain.shared.totals import LineAmount, Sums


class RenderedLine(NamedTuple):
    """A line as JSON, and what it comes to."""

    item: OrderItem
    json: bytes
    amount: LineAmount | None


class RenderedParts:
    """A basket's parts as JSON, each with what it was made of. They are no state: any two are equal."""

    __slots__ = ("details", "details_bytes", "lines", "sums", "whole")

    def __init__(self) -> None:
        self.lines: dict[str, RenderedLine] = {}
        self.details: tuple[BasketDetails, tuple[bytes, bytes]] | None = None
        self.details_bytes: tuple[BasketDetails, int] | None = None
        """The memory that the details take (`weight.py`)."""
        self.sums: tuple[int, Sums] | None = None
        """What the basket comes to, at this version."""
        self.whole: tuple[int, BasketStatus, bytes] | None = None
        """The order, at this version and with this status."""

    def fork(self) -> RenderedParts:
        """Shares the lines: what one fork renders, others find."""
        other = RenderedParts()
        other.lines, other.details, other.sums, other.whole = self.lines, self.details, self.sums, self.whole
        other.details_bytes = self.details_bytes
        return other

    def __eq__(self, other: object) -> bool:
        return isinstance(other, RenderedParts)

    __hash__ = None  # type: ignore[assignment]
