"""Roles that one process holds at a time, by PostgreSQL's session locks."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import asyncpg

from adapters.postgres.pool import DatabasePool, is_unavailable, store_unavailable
from domain.shared.errors import LeadershipLost

# Takes the role, or returns false where another session holds it. Waiting inside the server would keep a snapshot
# open for as long as the other one leads, and with it every row version from then on.
TRY = "SELECT pg_try_advisory_lock($1::int, hashtext($2))"

# Any answer shows that the session, and with it the lock, still exists.
PROBE = "SELECT 1"

LOCK_CLASS = 720804
"""The first half of our locks' keys; the second is the hash of the role's name."""

VANISHED_PROCESSES = {"tcp_keepalives_idle": "5", "tcp_keepalives_interval": "2", "tcp_keepalives_count": "3"}
"""Server settings by which a machine that vanished loses its roles in about 11 seconds."""

MAX_SESSION_NAME = 63
"""PostgreSQL truncates longer session names."""

_PREFIX = "checkout instance "


def instance_in_session_name(session: str | None) -> str | None:
    """The instance that the `application_name` of a session names, if it holds a role or waits for one."""
    if session is None or not session.startswith(_PREFIX):
        return None
    return session.removeprefix(_PREFIX).partition(" ")[0]


class PostgresLeadership:
    """Leadership. It cannot work through a pooler that shares sessions."""

    def __init__(self, database: DatabasePool, retry_every: float = 0.5, instance: str | None = None) -> None:
        """`instance` names this process in PostgreSQL's list of sessions."""
        self._database = database
        self._retry_every = retry_every
        self._name = f"{_PREFIX}{instance} " if instance else "checkout "

    @asynccontextmanager
    async def hold(self, role: str, waiting: Callable[[], None] = lambda: None) -> AsyncIterator[_Session]:
        connection = await self._database.connect((self._name + role)[:MAX_SESSION_NAME], VANISHED_PROCESSES)
        try:
            session = _Session(connection, role, self._database.timeout)
            while not await session.take():
                waiting()
                await asyncio.sleep(self._retry_every)
            yield session
        finally:
            # The end of the session gives the role back.
            with contextlib.suppress(OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError):
                await connection.close(timeout=1)


class _Session:
    """Lease."""

    def __init__(self, connection: asyncpg.Connection, role: str, timeout: float) -> None:
        self._connection = connection
        self._role = role
        self._timeout = timeout

    async def take(self) -> bool:
        try:
            return bool(await self._connection.fetchval(TRY, LOCK_CLASS, self._role, timeout=self._timeout))
        except Exception as error:
            if is_unavailable(error, closed=self._connection.is_closed()):
                raise store_unavailable(error) from error
            raise

    async def confirm(self) -> None:
        try:
            await self._connection.execute(PROBE, timeout=self._timeout)
        except Exception as error:
            if is_unavailable(error, closed=self._connection.is_closed()):
                raise LeadershipLost(self._role, str(error) or type(error).__name__) from error
            raise
