"""The session that leads a rebuild from its beginning to its switch."""

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
from adapters.postgres.rebuild.target_tables import TargetTables
from adapters.postgres.rebuild.view_target import BasketViewsTarget
from domain.operators.audit import Operator
from domain.operators.rebuild import RESUMABLE_STATES, RebuildComparison, RebuildRefused, RebuildScope
from domain.shared.values import Clock, NewId

MAX_RANGES = 1_000
HEARTBEAT_SECONDS = 0.5
INDEX_SETTINGS = {
    # Ids and names have long common prefixes, so that sorting compares much. Runs that fit a processor's cache, merged
    # afterwards, take half the time of one large sort in memory.
    "maintenance_work_mem": "8MB",
    "max_parallel_maintenance_workers": "0",
}


class RebuildSession(RebuildRecord):
    """Holds the target's lock, and does everything on that very session: one that lost the lock changes nothing."""

    def __init__(
        self,
        rebuild_id: str,
        database: DatabasePool,
        connection: asyncpg.Connection,
        target: TargetTables,
        operator: Operator,
        clock: Clock,
        new_id: NewId,
    ) -> None:
        super().__init__(rebuild_id, connection, target, operator, clock, new_id)
        self._database = database
        self._switch = SlotSwitch(connection, target, 0, self.heartbeat)

    async def begin(self, scope: RebuildScope, *, dry_run: bool, workers: int, events_per_range: int) -> None:
        """Inserts the record. A whole rebuild that is no dry run also creates empty tables, in place of those that
        an unfinished one left."""
        whole = scope.everything and not dry_run
        connection, target = self._connection, self.target
        position = self._switch.position = await target.position(connection)
        # Repairs in place, and comparisons of whole tables, have one range.
        several = whole or (scope.everything and target.pages_stand_alone)
        ranges = max(1, min(MAX_RANGES, position // events_per_range)) if several else 1
        cuts = await target.cuts(connection, ranges)
        async with connection.transaction():
            if whole:
                await connection.execute(sql.ABANDON, target.name, [*RESUMABLE_STATES], self.id)
                await blue_green.create(connection, target.tables)
                if not target.pages_stand_alone:
                    await blue_green.execute_step(connection, "index", target.tables)
                    await blue_green.execute_step(connection, "constrain", target.tables)
            await connection.execute(
                sql.INSERT,
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
            await connection.execute(sql.INSERT_RANGES, self.id, ["", *cuts[:-1]], [*cuts])
            if not dry_run:
                await self._record("operations.rebuild-started.v1", scope=json.loads(scope.model_dump_json()))

    async def resume(self, workers: int) -> None:
        """Raises RebuildRefused where the built tables are gone, or another release made them."""
        connection, target = self._connection, self.target
        row = await connection.fetchrow(sql.RESUME_POINT, self.id)
        fits = await blue_green.fits(connection, "checkout_rebuilt", target.tables)
        if row is None or not fits or row["layout"] != target.layout():
            raise RebuildRefused(
                "what was built until then does not fit this release and its tables: begin anew, without --resume"
            )
        self._switch.position = row["caught_up"]
        async with connection.transaction():
            await connection.execute(sql.RESUME, self.id, workers)
            await self._record("operations.rebuild-started.v1", resumed=True)

    async def repair_in_place(self, scope: RebuildScope, *, repairs: bool, settles: float) -> RebuildComparison:
        """Compares the live views of a scope with their events, and repairs them. Without `repairs` it only
        compares. Repaired views are compared again after `settles` seconds."""
        if not isinstance(self.target, BasketViewsTarget):
            raise RebuildRefused("only basket views are rebuilt for some baskets")
        baskets = await baskets_in_scope(self._connection, scope)
        repair = InPlaceRepair(self._connection, self.target, repairs=repairs, settles=settles)
        comparisons = []
        async for events, rows, comparison in repair.run(baskets):
            comparisons.append(comparison)
            await self._connection.execute(sql.ADVANCE_ONLY_RANGE, self.id, events, rows)
            await self.heartbeat()
        merged = await self.save_comparison(comparisons)
        if repairs:
            scoped = json.loads(scope.model_dump_json())
            repaired = len(repair.repaired)
            await self.end("mended", "operations.views-repaired.v1", scope=scoped, mended=repaired)
        return merged

    async def index(self, sessions: int) -> None:
        """Builds indexes, constraints and statistics, one kind after the other, in several sessions."""
        for step in ("index", "constrain", "analyse"):
            await self._execute_step(step, sessions)

    async def catch_up(self) -> None:
        """Adds the events that came meanwhile, but for the last few."""
        await self._switch.catch_up(self._save_position)

    async def compare(self, sessions: int) -> RebuildComparison:
        """Compares the live rows with the built ones, range by range, in several sessions."""
        cuts = [row[1] for row in await self._connection.fetch(sql.RANGES, self.id)]
        ranges = [*zip(["", *cuts[:-1]], cuts, strict=True)]
        if not self.target.pages_stand_alone:
            ranges, sessions = [("", cuts[-1])], 1
        comparisons: list[RebuildComparison] = []

        async def compare(connection: asyncpg.Connection) -> None:
            while ranges:
                comparisons.append(await self.target.compare(connection, *ranges.pop()))

        settings = {**self.target.reader_settings, **blue_green.search_path("checkout_rebuilt")}
        await self._in_sessions(compare, sessions, settings)
        return await self.save_comparison(comparisons)

    async def switch(self) -> None:
        """Makes the built tables the live ones, and keeps the old ones. Raises RebuildStopped."""
        await self.set_state("switching")

        async def record(position: int) -> None:
            await self._save_position(position)
            await self.set_state("switched")
            await self._record("operations.rebuild-switched.v1", position=position)

        await self._switch.switch("switch", record)

    async def _save_position(self, position: int) -> None:
        await self._connection.execute(sql.SAVE_POSITION, self.id, position)

    async def _execute_step(self, step: blue_green.Step, sessions: int) -> None:
        tables = self.target.tables
        statements = deque(await blue_green.statements(self._connection, step, tables))

        async def execute(connection: asyncpg.Connection) -> None:
            while statements:
                await blue_green.execute(connection, step, tables, statements.popleft())

        await self._in_sessions(execute, sessions, INDEX_SETTINGS)

    async def _in_sessions(
        self,
        do: Callable[[asyncpg.Connection], Awaitable[None]],
        sessions: int,
        settings: Mapping[str, str],
    ) -> None:
        """Does something in several sessions at the same time, and writes heartbeats meanwhile."""

        async def in_session() -> None:
            connection = await self._database.connect("checkout rebuild helper", settings)
            try:
                await do(connection)
            finally:
                await close(connection)

        work = asyncio.gather(*(in_session() for _ in range(max(1, sessions))))
        try:
            while not work.done():
                await asyncio.wait({work}, timeout=HEARTBEAT_SECONDS)
                await self.heartbeat()
            work.result()
        finally:
            work.cancel()
            await asyncio.gather(work, return_exceptions=True)
