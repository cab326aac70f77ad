"""The open connections of one server: how many there are, which may be closed to make room, and which are late."""

from __future__ import annotations

import asyncio
from collections import Counter
from enum import Enum
from math import inf
from typing import Protocol

from adapters.http.limits import HttpLimits

NEVER = inf


class Connection(Protocol):
    """A connection as this module sees it."""

    @property
    def address(self) -> str: ...

    @property
    def deadline(self) -> float:
        """When it has waited long enough, by the loop's clock."""

    @property
    def is_closing(self) -> bool:
        """Whether it ends once what is to be sent is out."""

    def end_by(self, due: float) -> None:
        """Sets the deadline."""

    def expire(self) -> None:
        """Called once the deadline has passed; sets the next one or closes."""

    def make_room(self) -> None:
        """Closes; called while no request is under way."""


class Admission(Enum):
    ADMITTED = "admitted"
    FULL = "full"
    CLIENT_FULL = "client full"


class Connections:
    """Holds every open connection. One timer looks after the deadlines of all of them."""

    def __init__(self, limits: HttpLimits) -> None:
        self._limits = limits
        self._open: set[Connection] = set()
        self._of_client: Counter[str] = Counter()
        # Both in the order in which they began to wait. A connection that never brought a request goes first.
        self._unproven: dict[Connection, None] = {}
        self._idle: dict[Connection, None] = {}
        self._sweeping: asyncio.TimerHandle | None = None
        shortest = min(limits.headers_timeout, limits.body_timeout, limits.idle_timeout, limits.send_timeout)
        self._period = min(1.0, shortest / 4)

    def __len__(self) -> int:
        return len(self._open)

    def admit(self, connection: Connection) -> Admission:
        """Takes the connection in, whatever the result is: a refused one is open until it has its answer."""
        address = connection.address
        full = len(self._open) >= self._limits.connections and not self._make_room()
        most = self._limits.connections_per_client
        crowded = most is not None and self._of_client[address] >= most
        self.add(connection)
        if full or crowded:
            return Admission.FULL if full else Admission.CLIENT_FULL
        self._unproven[connection] = None
        return Admission.ADMITTED

    def add(self, connection: Connection) -> None:
        """Takes in what goes on from an admitted connection, such as a websocket."""
        self._open.add(connection)
        self._of_client[connection.address] += 1
        if self._sweeping is None:
            self._sweep_later()

    def remove(self, connection: Connection) -> None:
        if connection not in self._open:
            return
        self._open.remove(connection)
        self.busy(connection)
        address = connection.address
        self._of_client[address] -= 1
        if not self._of_client[address]:
            del self._of_client[address]

    def busy(self, connection: Connection) -> None:
        """Says that a request is under way."""
        self._unproven.pop(connection, None)
        self._idle.pop(connection, None)

    def idle(self, connection: Connection) -> None:
        """Says that the connection waits for its next request."""
        self._idle[connection] = None

    def _make_room(self) -> bool:
        for waiting in (self._unproven, self._idle):
            if waiting:
                oldest = next(iter(waiting))
                self.remove(oldest)
                oldest.make_room()
                return True
        return False

    def _sweep_later(self) -> None:
        self._sweeping = asyncio.get_running_loop().call_later(self._period, self._sweep)

    def _sweep(self) -> None:
        now = asyncio.get_running_loop().time()
        for each in tuple(self._open):
            deadline = each.deadline
            if deadline <= now:
                each.expire()
            elif deadline == NEVER and each.is_closing:
                # What is left to be sent may be small, and nobody may take it.
                each.end_by(now + self._limits.send_timeout)
        if self._open:
            self._sweep_later()
        else:
            self._sweeping = None
