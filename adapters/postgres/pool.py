"""A pool of connections to a PostgreSQL that may be away for a while, and the translation of the driver's errors."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, cast

import asyncpg

from adapters.postgres.connection_errors import describe_failed_connection
from domain.shared.errors import StoreForbidden, StoreUnavailable

_AWAY_CLASSES = frozenset({"08", "53", "57", "58"})
"""SQLSTATE classes: connection, resources, operator intervention (shutdown, cancel), system errors."""

_AWAY_STATES = frozenset({"25006", "25P03", "25P04", "40001", "40P01", "55P03"})
"""SQLSTATEs: the server is a read-only standby, a transaction was idle or ran for too long, serialisation, deadlock,
a lock was not granted in time."""

_KEPT = 4
"""So many free connections stay at hand. Taking one from the driver's pool and returning it takes twice as long as a
small statement."""

_LONGEST_KEPT = 60.0
"""Seconds. A connection that was idle for longer goes back to the driver's pool, which closes old and idle ones: a
firewall may have dropped it in silence."""

_LONGEST_RELEASE = 0.5
"""Seconds that a cancelled block waits for the end of its statement; then the connection is closed. A server that is
asked to cancel a statement just before it begins does not cancel it."""


def is_unavailable(error: BaseException, *, closed: bool) -> bool:
    """Whether PostgreSQL is unavailable for now, so that the same statement may succeed later. `closed` says whether
    the connection that raised the error is closed."""
    if isinstance(error, asyncpg.PostgresError):
        state = error.sqlstate or ""
        return state[:2] in _AWAY_CLASSES or state in _AWAY_STATES
    if isinstance(error, asyncpg.InterfaceError):
        return closed
    return isinstance(error, ConnectionError | TimeoutError | asyncpg.InternalClientError)


class StatementFailed(RuntimeError):
    """PostgreSQL refused a statement, or the driver its values, and would refuse it again: a bug of this service."""


def store_unavailable(error: BaseException) -> StoreUnavailable:
    return StoreUnavailable(str(error) or type(error).__name__)


class DatabasePool:
    """A pool that opens when it is first used and survives the server's absence."""

    def __init__(
        self,
        url: str,
        *,
        size: int = 8,
        timeout: float = 3.0,
        application_name: str = "checkout",
        settings: Mapping[str, str] | None = None,
    ) -> None:
        """`timeout`, in seconds, limits getting a connection and each statement without a limit of its own. `settings`
        are server settings of every session."""
        self._url = url
        self._size = size
        self._timeout = timeout
        self._settings = {"application_name": application_name, "jit": "off", **(settings or {})}
        self._opening = asyncio.Lock()
        self._pool: asyncpg.Pool | None = None
        self._kept: list[tuple[asyncpg.Connection, float]] = []
        self._waiting = 0
        self._closed = False

    @property
    def url(self) -> str:
        """For another process that connects itself. It may hold a password."""
        return self._url

    @property
    def timeout(self) -> float:
        """Seconds that a call waits for PostgreSQL."""
        return self._timeout

    def sibling(self, application_name: str, size: int, settings: Mapping[str, str] | None = None) -> DatabasePool:
        """Another pool of the same database. The caller closes it."""
        return DatabasePool(
            self._url,
            size=size,
            timeout=self._timeout,
            application_name=application_name,
            settings=settings,
        )

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[asyncpg.Connection]:
        """A connection of the pool for the block. Raises StoreUnavailable where none is free in time, and where it is
        lost or times out inside the block. Raises StoreForbidden where the role lacks a right that the block needs.

        Session state (settings, session locks, LISTEN) is not reset: use `connect` for that.
        """
        connection = await self._kept_connection() or await self._acquired()
        is_clean = False
        try:
            yield connection
            is_clean = True
        except Exception as error:
            if is_unavailable(error, closed=_lost(connection)):
                # Nobody waits until a server that does not answer has cancelled the statement.
                if not _lost(connection):
                    connection.terminate()
                raise store_unavailable(error) from error
            if isinstance(error, asyncpg.InsufficientPrivilegeError):
                raise StoreForbidden(str(error)) from error
            raise
        finally:
            if not (is_clean and self._keep(connection)):
                await self._release(connection)

    async def connect(self, application_name: str, settings: Mapping[str, str] | None = None) -> asyncpg.Connection:
        """A connection outside the pool, for LISTEN, session locks and special settings. Its statements have no time
        limit. Raises StoreUnavailable."""
        with self._connecting():
            return await asyncpg.connect(
                self._url,
                timeout=self._timeout,
                server_settings={**self._settings, "application_name": application_name, **(settings or {})},
            )

    async def close(self) -> None:
        """Closes the pool, and connections that are not returned in time."""
        self._closed = True
        while self._kept:
            await self._release(self._kept.pop()[0])
        pool = self._pool
        if pool is None:
            return
        try:
            await asyncio.wait_for(pool.close(), self._timeout)
        except (TimeoutError, OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
            pool.terminate()
        finally:
            self._pool = None

    async def _kept_connection(self) -> asyncpg.Connection | None:
        now = asyncio.get_running_loop().time()
        while self._kept:
            connection, kept_at = self._kept.pop()
            if now - kept_at > _LONGEST_KEPT:
                await self._release(connection)
            elif not _lost(connection):
                return connection
        return None

    def _keep(self, connection: asyncpg.Connection) -> bool:
        """Whether the connection stays at hand for the next caller."""
        wanted = len(self._kept) < _KEPT and not self._waiting and not self._closed
        if not wanted or _lost(connection) or connection.is_in_transaction():
            return False
        self._kept.append((connection, asyncio.get_running_loop().time()))
        return True

    async def _acquired(self) -> asyncpg.Connection:
        pool = await self._opened()
        self._waiting += 1
        try:
            with self._connecting():
                return cast("asyncpg.Connection", await pool.acquire(timeout=self._timeout))
        finally:
            self._waiting -= 1

    async def _release(self, connection: asyncpg.Connection) -> None:
        # The pool closes a connection that cannot be returned; the caller's work is done.
        if self._pool is not None:
            with contextlib.suppress(asyncpg.PostgresError, asyncpg.InterfaceError, OSError):
                await self._pool.release(cast("Any", connection), timeout=_LONGEST_RELEASE)

    async def _opened(self) -> asyncpg.Pool:
        if self._pool is None:
            async with self._opening:
                if self._closed:
                    raise StoreUnavailable("this process is stopping")
                if self._pool is None:
                    # It makes no connection yet, so that this works while the server is away.
                    self._pool = await asyncpg.create_pool(
                        self._url,
                        min_size=0,
                        max_size=self._size,
                        command_timeout=self._timeout,
                        timeout=self._timeout,
                        server_settings=self._settings,
                        reset=_no_reset,
                    )
        return self._pool

    @contextlib.contextmanager
    def _connecting(self) -> Iterator[None]:
        """Turns every error of a new connection into StoreUnavailable, except that of an unreadable URL."""
        try:
            yield
        except asyncpg.exceptions.ClientConfigurationError:
            raise
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError) as error:
            raise StoreUnavailable(describe_failed_connection(error, self._url)) from error


def _lost(connection: asyncpg.Connection) -> bool:
    try:
        return connection.is_closed()
    except asyncpg.InterfaceError:
        # When the server ends a connection, the pool takes it back at once, and it answers nothing more.
        return True


async def _no_reset(_: Any) -> None:
    """The driver rolls back an open transaction before it calls this. Its own reset of session state would be a round
    trip after each use."""
