"""PostgreSQL as a place that may be away for a while: connections, and the driver's errors in our words."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, cast

import asyncpg

from adapters.postgres.connection_errors import describe_failed_connection
from adapters.postgres.connection_url import tls_problem
from domain.shared.errors import StoreForbidden, StoreUnavailable

_AWAY_CLASSES = frozenset({"08", "53", "57", "58"})
"""SQLSTATE classes: connection, resources, operator intervention (shutdown, cancelled), system errors."""

_AWAY_STATES = frozenset({"25006", "25P03", "25P04", "40001", "40P01", "55P03"})
"""SQLSTATEs: a read-only standby answers, a transaction was idle or ran for too long, serialisation,
deadlock, a lock was not to be had in time."""

_LONGEST_RELEASE = 0.5
"""Seconds that a cancelled block waits until its statement has ended too; then the connection is ended. (A
server that is asked to cancel a statement just before it begins does not.)"""


def is_unavailable(error: BaseException, *, closed: bool) -> bool:
    """Whether the error means that PostgreSQL is not at our service for now, so that the same statement may
    succeed later. `closed` says whether the connection that raised it is closed."""
    if isinstance(error, asyncpg.PostgresError):
        state = error.sqlstate or ""
        return state[:2] in _AWAY_CLASSES or state in _AWAY_STATES
    if isinstance(error, asyncpg.InterfaceError):
        return closed
    return isinstance(error, ConnectionError | TimeoutError | asyncpg.InternalClientError)


class StatementFailed(RuntimeError):
    """PostgreSQL refused a statement, or the driver its values, and would again: a fault of ours."""


def store_unavailable(error: BaseException) -> StoreUnavailable:
    return StoreUnavailable(str(error) or type(error).__name__)


class DatabasePool:
    """A pool of connections that opens when it is first needed and outlives the server's absence."""

    def __init__(
        self,
        url: str,
        *,
        size: int = 8,
        timeout: float = 3.0,
        application_name: str = "checkout",
        settings: Mapping[str, str] | None = None,
    ) -> None:
        """`timeout`, in seconds, bounds each of: getting a connection, and each statement on it that names no
        limit of its own. `settings` are server settings of every session."""
        self._url = url
        self._size = size
        self._timeout = timeout
        self._settings = {"application_name": application_name, "jit": "off", **(settings or {})}
        self._opening = asyncio.Lock()
        self._pool: asyncpg.Pool | None = None
        self._closed = False

    @property
    def url(self) -> str:
        """For another process that connects by itself; it may hold a password."""
        return self._url

    @property
    def timeout(self) -> float:
        """How long, in seconds, a call waits for PostgreSQL."""
        return self._timeout

    def sibling(
        self, application_name: str, size: int, settings: Mapping[str, str] | None = None
    ) -> DatabasePool:
        """Another pool on the same database, to be closed on its own."""
        return DatabasePool(
            self._url,
            size=size,
            timeout=self._timeout,
            application_name=application_name,
            settings=settings,
        )

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[asyncpg.Connection]:
        """A connection of the pool for the block. Raises StoreUnavailable where there is none to be had in
        time, and where it is lost or times out inside the block; StoreForbidden where the role that is signed in may
        not do what the block does.

        Session state (settings, session locks, LISTEN) is not taken back: for that there is `connect`.
        """
        pool = await self._opened()
        with self._connecting():
            borrowed = await pool.acquire(timeout=self._timeout)
        connection = cast("asyncpg.Connection", borrowed)
        try:
            yield connection
        except Exception as error:
            if is_unavailable(error, closed=_lost(connection)):
                # Nobody is to wait until a server that does not answer has cancelled the statement.
                if not _lost(connection):
                    connection.terminate()
                raise store_unavailable(error) from error
            if isinstance(error, asyncpg.InsufficientPrivilegeError):
                raise StoreForbidden(str(error)) from error
            raise
        finally:
            # A connection that cannot be given back is ended by the pool; the caller's work is done.
            with contextlib.suppress(asyncpg.PostgresError, asyncpg.InterfaceError, OSError):
                await pool.release(borrowed, timeout=_LONGEST_RELEASE)

    async def connect(
        self, application_name: str, settings: Mapping[str, str] | None = None
    ) -> asyncpg.Connection:
        """A connection of its own, for LISTEN, session locks and special settings; raises StoreUnavailable.

        Its statements have no time limit of their own.
        """
        with self._connecting():
            return await asyncpg.connect(
                self._url,
                timeout=self._timeout,
                server_settings={**self._settings, "application_name": application_name, **(settings or {})},
            )

    async def close(self) -> None:
        """Closes the pool; connections that are not given back in time are ended."""
        self._closed = True
        pool, self._pool = self._pool, None
        if pool is None:
            return
        try:
            await asyncio.wait_for(pool.close(), self._timeout)
        except (TimeoutError, OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
            pool.terminate()

    async def _opened(self) -> asyncpg.Pool:
        if self._pool is None:
            async with self._opening:
                if self._closed:
                    raise StoreUnavailable("this process is stopping")
                if self._pool is None:
                    # No connection is made here, so that this works while the server is away.
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
        """Turns whatever a server may answer to a new connection into StoreUnavailable. A URL that cannot be
        understood stays an error of its own."""
        try:
            yield
        except asyncpg.exceptions.ClientConfigurationError:
            raise
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError) as error:
            why = tls_problem(error, self._url) or describe_failed_connection(error, self._url)
            raise StoreUnavailable(why) from error


def _lost(connection: asyncpg.Connection) -> bool:
    try:
        return connection.is_closed()
    except asyncpg.InterfaceError:
        # The pool takes a connection back by itself when the server ends it; then it answers nothing more.
        return True


async def _no_reset(_: Any) -> None:
    """The driver rolls back what is open before it calls this. Its own reset of session state would be a
    round trip after each use."""
