"""All rebuilds, in PostgreSQL: their records, the sessions that lead them, and what operators do with them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta

import asyncpg

from adapters.postgres.audit import record_action
from adapters.postgres.leadership import LOCK_CLASS, TRY
from adapters.postgres.pool import DatabasePool, is_unavailable, store_unavailable
from adapters.postgres.rebuild import blue_green
from adapters.postgres.rebuild import rebuild_record_sql as sql
from adapters.postgres.rebuild.builder_process import BuilderProcess, target_tables
from adapters.postgres.rebuild.range_builder import WRITER_SETTINGS, RangeBuilder, close
from adapters.postgres.rebuild.read_model_repair import HOLD_APPENDS
from adapters.postgres.rebuild.rebuild_session import RebuildSession
from adapters.postgres.rebuild.slot_switch import SlotSwitch
from adapters.postgres.rebuild.target_tables import TargetTables
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
"""A rebuild without a heartbeat for so long does not run, whoever holds its target's lock."""


class PostgresRebuilds:
    """Every method raises StoreUnavailable. Changes are recorded as the operator's action, with the change or not at
    all."""

    def __init__(self, database: DatabasePool, clock: Clock, new_id: NewId) -> None:
        self._database = database
        self._clock = clock
        self._new_id = new_id

    async def newest(self, limit: int) -> Sequence[Rebuild]:
        """The newest first, running ones included."""
        async with self._database.connection() as connection:
            return [_rebuild(row) for row in await connection.fetch(sql.READ, limit, None, LOCK_CLASS)]

    async def find(self, rebuild_id: str) -> Rebuild | None:
        async with self._database.connection() as connection:
            row = await connection.fetchrow(sql.READ, 1, rebuild_id, LOCK_CLASS)
        return _rebuild(row) if row else None

    async def resumable(self, target: RebuildTarget) -> str | None:
        """The id of the unfinished whole rebuild; there is at most one."""
        async with self._database.connection() as connection:
            return await _unfinished(connection, target)

    async def request_cancel(self, rebuild_id: str, operator: Operator) -> bool:
        """Asks a running rebuild to stop; it stops within moments, and can be resumed. False where it does not run,
        or was asked already."""
        async with self._database.connection() as connection, connection.transaction():
            target = await connection.fetchval(sql.REQUEST_CANCEL, rebuild_id, [*RUNNING_STATES])
            if target is not None:
                await self._record(connection, "operations.rebuild-cancelled.v1", operator, target, rebuild=rebuild_id)
        return target is not None

    @asynccontextmanager
    async def open_session(
        self, target: RebuildTarget, operator: Operator, *, resumed: str | None = None, staged: bool = False
    ) -> AsyncIterator[RebuildSession]:
        """The session of a new rebuild, or of a resumed one. `staged`: it builds no new tables. Raises RebuildRefused
        where another rebuild of the target runs."""
        async with self._lead(target, _slot(staged)) as (connection, tables):
            rebuild_id = resumed or self._new_id()
            yield RebuildSession(rebuild_id, self._database, connection, tables, operator, self._clock, self._new_id)

    def builder(self, target: RebuildTarget, stopped: Callable[[], bool], *, staged: bool) -> RangeBuilder:
        """Builds ranges in this process."""
        return RangeBuilder(self._database, target_tables(target, _slot(staged)), stopped)

    def process(self, target: RebuildTarget, *, staged: bool) -> BuilderProcess:
        """Builds ranges in another process."""
        return BuilderProcess(self._database.url, self._database.timeout, target, _slot(staged))

    async def roll_back(self, target: RebuildTarget, operator: Operator) -> Rebuild:
        """Makes the kept tables the live ones, once they have caught up with the events since; the live ones are kept
        in turn. Returns the rebuild that is rolled back. Raises RebuildRefused where no tables are kept."""
        async with self._lead(target, "checkout_kept") as (connection, kept):
            if not await blue_green.exists(connection, "checkout_kept", kept.tables):
                raise RebuildRefused("no generation is kept: there is nothing to roll back to")
            if not await blue_green.fits(connection, "checkout_kept", kept.tables):
                raise RebuildRefused("a migration has changed the tables since: the kept generation lacks it")
            if await _unfinished(connection, target) is not None:
                raise RebuildRefused("a rebuild waits to go on: resume or abandon it first")
            switched = await connection.fetchrow(sql.LAST_SWITCHED, target)
            if switched is None:
                raise RebuildRefused("nobody knows where the kept generation is from")
            id, state = switched["id"], "rolled-back" if switched["state"] == "switched" else "switched"

            async def record(position: int) -> None:
                await connection.execute(sql.ROLLED_BACK, id, state, position)
                await self._record(connection, "operations.rebuild-rolled-back.v1", operator, target, rebuild=id)

            position = await kept.complete(connection, switched["caught_up"])
            switch = SlotSwitch(connection, kept, position, _limited(MAX_ROLL_BACK_TRIES))
            await switch.switch("change places", record)
        found = await self.find(id)
        assert found is not None  # noqa: S101  (it was there a moment ago, and none is ever deleted)
        return found

    async def abandon(self, target: RebuildTarget, operator: Operator) -> Rebuild | None:
        """Gives up an unfinished rebuild and drops its tables; None where there is none. Raises RebuildRefused where
        it runs."""
        async with self._lead(target, "checkout_rebuilt") as (connection, built), connection.transaction():
            found = await _unfinished(connection, target)
            await connection.execute(sql.ABANDON, target, [*RESUMABLE_STATES], None)
            await blue_green.execute_step(connection, "drop built", built.tables)
            if found is not None:
                await self._record(connection, "operations.rebuild-dropped.v1", operator, target, rebuild=found)
        return await self.find(found) if found is not None else None

    async def drop_kept(self, target: RebuildTarget, operator: Operator) -> bool:
        """Drops the kept tables, and with them the roll-back. False where there are none."""
        async with self._lead(target, "checkout_kept") as (connection, kept), connection.transaction():
            there = await blue_green.exists(connection, "checkout_kept", kept.tables)
            await blue_green.execute_step(connection, "drop kept", kept.tables)
            if there:
                await self._record(connection, "operations.rebuild-dropped.v1", operator, target, generation="kept")
        return there

    @asynccontextmanager
    async def _lead(
        self, target: RebuildTarget, slot: blue_green.Slot
    ) -> AsyncIterator[tuple[asyncpg.Connection, TargetTables]]:
        """A session that holds the target's lock, and whose statements mean the tables in the slot."""
        tables = target_tables(target, slot)
        settings = {**tables.reader_settings, **WRITER_SETTINGS, "synchronous_commit": "on"}
        if slot != "pg_temp":
            settings |= blue_green.search_path(slot)
        connection = await self._database.connect(f"checkout rebuild {target}", settings)
        try:
            if not await _try_lock(connection, f"rebuild {target}"):
                raise RebuildRefused(f"another rebuild of {target} is at work")
            yield connection, tables
        except Exception as error:
            if is_unavailable(error, closed=connection.is_closed()):
                raise store_unavailable(error) from error
            if isinstance(error, asyncpg.InsufficientPrivilegeError):
                raise StoreForbidden(str(error)) from error
            raise
        finally:
            await close(connection)

    async def _record(
        self,
        connection: asyncpg.Connection,
        type: ActionType,
        operator: Operator,
        target: RebuildTarget,
        **scope: str,
    ) -> None:
        about = {"target": target, **scope}
        action = OperatorAction(id=self._new_id(), type=type, operator=operator, scope=about, occurred_at=self._clock())
        await record_action(connection, action)


