"""Mending the live views of some baskets in place, row by row."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import datetime

import asyncpg

from adapters.postgres.rebuilding import basket_views_sql as sql
from adapters.postgres.rebuilding.basket_views import STREAMS_AT_ONCE, BasketViewsTarget
from adapters.postgres.rebuilding.generations import CLEAR_STAGE, STAGE, execute_written
from adapters.postgres.rebuilding.target import together
from domain.operating.rebuilding import RebuildComparison, RebuildScope

ROUNDS = 3
"""Of mending the same row, while somebody keeps bringing an old one forward."""


async def baskets_in(connection: asyncpg.Connection, scope: RebuildScope) -> Sequence[str]:
    """The baskets of a scope, in the order of their ids; all conditions hold for each."""
    wanted: list[set[str]] = []
    if scope.baskets:
        wanted.append(set(scope.baskets))
    if scope.partner is not None:
        wanted.append({row[0] for row in await connection.fetch(sql.OF_PARTNER, scope.partner)})
    if scope.since is not None:
        first = await _first_since(connection, scope.since)
        last: int = await connection.fetchval(sql.POSITION)
        wanted.append({row[0] for row in await connection.fetch(sql.TOUCHED, first - 1, last)})
    return sorted(set.intersection(*wanted)) if wanted else []


class Mender:
    """Folds baskets anew into tables of its own session, compares, and mends the live rows that are not so.

    A row is taken away and put in again in one transaction, unless it is at a later version that its history has.
    A projector that had read a row before and brings it forward after finds it at the version that it began
    with: what was wrong in it would come back. So mended rows are looked at again after `settles` seconds,
    longer than a projector takes from reading to writing.
    """

    def __init__(
        self, connection: asyncpg.Connection, target: BasketViewsTarget, *, mends: bool, settles: float
    ) -> None:
        self._connection = connection
        self._target = target
        self._mends = mends
        self._settles = settles
        self.mended: set[str] = set()
        self._unsure: set[str] = set()
        """Those whose old row somebody may have read."""

    async def go(self, baskets: Sequence[str]) -> AsyncIterator[tuple[int, int, RebuildComparison]]:
        """Events and baskets done, and how the live rows were, a page at a time."""
        await execute_written(self._connection, STAGE, self._target.tables, False)
        for start in range(0, len(baskets), STREAMS_AT_ONCE):
            page = baskets[start : start + STREAMS_AT_ONCE]
            events, comparison = await self._page(page)
            yield events, len(page), comparison
        for _ in range(ROUNDS):
            again, self._unsure = sorted(self._unsure), set()
            if not again:
                return
            await asyncio.sleep(self._settles)
            for start in range(0, len(again), STREAMS_AT_ONCE):
                await self._page(again[start : start + STREAMS_AT_ONCE])

    async def _page(self, baskets: Sequence[str]) -> tuple[int, RebuildComparison]:
        await execute_written(self._connection, CLEAR_STAGE, self._target.tables)
        events, odd = 0, []
        async for folded in self._target.folded(self._connection, baskets):
            await self._target.put(self._connection, folded)
            events += folded.events
            odd.append(RebuildComparison(unfoldable=len(folded.unfoldable), samples=tuple(folded.unfoldable)))
        comparison = await self._target.compare(
            self._connection, "", baskets[-1], only=baskets, samples_of_a_kind=len(baskets)
        )
        if self._mends:
            for sample in comparison.samples:
                if sample.kind != "live_ahead":
                    await self._mend(sample.subject)
                    self.mended.add(sample.subject)
                    if sample.live_version is not None:
                        self._unsure.add(sample.subject)
        return events, together([comparison, *odd])

    async def _mend(self, basket_id: str) -> None:
        async with self._connection.transaction():
            await self._connection.execute(sql.TAKE_AWAY, basket_id)
            await self._connection.execute(sql.TAKE_USES_AWAY, basket_id)
            await self._connection.execute(sql.PUT_IN, basket_id)


async def _first_since(connection: asyncpg.Connection, moment: datetime) -> int:
    """The position of the first event that was recorded at or after a moment. Positions are in the order of time,
    so that it is looked for by halves."""
    low, high = 1, int(await connection.fetchval(sql.POSITION)) + 1
    while low < high:
        middle = (low + high) // 2
        row = await connection.fetchrow(sql.RECORDED, middle)
        if row is None or row["recorded_at"] >= moment:
            high = middle
        else:
            low = int(row["position"]) + 1
    return low
