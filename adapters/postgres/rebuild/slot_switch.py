"""Changing which generation is live, in one short transaction."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import asyncpg

from adapters.postgres.rebuild import blue_green
from adapters.postgres.rebuild.target import RebuildableTables

EVENTS_LEFT_FOR_LOCK = 25
"""With more events than these to catch up with, live tables are not locked yet."""

MAX_EVENTS_LEFT_FOR_LOCK = 800
"""Where so much happens that one never comes so close, each further pass is content with twice as many."""

LOCKED_SECONDS = 0.25
MAX_LOCKED_SECONDS = 1.0
"""For so long callers wait at most before it is taken back and tried again; at each further try for twice as long.
Callers give up later (`CHECKOUT_DATABASE_TIMEOUT`)."""

LOCK_TIMEOUT_VALUE = "50ms"
"""So long callers wait behind us at most while we wait for a long statement of somebody else."""

RETRY_SECONDS = 0.5
CATCH_UP_EVENTS = 20_000

# How long a lock is waited for, in this transaction.
LOCK_TIMEOUT = "SELECT set_config('lock_timeout', $1, true)"

Told = Callable[[str], Awaitable[None]]
"""Told, in words, what is waited for; may raise to end it."""


class SlotSwitch:
    """Brings a generation to where the facts are, and puts it in the live one's place."""

    def __init__(
        self, connection: asyncpg.Connection, target: RebuildableTables, position: int, waiting: Told
    ) -> None:
        """`position`: up to there everything is in the generation."""
        self.position = position
        self._left_for_the_lock = EVENTS_LEFT_FOR_LOCK
        self._locked_seconds = LOCKED_SECONDS
        self._connection = connection
        self._target = target
        self._waiting = waiting

    async def catch_up(self, reached: Callable[[int], Awaitable[None]] | None = None) -> None:
        """Takes in what happened meanwhile, but for a little that comes all the time; says how far it is."""
        while True:
            upto = await self._target.position(self._connection)
            if upto - self.position <= self._left_for_the_lock:
                return
            if upto - self.position < CATCH_UP_EVENTS:
                self._left_for_the_lock = min(2 * self._left_for_the_lock, MAX_EVENTS_LEFT_FOR_LOCK)
            step = min(upto, self.position + CATCH_UP_EVENTS)
            await self._target.catch_up(self._connection, self.position, step)
            self.position = step
            if reached is not None:
                await reached(step)
            await self._waiting("what happened meanwhile")

    async def switch(self, moves: blue_green.Step, record: Callable[[int], Awaitable[None]]) -> None:
        """Moves the tables by the step `moves` and records it, in one transaction, as soon as nobody is at the
        live tables for longer than a moment. `record` is given the position up to which all is in."""
        while True:
            await self.catch_up()
            try:
                async with self._connection.transaction():
                    # The end of the transaction is not cut short: nobody would know how it ended.
                    async with asyncio.timeout(self._locked_seconds):
                        await self._move(moves, record)
                return
            except asyncpg.LockNotAvailableError:
                await self._waiting("long statements on the live tables")
            except (_TooMuch, TimeoutError):
                self._locked_seconds = min(2 * self._locked_seconds, MAX_LOCKED_SECONDS)
                await self._waiting("a rush of events")
            await asyncio.sleep(RETRY_SECONDS)

    async def _move(self, moves: blue_green.Step, record: Callable[[int], Awaitable[None]]) -> None:
        tables = self._target.tables
        await self._connection.execute(LOCK_TIMEOUT, LOCK_TIMEOUT_VALUE)
        await blue_green.execute_step(self._connection, "lock", tables)
        upto = await self._the_last_bit()
        await blue_green.execute_step(self._connection, moves, tables)
        await self._target.announce(self._connection)
        await record(upto)

    async def _the_last_bit(self) -> int:
        # Nobody reads or writes the live tables now. Whoever folds from an old row that was read before does so by
        # events that were committed before: with these in the new row, its version is past the one where that fold
        # began, and what that writer brings is refused.
        upto = await self._target.position(self._connection)
        if upto - self.position > 2 * self._left_for_the_lock:
            raise _TooMuch
        if upto > self.position:
            await self._target.catch_up(self._connection, self.position, upto)
        return upto


class _TooMuch(Exception):
    """More happened meanwhile than may be caught up with while callers wait."""
