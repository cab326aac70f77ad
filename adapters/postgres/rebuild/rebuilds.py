"""The rebuilds that there are and were, in PostgreSQL."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta

import asyncpg

from adapters.postgres.audit import record_action
from adapters.postgres.leadership import LOCK_CLASS, TRY
from adapters.postgres.pool import DatabasePool, is_unavailable, store_unavailable
from adapters.postgres.rebuild import blue_green
from adapters.postgres.rebuild import rebuild_record_sql as sql
from adapters.postgres.rebuild.builder_process import BuilderProcess
from adapters.postgres.rebuild.range_builder import WRITER_SETTINGS, RangeBuilder, close
from adapters.postgres.rebuild.rebuild_session import RebuildSession
from adapters.postgres.rebuild.slot_switch import SlotSwitch
from adapters.postgres.rebuild.target import RebuildableTables
from adapters.postgres.rebuild.targets import tables_of
from domain.operators.audit import ActionType, Operator, OperatorAction
from domain.operators.rebuild import (
    RESUMABLE_STATES,
    RUNNING_STATES,
    Rebuild,
    RebuildComparison,
    RebuildRefused,
    RebuildScope,
    RebuildTarget,
)
from domain.shared.errors import StoreForbidden
from domain.shared.values import Clock, NewId

MAX_ROLL_BACK_TRIES = 120

SILENCE_LIMIT = timedelta(minutes=1)
"""One that said nothing for so long is not at work, whoever holds its target's lock."""


class PostgresRebuilds:
    """Rebuilds; and the sessions and the building of those that are at work."""

    def __init__(self, database: DatabasePool, clock: Clock, new_id: NewId) -> None:
        self._database = database
        self._clock = clock
        self._new_id = new_id

    async def newest(self, limit: int) -> Sequence[Rebuild]:
        async with self._database.connection() as connection:
            return [_rebuild(row) for row in await connection.fetch(sql.READ, limit, None, LOCK_CLASS)]

    async def find(self, rebuild_id: str) -> Rebuild | None:
        async with self._database.connection() as connection:
            row = await connection.fetchrow(sql.READ, 1, rebuild_id, LOCK_CLASS)
        return _rebuild(row) if row else None

    async def request_cancel(self, rebuild_id: str, operator: Operator) -> bool:
        async with self._database.connection() as connection, connection.transaction():
            target = await connection.fetchval(sql.REQUEST_CANCEL, rebuild_id, [*RUNNING_STATES])
            if target is not None:
                await self._record(
                    connection, "operations.rebuild-cancelled.v1", operator, target, rebuild=rebuild_id
                )
        return target is not None

    async def resumable(self, target: RebuildTarget) -> str | None:
        """The whole rebuild that waits to go on; at most one does."""
        async with self._database.connection() as connection:
            found: str | None = await connection.fetchval(sql.UNFINISHED, target, [*RESUMABLE_STATES])
        return found

    @asynccontextmanager
    async def at_work(
        self, target: RebuildTarget, operator: Operator, *, resumed: str | None = None, staged: bool = False
    ) -> AsyncIterator[RebuildSession]:
        """The one session that leads a rebuild of this target: a new one, or one that goes on. `staged`: it
        changes live rows alone, or none. Raises RebuildRefused where another is at work."""
        room: blue_green.Slot = "pg_temp" if staged else "checkout_rebuilt"
        async with self._leading(target, room) as (connection, made):
            rebuild_id = resumed or self._new_id()
            yield RebuildSession(
                rebuild_id, self._database, connection, made, operator, self._clock, self._new_id
            )

    def builder(self, target: RebuildTarget, stopped: Callable[[], bool], *, staged: bool) -> RangeBuilder:
        """What this process builds with."""
        return RangeBuilder(
            self._database, tables_of(target, "pg_temp" if staged else "checkout_rebuilt"), stopped
        )

    def process(self, target: RebuildTarget, *, staged: bool) -> BuilderProcess:
        """What another process builds with."""
        room: blue_green.Slot = "pg_temp" if staged else "checkout_rebuilt"
        return BuilderProcess(self._database.url, self._database.timeout, target, room)

    async def roll_back(self, target: RebuildTarget, operator: Operator) -> Rebuild:
        async with self._leading(target, "checkout_kept") as (connection, kept):
            if not await blue_green.exists(connection, "checkout_kept", kept.tables):
                raise RebuildRefused("no generation is kept: there is nothing to roll back to")
            if not await blue_green.fits(connection, "checkout_kept", kept.tables):
                raise RebuildRefused("a migration has changed the tables since: the kept generation lacks it")
            if await connection.fetchval(sql.UNFINISHED, target, [*RESUMABLE_STATES]) is not None:
                raise RebuildRefused("a rebuild waits to go on: resume or abandon it first")
            switched = await connection.fetchrow(sql.LAST_SWITCHED, target)
            if switched is None:
                raise RebuildRefused("nobody knows where the kept generation is from")
            state = "rolled-back" if switched["state"] == "switched" else "switched"
            action = self._action(
                "operations.rebuild-rolled-back.v1", operator, target, rebuild=switched["id"]
            )

            async def record(position: int) -> None:
                await connection.execute(sql.ROLLED_BACK, switched["id"], state, position)
                await record_action(connection, action)

            position = await kept.complete(connection, switched["caught_up"])
            switching = SlotSwitch(connection, kept, position, _Patience(MAX_ROLL_BACK_TRIES))
            await switching.switch("change places", record)
        found = await self.find(switched["id"])
        assert found is not None  # noqa: S101  (it was there a moment ago, and none is ever deleted)
        return found

    async def abandon(self, target: RebuildTarget, operator: Operator) -> Rebuild | None:
        async with self._leading(target, "checkout_rebuilt") as (connection, made), connection.transaction():
            found = await connection.fetchval(sql.UNFINISHED, target, [*RESUMABLE_STATES])
            await connection.execute(sql.ABANDON, target, [*RESUMABLE_STATES], None)
            await blue_green.execute_step(connection, "drop built", made.tables)
            if found is not None:
                await self._record(
                    connection, "operations.rebuild-dropped.v1", operator, target, rebuild=found
                )
        return await self.find(found) if found is not None else None

    async def drop_kept(self, target: RebuildTarget, operator: Operator) -> bool:
        async with self._leading(target, "checkout_kept") as (connection, kept), connection.transaction():
            there = await blue_green.exists(connection, "checkout_kept", kept.tables)
            await blue_green.execute_step(connection, "drop kept", kept.tables)
            if there:
                await self._record(
                    connection, "operations.rebuild-dropped.v1", operator, target, generation="kept"
                )
        return there

    @asynccontextmanager
    async def _leading(
        self, target: RebuildTarget, room: blue_green.Slot
    ) -> AsyncIterator[tuple[asyncpg.Connection, RebuildableTables]]:
        made = tables_of(target, room)
        settings = {**made.reader_settings, **WRITER_SETTINGS, "synchronous_commit": "on"}
        if room != "pg_temp":
            settings |= blue_green.search_path(room)
        connection = await self._database.connect(f"checkout rebuild {target}", settings)
        try:
            if not await connection.fetchval(TRY, LOCK_CLASS, f"rebuild {target}"):
                raise RebuildRefused(f"another rebuild of {target} is at work")
            yield connection, made
        except Exception as error:
            if is_unavailable(error, closed=connection.is_closed()):
                raise store_unavailable(error) from error
            if isinstance(error, asyncpg.InsufficientPrivilegeError):
                raise StoreForbidden(str(error)) from error
            raise
        finally:
            await close(connection)

    def _action(
        self, type: ActionType, operator: Operator, target: RebuildTarget, **scope: str | bool
    ) -> OperatorAction:
        about = {"target": target, **scope}
        return OperatorAction(
            id=self._new_id(), type=type, operator=operator, scope=about, occurred_at=self._clock()
        )

    async def _record(
        self,
        connection: asyncpg.Connection,
        type: ActionType,
        operator: Operator,
        target: RebuildTarget,
        **scope: str | bool,
    ) -> None:
        await record_action(connection, self._action(type, operator, target, **scope))


