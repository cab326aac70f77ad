"""What a rebuild must know of what it rebuilds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import asyncpg

from domain.operators.rebuild import (
    RebuildComparison,
    RebuildDifference,
    RebuildTarget,
    RowDifferenceKind,
)

SAMPLES_PER_KIND = 10


@dataclass(frozen=True, slots=True)
class SourcePage:
    """The next part of a range as it was read. `reached` is the last key; `last` says that nothing is left."""

    reached: str
    last: bool
    events: int
    content: Sequence[Any]


@dataclass(frozen=True, slots=True)
class FoldedPage:
    """A page's rows, not written yet."""

    content: Sequence[Any]
    rows: int
    events: int
    unfoldable: Sequence[RebuildDifference] = ()


class RebuildableTables(Protocol):
    """Its statements say the derived tables without a schema: they mean the ones that are built."""

    name: RebuildTarget
    reader_settings: Mapping[str, str]
    """Server settings of its sessions."""
    tables: Sequence[str]
    """In the order in which their writers touch them."""
    pages_stand_alone: bool
    """Whether a page has all that its rows are made of; else rows are moved on from page to page, and for that the
    built tables need their indexes from the beginning."""

    def layout(self) -> str:
        """A digest of how this release writes the rows."""

    async def position(self, connection: asyncpg.Connection) -> int:
        """Everything up to here is committed, and nothing will be committed before it any more."""

    async def cuts(self, connection: asyncpg.Connection, parts: int) -> Sequence[str]:
        """Keys at which the whole is cut into about equal parts; the last is the greatest that there can be."""

    async def read(self, connection: asyncpg.Connection, after: str, upto: str, most: int) -> SourcePage:
        """The next page of a range, of at least one key; about `most` events."""

    async def fold(self, connection: asyncpg.Connection, page: SourcePage) -> FoldedPage:
        """What a page comes to; what is odd is read again."""

    async def put(self, connection: asyncpg.Connection, folded: FoldedPage) -> None:
        """Writes a page's rows, in the transaction that the connection is in."""

    async def catch_up(self, connection: asyncpg.Connection, position: int, upto: int) -> int:
        """Brings the built rows from one position to another; returns how many were touched."""

    async def complete(self, connection: asyncpg.Connection, since: int) -> int:
        """Brings rows that were live until a position, or longer, to where the facts are; returns the position."""

    async def compare(self, connection: asyncpg.Connection, after: str, upto: str) -> RebuildComparison:
        """How the live rows of a range compare with the built ones."""

    async def announce(self, connection: asyncpg.Connection) -> None:
        """Tells those who remember live rows, in the transaction of a switch, that all may be others."""


KINDS_BY_SEVERITY: tuple[RowDifferenceKind, ...] = (
    "differs",
    "missing",
    "surplus",
    "unfoldable",
    "stale",
    "live_behind",
    "live_ahead",
)


def merge_comparisons(comparisons: Sequence[RebuildComparison]) -> RebuildComparison:
    """All in one, with some samples of each kind."""
    samples: list[RebuildDifference] = []
    for kind in KINDS_BY_SEVERITY:
        of_kind = [
            sample for comparison in comparisons for sample in comparison.samples if sample.kind == kind
        ]
        samples += of_kind[:SAMPLES_PER_KIND]
    counts = {
        name: sum(getattr(comparison, name) for comparison in comparisons)
        for name in RebuildComparison.model_fields
        if name != "samples"
    }
    return RebuildComparison(samples=tuple(samples), **counts)
