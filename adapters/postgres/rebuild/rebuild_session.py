"""A rebuild at work: the session that leads it, from its beginning to its switch."""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import Awaitable, Callable, Mapping

import asyncpg

from adapters.postgres.pool import DatabasePool
from adapters.postgres.rebuild import blue_green
from adapters.postgres.rebuild import rebuild_record_sql as sql
from adapters.postgres.rebuild.in_place_repair import InPlaceRepair, baskets_in_scope
from adapters.postgres.rebuild.range_builder import close
from adapters.postgres.rebuild.rebuild_record import RebuildRecord
from adapters.postgres.rebuild.slot_switch import SlotSwitch
from adapters.postgres.rebuild.target import RebuildableTables, merge_comparisons
from adapters.postgres.rebuild.view_target import BasketViewsTarget
from domain.operators.audit import Operator
from domain.operators.rebuild import (
    RESUMABLE_STATES,
    RebuildComparison,
    RebuildRefused,
    RebuildScope,
)
from domain.shared.values import Clock, NewId

MAX_RANGES = 1_000
HEARTBEAT_SECONDS = 0.5
INDEXING = {
    # Ids and names begin alike, so that sorting them is looking at them again and again: runs that stay in a
    # processor's cache, and their merging, take half the time of one large sort in memory.
    "maintenance_work_mem": "8MB",
    "max_parallel_maintenance_workers": "0",
}


