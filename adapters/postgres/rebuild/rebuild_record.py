"""The record of a running rebuild, which its session keeps up to date."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

import asyncpg

from adapters.postgres.audit import record_action
from adapters.postgres.rebuild import rebuild_record_sql as sql
from adapters.postgres.rebuild.range_builder import RangeTask
from adapters.postgres.rebuild.target_tables import TargetTables
from domain.operators.audit import ActionType, Operator, OperatorAction
from domain.operators.rebuild import RebuildComparison, RebuildDifference, RebuildState, RebuildStopped
from domain.shared.values import Clock, NewId

RATE_OVER_SECONDS = 5.0


class RebuildRecord:
    """Writes the state and the progress of a rebuild."""

    def __init__(
        self,
        rebuild_id: str,
        connection: asyncpg.Connection,
        target: TargetTables,
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

    async def unfinished(self, rate: float | None, *, staged: bool) -> Sequence[RangeTask]:
        """The ranges to build, each at `rate` events a second at most."""
        rows = await self._connection.fetch(sql.RANGES_LEFT, self.id)
        return [RangeTask(self.id, row[0], row[1], row[2], rate, staged) for row in rows]

    async def heartbeat(self, waiting_for: str | None = None) -> None:
        """Writes that it is alive, and its rate. Raises RebuildStopped where it is asked to stop."""
        progress = await self._connection.fetchrow(sql.PROGRESS, self.id)
        now, events = time.monotonic(), int(progress["events"]) if progress else 0
        self._seen.append((now, events))
        while now - self._seen[0][0] > RATE_OVER_SECONDS and len(self._seen) > 2:
            self._seen.popleft()
        began, before = self._seen[0]
        rate = (events - before) / (now - began) if now > began else 0.0
        if await self._connection.fetchval(sql.HEARTBEAT, self.id, rate, waiting_for) or self.stopped():
            raise RebuildStopped

    async def set_state(self, state: RebuildState, error: str | None = None) -> None:
        await self._connection.execute(sql.SET_STATE, self.id, state, error)

    async def save_comparison(self, comparisons: Sequence[RebuildComparison]) -> RebuildComparison:
        """Saves how the rows compare, and which streams cannot be folded."""
        rows = await self._connection.fetch(sql.UNFOLDABLE, self.id)
        unfoldable = [RebuildDifference.model_validate_json(row[0]) for row in rows]
        comparison = RebuildComparison.merged([*comparisons, RebuildComparison.of(unfoldable)])
        await self._connection.execute(sql.SAVE_COMPARISON, self.id, comparison.model_dump_json(by_alias=True))
        return comparison

    async def cancel(self) -> None:
        """Ends as cancelled; what was built can be resumed."""
        async with self._connection.transaction():
            await self.set_state("cancelled")
            # A cancellation by another process is in the audit log already.
            if not await self._connection.fetchval(sql.IS_CANCELLED, self.id):
                await self._record("operations.rebuild-cancelled.v1")

    async def end(self, state: RebuildState, action: ActionType | None = None, **scope: Any) -> None:
        """Ends without a switch."""
        async with self._connection.transaction():
            await self.set_state(state)
            if action is not None:
                await self._record(action, **scope)

    async def _record(self, type: ActionType, **scope: Any) -> None:
        about = {"rebuild": self.id, "target": self.target.name, **scope}
        action = OperatorAction(
            id=self._new_id(), type=type, operator=self._operator, scope=about, occurred_at=self._clock()
        )
        await record_action(self._connection, action)
