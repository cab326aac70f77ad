"""Repairs the live views of some baskets in place."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import datetime

import asyncpg

from adapters.postgres.rebuild import view_target_sql as sql
from adapters.postgres.rebuild.read_model_repair import repair_views
from adapters.postgres.rebuild.view_target import BATCH_STREAMS, BasketViewsTarget, compare_live_views
from domain.operators.rebuild import RebuildComparison, RebuildDifference, RebuildScope
from domain.operators.verify.repair import BATCH_SIZE, Repair
from domain.ports.read_models import BasketView
from domain.shared.errors import BasketArchived

MAX_ROUNDS = 3
"""How often a row is repaired while projectors keep writing it from an older one."""


async def baskets_in_scope(connection: asyncpg.Connection, scope: RebuildScope) -> Sequence[str]:
    """The baskets for which all conditions of a scope hold, in the order of their ids. Raises BasketArchived where it
    names one that is in the archive."""
    for basket_id, file, archived_at in await connection.fetch(sql.ARCHIVED, list(scope.baskets)):
        raise BasketArchived(basket_id, file, archived_at)
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
    """Folds baskets again, compares them with their live views, and repairs those that differ.

    A projector may have read a wrong row before its repair and write it afterwards, because the version still fits.
    So repaired rows are compared again after `settles` seconds, longer than a projector takes from reading to writing.
    """

    def __init__(
        self, connection: asyncpg.Connection, target: BasketViewsTarget, *, repairs: bool, settles: float
    ) -> None:
        """Without `repairs` it only compares."""
        self._connection = connection
        self._target = target
        self._repairs = repairs
        self._settles = settles
        self.repaired: set[str] = set()

    async def run(self, baskets: Sequence[str]) -> AsyncIterator[tuple[int, int, RebuildComparison]]:
        """Yields after each batch the number of its events and baskets, and how its views compared."""
        unsure: set[str] = set()
        for start in range(0, len(baskets), BATCH_STREAMS):
            batch = baskets[start : start + BATCH_STREAMS]
            events, comparison, replaced = await self._batch(batch)
            unsure |= replaced
            yield events, len(batch), comparison
        for _ in range(MAX_ROUNDS):
            if not unsure:
                return
            again, unsure = sorted(unsure), set()
            await asyncio.sleep(self._settles)
            for start in range(0, len(again), BATCH_STREAMS):
                unsure |= (await self._batch(again[start : start + BATCH_STREAMS]))[2]

    async def _batch(self, baskets: Sequence[str]) -> tuple[int, RebuildComparison, set[str]]:
        """Also returns the baskets that had a wrong view, which a projector may have read."""
        events = 0
        views: dict[str, BasketView] = {}
        unfoldable: list[RebuildDifference] = []
        async for folded in self._target.folded(self._connection, baskets):
            views |= {view.basket_id: view for view in folded.content}
            unfoldable += folded.unfoldable
            events += folded.events
        found = await compare_live_views(self._connection, baskets, views)
        differences = [each for each in found if each is not None]
        comparison = RebuildComparison.of([*differences, *unfoldable], len(found) - len(differences))
        if not self._repairs:
            return events, comparison, set()
        stuck = {each.subject for each in unfoldable}
        repairs = [
            Repair(each.subject, each.live_version or 0, views.get(each.subject))
            for each in differences
            if each.kind != "live_ahead" and (each.subject in views or each.subject not in stuck)
        ]
        for start in range(0, len(repairs), BATCH_SIZE):
            async with self._connection.transaction():
                self.repaired |= await repair_views(self._connection, repairs[start : start + BATCH_SIZE])
        return events, comparison, {repair.basket_id for repair in repairs if repair.seen_version}


async def _first_since(connection: asyncpg.Connection, moment: datetime) -> int:
    """The position of the first event recorded at or after a moment, by binary search: positions are in the order of
    time."""
    low, high = 1, int(await connection.fetchval(sql.POSITION)) + 1
    while low < high:
        middle = (low + high) // 2
        row = await connection.fetchrow(sql.RECORDED, middle)
        if row is None or row["recorded_at"] >= moment:
            high = middle
        else:
            low = int(row["position"]) + 1
    return low