class RebuildSession(RebuildRecord):
    """The one session that leads a rebuild: it holds the target's lock, and whatever it does is done on that very
    session, so that one who has lost the lock changes nothing any more."""

    def __init__(
        self,
        rebuild_id: str,
        database: DatabasePool,
        connection: asyncpg.Connection,
        target: RebuildableTables,
        operator: Operator,
        clock: Clock,
        new_id: NewId,
    ) -> None:
        super().__init__(rebuild_id, connection, target, operator, clock, new_id)
        self._database = database
        self._switching = SlotSwitch(connection, target, 0, self.beat)

    async def begin(self, scope: RebuildScope, *, dry_run: bool, workers: int, events_a_part: int) -> None:
        """Records it; of a whole one that is no dry run, with an empty generation in place of what an earlier
        one left."""
        whole = scope.everything and not dry_run
        connection, target = self._connection, self.target
        position = self._switching.position = await target.position(connection)
        # What is mended in place, or compared as a whole, is one part.
        in_parts = whole or (scope.everything and target.pages_stand_alone)
        parts = max(1, min(MAX_RANGES, position // events_a_part)) if in_parts else 1
        cuts = await target.cuts(connection, parts)
        async with connection.transaction():
            if whole:
                await connection.execute(sql.ABANDON, target.name, [*RESUMABLE_STATES], self.id)
                await blue_green.create(connection, target.tables)
                if not target.pages_stand_alone:
                    await blue_green.execute_step(connection, "index", target.tables)
                    await blue_green.execute_step(connection, "constrain", target.tables)
            await connection.execute(
                sql.BEGIN,
                self.id,
                target.name,
                scope.model_dump_json(by_alias=True),
                dry_run,
                self._operator.actor,
                self._operator.way,
                self._operator.reason,
                workers,
                target.layout(),
                position,
                position if scope.everything else 0,
            )
            await connection.execute(sql.BEGIN_RANGES, self.id, ["", *cuts[:-1]], [*cuts])
            if not dry_run:
                await self._record("operations.rebuild-started.v1", scope=json.loads(scope.model_dump_json()))

    async def resume(self, workers: int) -> None:
        """Goes on with what was begun. Raises RebuildRefused where its generation is gone, or was made by a
        release that writes other rows."""
        connection, target = self._connection, self.target
        row = await connection.fetchrow(sql.STANDS, self.id)
        fits = await blue_green.fits(connection, "checkout_rebuilt", target.tables)
        if row is None or not fits or row["layout"] != target.layout():
            raise RebuildRefused(
                "what was built until then does not fit this release and its tables: begin anew, without --resume"
            )
        self._switching.position = row["caught_up"]
        async with connection.transaction():
            await connection.execute(sql.RESUME, self.id, workers)
            await self._record("operations.rebuild-started.v1", resumed=True)

    async def mend(self, scope: RebuildScope, *, mends: bool, settles: float) -> RebuildComparison:
        """Compares the baskets of a scope with their live views, and mends these in place."""
        if not isinstance(self.target, BasketViewsTarget):
            raise RebuildRefused("only basket views are rebuilt for some baskets")
        baskets = await baskets_in_scope(self._connection, scope)
        mender = InPlaceRepair(self._connection, self.target, mends=mends, settles=settles)
        comparisons = []
        async for events, rows, comparison in mender.go(baskets):
            comparisons.append(comparison)
            await self._connection.execute(sql.ADVANCE, self.id, events, rows)
            await self.beat()
        comparison = merge_comparisons(comparisons)
        await self._compared(comparison)
        if mends:
            scoped = json.loads(scope.model_dump_json())
            await self.end("mended", "operations.views-repaired.v1", scope=scoped, mended=len(mender.mended))
        return comparison

    async def index(self, sessions: int) -> None:
        """Builds the indexes that the new tables do not have yet, several at a time, and looks at the tables as
        a planner wants them looked at."""
        # One step after the other: a constraint takes its index as it is.
        await self._do("index", sessions)
        await self._do("constrain", sessions)
        await self._do("analyse", sessions)

    async def catch_up(self) -> None:
        """Takes in what happened meanwhile, but for a little that comes all the time."""
        await self._switching.catch_up(self._caught_up)

    async def compare(self, sessions: int) -> RebuildComparison:
        """How the live rows compare with the new ones, part by part, several at a time."""
        cuts = [row[1] for row in await self._connection.fetch(sql.RANGES, self.id)]
        parts = [*zip(["", *cuts[:-1]], cuts, strict=True)]
        comparisons: list[RebuildComparison] = []
        if not self.target.pages_stand_alone:
            parts, sessions = [("", cuts[-1])], 1

        async def compare(connection: asyncpg.Connection) -> None:
            while parts:
                comparisons.append(await self.target.compare(connection, *parts.pop()))

        settings = {**self.target.reader_settings, **blue_green.search_path("checkout_rebuilt")}
        await self._together(compare, sessions, settings)
        return await self.keep(comparisons)

    async def switch(self) -> None:
        """Puts the new generation in the place of the live one, which is kept. Raises RebuildStopped."""
        await self.turn("switching")
        await self._switching.switch("switch", self._switched)

    async def _caught_up(self, position: int) -> None:
        await self._connection.execute(sql.CAUGHT_UP, self.id, position)

    async def _switched(self, position: int) -> None:
        await self._caught_up(position)
        await self.turn("switched")
        await self._record("operations.rebuild-switched.v1", position=position)

    async def _do(self, step: blue_green.Step, sessions: int) -> None:
        """Executes a step's statements, several at a time."""
        tables = self.target.tables
        statements = deque(await blue_green.statements(self._connection, step, tables))

        async def execute(connection: asyncpg.Connection) -> None:
            while statements:
                await blue_green.execute(connection, step, tables, statements.popleft())

        await self._together(execute, sessions, INDEXING)

    async def _together(
        self,
        do: Callable[[asyncpg.Connection], Awaitable[None]],
        sessions: int,
        settings: Mapping[str, str],
    ) -> None:
        """Has several sessions do something at the same time, and beats meanwhile."""

        async def one() -> None:
            connection = await self._database.connect("checkout rebuild helper", settings)
            try:
                await do(connection)
            finally:
                await close(connection)

        work = asyncio.gather(*(one() for _ in range(max(1, sessions))))
        try:
            while not work.done():
                await asyncio.wait({work}, timeout=HEARTBEAT_SECONDS)
                await self.beat()
            work.result()
        finally:
            work.cancel()
            await asyncio.gather(work, return_exceptions=True)
