"""The open connections of one server: how many there are, which may be closed for a new one, and which are late."""

from __future__ import annotations

import asyncio
from abc import abstractmethod
from collections import Counter
from enum import Enum
from math import inf
from typing import Any

import uvicorn
from uvicorn.server import ServerState

from adapters.http.limit_problems import MADE_ROOM, SEND_TIMEOUT, LimitProblems, count_closed
from adapters.http.request_head import HeadLimits
from adapters.settings import Settings

NEVER = inf


class LimitedConfig(uvicorn.Config):
    """uvicorn's configuration, and what the connections of one server share."""

    def __init__(self, app: Any, settings: Settings, **options: Any) -> None:
        super().__init__(app, **options)
        self.settings = settings
        self.problems = LimitProblems(settings)
        self.head_limits = HeadLimits(settings, self.problems)
        self.open_connections = Connections(settings)


class LimitedConnection(asyncio.Protocol):
    """One connection and its deadlines, in seconds of the loop's clock. It stands before one of uvicorn's protocols
    among the base classes; that one sets `client`, `loop` and `transport`."""

    client: tuple[str, int] | None
    loop: asyncio.AbstractEventLoop
    transport: asyncio.Transport

    def __init__(
        self,
        config: LimitedConfig,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)  # type: ignore[call-arg]  # uvicorn's protocol
        self._settings = config.settings
        self._head_limits = config.head_limits
        self._problems = config.problems
        self._open_connections = config.open_connections
        self.deadline = self.send_deadline = NEVER

    @property
    def address(self) -> str:
        return self.client[0] if self.client else ""

    def pause_writing(self) -> None:
        super().pause_writing()
        self.send_deadline = self.loop.time() + self._settings.http_send_timeout

    def resume_writing(self) -> None:
        super().resume_writing()
        self.send_deadline = NEVER

    @abstractmethod
    def expire(self) -> None:
        """Closes, or sets the next deadline, because the caller sent too little until `deadline`."""

    def make_room(self) -> None:
        """Closes for a new connection. Only called while no request is in progress."""
        count_closed(MADE_ROOM)
        self.transport.abort()


class Admission(Enum):
    ADMITTED = "admitted"
    FULL = "full"
    CLIENT_FULL = "client full"


class Connections:
    """Every open connection of a server. One timer checks all their deadlines."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._open: set[LimitedConnection] = set()
        self._per_client: Counter[str] = Counter()
        # Both in the order in which they began to wait. A connection that never sent a request is closed first.
        self._unproven: dict[LimitedConnection, None] = {}
        self._idle: dict[LimitedConnection, None] = {}
        self._timer: asyncio.TimerHandle | None = None
        shortest = min(
            settings.http_headers_timeout,
            settings.http_body_timeout,
            settings.http_idle_timeout,
            settings.http_send_timeout,
        )
        self._period = min(1.0, shortest / 4)

    def __len__(self) -> int:
        return len(self._open)

    def admit(self, connection: LimitedConnection) -> Admission:
        """Adds the connection, whatever the result is: a refused one stays open until its response is sent."""
        full = len(self._open) >= self._settings.http_max_connections and not self._make_room()
        most = self._settings.http_max_connections_per_client
        client_full = most is not None and self._per_client[connection.address] >= most
        self.add(connection)
        if full or client_full:
            return Admission.FULL if full else Admission.CLIENT_FULL
        self._unproven[connection] = None
        return Admission.ADMITTED

    def add(self, connection: LimitedConnection) -> None:
        """Adds a connection that continues an admitted one, such as a websocket."""
        self._open.add(connection)
        self._per_client[connection.address] += 1
        if self._timer is None:
            self._schedule_check()

    def remove(self, connection: LimitedConnection) -> None:
        if connection not in self._open:
            return
        self._open.remove(connection)
        self.mark_busy(connection)
        address = connection.address
        self._per_client[address] -= 1
        if not self._per_client[address]:
            del self._per_client[address]

    def mark_busy(self, connection: LimitedConnection) -> None:
        """A request is in progress."""
        self._unproven.pop(connection, None)
        self._idle.pop(connection, None)

    def mark_idle(self, connection: LimitedConnection) -> None:
        """The connection waits for its next request."""
        self._idle[connection] = None

    def _make_room(self) -> bool:
        for waiting in (self._unproven, self._idle):
            if waiting:
                oldest = next(iter(waiting))
                self.remove(oldest)
                oldest.make_room()
                return True
        return False

    def _schedule_check(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(self._period, self._check_deadlines)

    def _check_deadlines(self) -> None:
        now = asyncio.get_running_loop().time()
        for each in tuple(self._open):
            if each.send_deadline <= now:
                count_closed(SEND_TIMEOUT)
                each.transport.abort()
            elif each.deadline <= now:
                each.expire()
            elif min(each.deadline, each.send_deadline) == NEVER and each.transport.is_closing():
                # What is left to send may be small, and the caller may never read it.
                each.deadline = now + self._settings.http_send_timeout
        if self._open:
            self._schedule_check()
        else:
            self._timer = None