class _Patience:
    """Ends what has to wait too often."""

    def __init__(self, tries: int) -> None:
        self._left = tries

    async def __call__(self, what: str) -> None:
        self._left -= 1
        if self._left < 0:
            raise RebuildRefused(f"it would have to wait for {what}; nothing was changed: try again later")


def _rebuild(row: asyncpg.Record) -> Rebuild:
    running = row["state"] in RUNNING_STATES
    left = max(0, row["total"] - row["events"])
    rate = row["rate"] if running else 0.0
    comparison = row["comparison"]
    return Rebuild(
        id=row["id"],
        target=row["target"],
        scope=RebuildScope.model_validate_json(row["scope"]),
        dry_run=row["dry_run"],
        state=row["state"],
        interrupted=running and (not row["held"] or row["silent"] > SILENCE_LIMIT),
        cancel_requested=row["cancel_requested"],
        waiting_for=row["waiting_for"],
        operator=Operator.construct_trusted(actor=row["actor"], way=row["way"], reason=row["reason"]),
        workers=row["workers"],
        done=row["events"],
        total=max(row["total"], row["events"]),
        rate=rate,
        eta_seconds=left / rate if rate > 0 and row["state"] == "building" else None,
        rows=row["rows"],
        comparison=RebuildComparison.model_validate(json.loads(comparison)) if comparison else None,
        started_at=row["started_at"],
        beaten_at=row["beaten_at"],
        ended_at=row["ended_at"],
        error=row["error"],
    )
