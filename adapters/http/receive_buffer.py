"""Buffers what a caller sends and parses one piece in a turn of the event loop, so that no caller holds up others."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from enum import Enum

PIECE = 4096
"""Bytes that are parsed in one turn where each may cost work of its own: chunks, websocket frames."""


class NextStep(Enum):
    """What follows a piece."""

    READ = "read more"
    TAKE = "take the next piece in the next turn"
    WAIT = "take nothing until `wake` is called"


class ReceiveBuffer:
    """Holds received bytes until they may be parsed. Meanwhile the socket is not read, so that the buffer never
    holds much more than one read, which is at most 256 KB."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, transport: asyncio.Transport, take: Callable[[], NextStep]
    ) -> None:
        """`take` consumes at most one piece of `received`."""
        self.received = bytearray()
        self._loop = loop
        self._transport = transport
        self._take = take
        self._full = False
        self._paused = False
        self._scheduled = False

    def feed(self, data: bytes) -> None:
        self.received += data
        if self._full:
            self._apply()  # somebody else resumed reading
        elif not self._scheduled:
            self._advance()

    def wake(self) -> None:
        """Continues after WAIT, in the next turn."""
        if not self._scheduled and self.received:
            self._scheduled = True
            self._loop.call_soon(self._advance)

    def discard(self) -> None:
        """Drops what it holds, and reads on."""
        self.received.clear()
        self._set_full(False)

    def close(self) -> None:
        """Drops what it holds, for good, because the connection is gone. A protocol and its buffer know each other: without
        this they would stay until Python searches for circles of objects, which it does rarely."""
        self.received.clear()
        self._take = _nothing

    def pause_reading(self) -> None:
        """As of a transport, for the consumer of the bytes."""
        self._paused = True
        self._apply()

    def resume_reading(self) -> None:
        """As of a transport; the socket is read again once the buffer is empty."""
        self._paused = False
        self._apply()

    def _advance(self) -> None:
        self._scheduled = False
        if self._transport.is_closing():
            self.received.clear()
            return
        step = self._take()
        if step is NextStep.TAKE:
            self.wake()
        self._set_full(step is not NextStep.READ and bool(self.received))

    def _set_full(self, full: bool) -> None:
        if self._full is not full:
            self._full = full
            self._apply()

    def _apply(self) -> None:
        if self._transport.is_closing():
            return
        if self._full or self._paused:
            self._transport.pause_reading()
        else:
            self._transport.resume_reading()


def _nothing() -> NextStep:
    return NextStep.WAIT
