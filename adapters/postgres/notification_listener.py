"""Hears PostgreSQL's notifications on a channel."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable

import asyncpg
import structlog
from tenacity import AsyncRetrying, retry_if_exception_type, wait_exponential

from adapters.postgres.pool import DatabasePool
from domain.shared.errors import StoreUnavailable

FIRST_RETRY_SECONDS = 0.1
MAX_RETRY_SECONDS = 5.0
PROBE_SECONDS = 1.0
PROBE_TIMEOUT_SECONDS = 3.0

_log = structlog.get_logger("adapters.postgres.notification_listener")


def _ignore() -> None:
    return


class NotificationListener:
    """Listens to one channel on a connection of its own, until it is closed.

    A lost connection is replaced, and a silent one is probed, because it can die without a word. What was notified
    while there was no connection is not heard: `on_connected` says when to look for it.
    """

    def __init__(
        self,
        database: DatabasePool,
        name: str,
        channel: str,
        on_notification: Callable[[str], None],
        *,
        on_connected: Callable[[], None] = _ignore,
        on_lost: Callable[[], None] = _ignore,
    ) -> None:
        """`name` names the connection to PostgreSQL. `on_lost` may be called more than once for one loss."""
        self._database = database
        self._name = name
        self._channel = channel
        self._on_notification = on_notification
        self._on_connected = on_connected
        self._on_lost = on_lost
        self._task: asyncio.Task[None] | None = None
        self._attempted = asyncio.Event()

    def start(self) -> None:
        """Begins to listen, if it does not yet. PostgreSQL may be away."""
        if self._task is None:
            self._task = asyncio.create_task(self._run(), name=self._name)

    async def listen(self) -> None:
        """Begins to listen, and returns after the first attempt to connect, whether or not it succeeded."""
        self.start()
        await self._attempted.wait()

    async def close(self) -> None:
        """Ends the connection."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _run(self) -> None:
        try:
            while True:
                connection = await self._connect()
                try:
                    await self._hear(connection)
                except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
                    _log.warning("notifications are not heard", channel=self._channel, error=str(error))
                finally:
                    self._on_lost()
                    connection.terminate()
                await asyncio.sleep(FIRST_RETRY_SECONDS)
        finally:
            self._attempted.set()

    async def _connect(self) -> asyncpg.Connection:
        retrying = AsyncRetrying(
            retry=retry_if_exception_type(StoreUnavailable),
            wait=wait_exponential(multiplier=FIRST_RETRY_SECONDS, max=MAX_RETRY_SECONDS),
            after=lambda _: self._attempted.set(),
        )
        return await retrying(self._database.connect, self._name)

    async def _hear(self, connection: asyncpg.Connection) -> None:
        """Returns when the connection is gone; raises what the driver raises."""
        gone = asyncio.Event()

        def lost(_: object) -> None:
            self._on_lost()
            gone.set()

        connection.add_termination_listener(lost)
        async with asyncio.timeout(PROBE_TIMEOUT_SECONDS):
            await connection.add_listener(self._channel, lambda *call: self._on_notification(str(call[-1])))
        self._on_connected()
        self._attempted.set()
        while not gone.is_set():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(gone.wait(), PROBE_SECONDS)
                return
            await connection.execute("SELECT 1", timeout=PROBE_TIMEOUT_SECONDS)
