"""Changing which generation is live, in one short transaction."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import asyncpg

from adapters.postgres.rebuilding import generations
from adapters.postgres.rebuilding.target import Target

LEFT_FOR_THE_LOCK = 100
"""With more events than these to catch up, live tables are not locked yet."""

LOCK_PATIENCE = "50ms"
"""So long callers wait behind us at most while we wait for a long statement of somebody else."""

BETWEEN_TRIES = 0.5
CATCH_UP_EVENTS = 20_000

# How long a lock is waited for, in this transaction.
LOCK_TIMEOUT = "SELECT set_config('lock_timeout', $1, true)"

Told = Callable[[str], Awaitable[None]]
"""Told, in words, what is waited for; may raise to end it."""


class Switching:
    """Brings a generation to where the facts are, and puts it in the live one's place."""

    def __init__(self, connection: asyncpg.Connection, target: Target, position: int, waiting: Told) -> None:
        """`position`: up to there everything is in the generation."""
        self.position = position
        self._connection = connection
        self._target = target
        self._waiting = waiting

    async def catch_up(self, reached: Callable[[int], Awaitable[None]] | None = None) -> None:
        """Takes in what happened meanwhile, but for a little that comes all the time; says how far it is."""
        while True:
            upto = await self._target.position(self._connection)
            if upto - self.position <= LEFT_FOR_THE_LOCK:
                return
            step = min(upto, self.position + CATCH_UP_EVENTS)
            await self._target.catch_up(self._connection, self.position, step)
            self.position = step
            if reached is not None:
                await reached(step)
            await self._waiting("what happened meanwhile")

    async def switch(self, moves: str, record: Callable[[int], Awaitable[None]]) -> None:
        """Moves the tables as `moves` writes it and records it, in one transaction, as soon as nobody is at the
        live tables for longer than a moment. `record` is given the position up to which all is in."""
        tables = self._target.tables
        while True:
            await self.catch_up()
            try:
                async with self._connection.transaction():
                    await self._connection.execute(LOCK_TIMEOUT, LOCK_PATIENCE)
                    await generations.execute_written(self._connection, generations.LOCK, tables)
                    upto = await self._the_last_bit()
                    await generations.execute_written(self._connection, moves, tables)
                    await self._target.announce(self._connection)
                    await record(upto)
                return
            except asyncpg.LockNotAvailableError:
                await self._waiting("long statements on the live tables")
            except _TooMuch:
                await self._waiting("a rush of events")
            await asyncio.sleep(BETWEEN_TRIES)

    async def _the_last_bit(self) -> int:
        # Nobody reads or writes the live tables now. Whoever folds from an old row that was read before does so by
        # events that were committed before: with these in the new row, its version is past the one where that fold
        # began, and what that writer brings is refused.
        upto = await self._target.position(self._connection)
        if upto - self.position > 2 * LEFT_FOR_THE_LOCK:
            raise _TooMuch
        if upto > self.position:
            await self._target.catch_up(self._connection, self.position, upto)
        return upto


class _TooMuch(Exception):
    """More happened meanwhile than may be caught up with while callers wait."""
