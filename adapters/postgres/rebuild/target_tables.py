"""What a rebuild must know about the tables that it rebuilds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import asyncpg

from domain.operators.rebuild import RebuildComparison, RebuildDifference, RebuildTarget


@dataclass(frozen=True, slots=True)
class SourcePage:
    """The next page of a range of keys. `reached` is its last key; `last`: the range ends with it."""

    reached: str
    last: bool
    events: int
    content: Sequence[Any]


@dataclass(frozen=True, slots=True)
class FoldedPage:
    """The rows of a page, not written yet."""

    content: Sequence[Any]
    rows: int
    events: int
    unfoldable: Sequence[RebuildDifference] = ()


class TargetTables(Protocol):
    """The tables of one rebuild target. Its statements name them without a schema: the search path says which set
    of tables they mean."""

    name: RebuildTarget
    reader_settings: Mapping[str, str]
    """Server settings of its sessions."""
    tables: Sequence[str]
    """In the order in which their writers lock them."""
    pages_stand_alone: bool
    """Whether a page holds all events of its rows. Otherwise later pages update rows of earlier ones, so the tables
    need their indexes from the start."""

    def layout(self) -> str:
        """A digest of how this release writes the rows."""

    async def position(self, connection: asyncpg.Connection) -> int:
        """The last committed position; nothing will be committed before it."""

    async def cuts(self, connection: asyncpg.Connection, ranges: int) -> Sequence[str]:
        """Keys that cut all sources into about equal ranges; the last one is the greatest possible key."""

    async def read(self, connection: asyncpg.Connection, after: str, upto: str, most: int) -> SourcePage:
        """The next page of a range: at least one key, about `most` events."""

    async def fold(self, connection: asyncpg.Connection, page: SourcePage) -> FoldedPage: ...

    async def put(self, connection: asyncpg.Connection, folded: FoldedPage) -> None:
        """Writes a page's rows in the connection's transaction."""

    async def catch_up(self, connection: asyncpg.Connection, position: int, upto: int) -> None:
        """Brings the built rows from one position to another."""

    async def complete(self, connection: asyncpg.Connection, since: int) -> int:
        """Brings kept tables, which were live until a position or longer, up to date; returns the position."""

    async def compare(self, connection: asyncpg.Connection, after: str, upto: str) -> RebuildComparison:
        """Compares the live rows of a range with the built ones."""

    async def announce(self, connection: asyncpg.Connection) -> None:
        """Tells processes that cache live rows, in the transaction of a switch, that all may have changed."""
