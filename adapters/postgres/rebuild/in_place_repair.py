"""Mending the live views of some baskets in place, row by row."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import datetime

import asyncpg

from adapters.postgres.rebuild import view_target_sql as sql
from adapters.postgres.rebuild.blue_green import CLEAR_STAGE, STAGE, execute_generated
from adapters.postgres.rebuild.target import merge_comparisons
from adapters.postgres.rebuild.view_target import BATCH_STREAMS, BasketViewsTarget
from domain.operators.rebuild import RebuildComparison, RebuildScope

MAX_ROUNDS = 3
"""Of mending the same row, while somebody keeps bringing an old one forward."""


async def baskets_in_scope(connection: asyncpg.Connection, scope: RebuildScope) -> Sequence[str]:
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


class InPlaceRepair:
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
        await execute_generated(self._connection, STAGE, self._target.tables, False)
        for start in range(0, len(baskets), BATCH_STREAMS):
            page = baskets[start : start + BATCH_STREAMS]
            events, comparison = await self._page(page)
            yield events, len(page), comparison
        for _ in range(MAX_ROUNDS):
            again, self._unsure = sorted(self._unsure), set()
            if not again:
                return
            await asyncio.sleep(self._settles)
            for start in range(0, len(again), BATCH_STREAMS):
                await self._page(again[start : start + BATCH_STREAMS])

    async def _page(self, baskets: Sequence[str]) -> tuple[int, RebuildComparison]:
        await execute_generated(self._connection, CLEAR_STAGE, self._target.tables)
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
        return events, merge_comparisons([comparison, *odd])

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
