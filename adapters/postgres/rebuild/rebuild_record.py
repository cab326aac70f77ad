"""The record of a rebuild, as the one keeps it who leads it."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

import asyncpg

from adapters.postgres.audit import record_action
from adapters.postgres.rebuild import rebuild_record_sql as sql
from adapters.postgres.rebuild.range_builder import RangeTask
from adapters.postgres.rebuild.target import RebuildableTables, merge_comparisons
from domain.operators.audit import ActionType, Operator, OperatorAction
from domain.operators.rebuild import (
    RebuildComparison,
    RebuildDifference,
    RebuildState,
    RebuildStopped,
)
from domain.shared.values import Clock, NewId

RATE_OVER_SECONDS = 5.0


class RebuildRecord:
    """Where a rebuild stands, for all to see."""

    def __init__(
        self,
        rebuild_id: str,
        connection: asyncpg.Connection,
        target: RebuildableTables,
        operator: Operator,
        clock: Clock,
        new_id: NewId,
    ) -> None:
        self.id = rebuild_id
        self.target = target
        self._connection = connection
        self._operator = operator
        self._clock = clock
        self._new_id = new_id
        self._seen: deque[tuple[float, int]] = deque()
        self.stopped: Callable[[], bool] = lambda: False
        """Asked between the steps; true: stop."""

    async def left(self, rate: float | None, *, staged: bool) -> Sequence[RangeTask]:
        """The parts that are not finished; `rate` is for each of those who build at the same time."""
        rows = await self._connection.fetch(sql.RANGES_LEFT, self.id)
        return [RangeTask(self.id, row[0], row[1], row[2], rate, staged) for row in rows]

    async def beat(self, waiting_for: str | None = None) -> None:
        """Says that it is alive and how fast it goes; raises RebuildStopped where it is asked to stop."""
        progress = await self._connection.fetchrow(sql.PROGRESS, self.id)
        now, events = time.monotonic(), int(progress["events"]) if progress else 0
        self._seen.append((now, events))
        while now - self._seen[0][0] > RATE_OVER_SECONDS and len(self._seen) > 2:
            self._seen.popleft()
        began, before = self._seen[0]
        rate = (events - before) / (now - began) if now > began else 0.0
        if await self._connection.fetchval(sql.BEAT, self.id, rate, waiting_for) or self.stopped():
            raise RebuildStopped

    async def turn(self, state: RebuildState, error: str | None = None) -> None:
        """Says what it is at."""
        await self._connection.execute(sql.TURN, self.id, state, error)

    async def unfoldable(self) -> Sequence[RebuildDifference]:
        """The histories that cannot be folded to their ends."""
        rows = await self._connection.fetch(sql.UNFOLDABLE, self.id)
        return [RebuildDifference.model_validate_json(row[0]) for row in rows]

    async def keep(self, comparisons: Sequence[RebuildComparison]) -> RebuildComparison:
        """Records how it compares, with what cannot be folded."""
        unfoldable = await self.unfoldable()
        odd = RebuildComparison(unfoldable=len(unfoldable), samples=tuple(unfoldable))
        comparison = merge_comparisons([*comparisons, odd])
        await self._compared(comparison)
        return comparison

    async def _compared(self, comparison: RebuildComparison) -> None:
        await self._connection.execute(sql.COMPARED, self.id, comparison.model_dump_json(by_alias=True))

    async def cancel(self) -> None:
        """Says that it was stopped; what was built waits to be resumed."""
        async with self._connection.transaction():
            await self.turn("cancelled")
            # Who asked for it from elsewhere is recorded already.
            if not await self._connection.fetchval(sql.IS_CANCELLED, self.id):
                await self._record("operations.rebuild-cancelled.v1")

    async def end(self, state: RebuildState, action: ActionType | None = None, **scope: Any) -> None:
        """One without a switch is over."""
        async with self._connection.transaction():
            await self.turn(state)
            if action is not None:
                await self._record(action, **scope)

    async def _record(self, type: ActionType, **scope: Any) -> None:
        about = {"rebuild": self.id, "target": self.target.name, **scope}
        action = OperatorAction(
            id=self._new_id(), type=type, operator=self._operator, scope=about, occurred_at=self._clock()
        )
        await record_action(self._connection, action)
