"""Switches which tables are live, in one short transaction."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import asyncpg

from adapters.postgres.rebuild import blue_green
from adapters.postgres.rebuild.target_tables import TargetTables

EVENTS_LEFT_FOR_LOCK = 25
"""With more events to catch up with, live tables are not locked yet."""

MAX_EVENTS_LEFT_FOR_LOCK = 800
"""Under a load that never comes so close, each further pass doubles the limit up to this."""

LOCKED_SECONDS = 0.25
MAX_LOCKED_SECONDS = 1.0
"""Callers wait at most so long before the switch is given up and tried again; each further try doubles the time.
Callers give up later (`CHECKOUT_DATABASE_TIMEOUT`)."""

LOCK_TIMEOUT_VALUE = "50ms"
"""Callers wait at most so long behind us while we wait for somebody's long statement."""

RETRY_SECONDS = 0.5
CATCH_UP_EVENTS = 20_000

# Limits how long this transaction waits for a lock.
LOCK_TIMEOUT = "SELECT set_config('lock_timeout', $1, true)"

Waiting = Callable[[str], Awaitable[None]]
"""Called with what the switch waits for; may raise to end it."""


class SlotSwitch:
    """Catches up with the events, and makes the tables of a slot the live ones."""

    def __init__(self, connection: asyncpg.Connection, target: TargetTables, position: int, waiting: Waiting) -> None:
        """The tables have all events up to `position`."""
        self.position = position
        self._events_left = EVENTS_LEFT_FOR_LOCK
        self._locked_seconds = LOCKED_SECONDS
        self._connection = connection
        self._target = target
        self._waiting = waiting

    async def catch_up(self, save: Callable[[int], Awaitable[None]] | None = None) -> None:
        """Adds the events that came meanwhile, but for the last few, and the baskets that came back from the archive.
        `save` is given each position reached."""
        while True:
            last = await self._target.position(self._connection)
            if last - self.position <= self._events_left:
                # No new event tells of baskets that came back, and there may be many.
                await self._target.catch_up(self._connection, self.position, self.position)
                return
            if last - self.position < CATCH_UP_EVENTS:
                self._events_left = min(2 * self._events_left, MAX_EVENTS_LEFT_FOR_LOCK)
            step = min(last, self.position + CATCH_UP_EVENTS)
            await self._target.catch_up(self._connection, self.position, step)
            self.position = step
            if save is not None:
                await save(step)
            await self._waiting("what happened meanwhile")

    async def switch(self, step: blue_green.Step, record: Callable[[int], Awaitable[None]]) -> None:
        """Moves the tables by `step` and records it in one transaction, as soon as no long statement uses the live
        tables. `record` is given the position up to which the tables have all events."""
        while True:
            await self.catch_up()
            try:
                async with self._connection.transaction():
                    # The limit excludes the commit: if that were cut short, nobody would know how it ended.
                    async with asyncio.timeout(self._locked_seconds):
                        await self._move(step, record)
                return
            except asyncpg.LockNotAvailableError:
                await self._waiting("long statements on the live tables")
            except (_TooManyEvents, TimeoutError):
                self._locked_seconds = min(2 * self._locked_seconds, MAX_LOCKED_SECONDS)
                await self._waiting("a rush of events")
            await asyncio.sleep(RETRY_SECONDS)

    async def _move(self, step: blue_green.Step, record: Callable[[int], Awaitable[None]]) -> None:
        connection, target = self._connection, self._target
        await connection.execute(LOCK_TIMEOUT, LOCK_TIMEOUT_VALUE)
        await blue_green.execute_step(connection, "lock", target.tables)
        # Nobody reads or writes the live tables now. A projector that read an old row before folded events that were
        # committed before. The new row has these, so its version is past the one where that fold began, and the
        # projector's write is refused.
        last = await target.position(connection)
        if last - self.position > 2 * self._events_left:
            raise _TooManyEvents
        # Also where no event came: baskets may have come back from the archive.
        await target.catch_up(connection, self.position, last)
        await blue_green.execute_step(connection, step, target.tables)
        await target.announce(connection)
        await record(last)


class _TooManyEvents(Exception):
    """More events came than can be caught up with while callers wait."""