async def _try_lock(connection: asyncpg.Connection, name: str) -> bool:
    """The archive holds the lock for moments, always under that of appends."""
    if await connection.fetchval(TRY, LOCK_CLASS, name):
        return True
    async with connection.transaction():
        await connection.execute(HOLD_APPENDS)
        return bool(await connection.fetchval(TRY, LOCK_CLASS, name))


def _slot(staged: bool) -> blue_green.Slot:
    return "pg_temp" if staged else "checkout_rebuilt"


async def _unfinished(connection: asyncpg.Connection, target: RebuildTarget) -> str | None:
    found: str | None = await connection.fetchval(sql.UNFINISHED, target, [*RESUMABLE_STATES])
    return found


def _limited(tries: int) -> Callable[[str], Awaitable[None]]:
    """Raises RebuildRefused at the wait after so many."""
    left = tries

    async def wait(what: str) -> None:
        nonlocal left
        left -= 1
        if left < 0:
            raise RebuildRefused(f"it would have to wait for {what}; nothing was changed: try again later")

    return wait


def _rebuild(row: asyncpg.Record) -> Rebuild:
    running = row["state"] in RUNNING_STATES
    remaining = max(0, row["total"] - row["events"])
    rate = row["rate"] if running else 0.0
    comparison = row["comparison"]
    columns = (
        *("id", "target", "dry_run", "state", "cancel_requested", "waiting_for", "workers", "rows"),
        *("started_at", "beaten_at", "ended_at", "error"),
    )
    return Rebuild(
        **{name: row[name] for name in columns},
        scope=RebuildScope.model_validate_json(row["scope"]),
        interrupted=running and (not row["held"] or row["silent"] > SILENCE_LIMIT),
        operator=Operator.construct_trusted(actor=row["actor"], way=row["way"], reason=row["reason"]),
        done=row["events"],
        total=max(row["total"], row["events"]),
        rate=rate,
        eta_seconds=remaining / rate if rate > 0 and row["state"] == "building" else None,
        comparison=RebuildComparison.model_validate_json(comparison) if comparison else None,
    )
