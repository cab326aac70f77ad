"""Takes in what a caller sends, one piece a turn of the event loop, so that no caller holds up the others."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from enum import Enum

PIECE = 4096
"""So many bytes are parsed in one turn where each may cost work of its own: chunks, websocket frames."""


class NextStep(Enum):
    """What comes after a piece."""

    READ = "read more"
    TAKE = "take the next piece in the next turn"
    WAIT = "take nothing before `wake` is called"


class ReceiveBuffer:
    """Holds received bytes until they may be parsed. While it holds any for a later turn, the socket is not
    read: it never holds much more than one read, which is at most 256 KB."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, transport: asyncio.Transport, take: Callable[[], NextStep]
    ) -> None:
        """`take` consumes at most one piece of `received`."""
        self.received = bytearray()
        self._loop = loop
        self._transport = transport
        self._take = take
        self._deaf = False
        self._paused = False
        self._scheduled = False

    def feed(self, data: bytes) -> None:
        self.received += data
        if self._deaf:
            self._apply()  # somebody else let the socket be read
        elif not self._scheduled:
            self._advance()

    def wake(self) -> None:
        """Goes on after WAIT, in the next turn."""
        if not self._scheduled and self.received:
            self._scheduled = True
            self._loop.call_soon(self._advance)

    def discard(self) -> None:
        """Forgets what it holds, and reads on."""
        self.received.clear()
        self._listen(True)

    def pause_reading(self) -> None:
        """Of the transport, for whoever consumes the bytes."""
        self._paused = True
        self._apply()

    def resume_reading(self) -> None:
        """The other way round; the socket is read again once nothing is held."""
        self._paused = False
        self._apply()

    def _advance(self) -> None:
        self._scheduled = False
        if self._transport.is_closing():
            self.received.clear()
            return
        then = self._take()
        if then is NextStep.TAKE:
            self.wake()
        self._listen(then is NextStep.READ or not self.received)

    def _listen(self, listen: bool) -> None:
        if self._deaf is listen:
            self._deaf = not listen
            self._apply()

    def _apply(self) -> None:
        if self._transport.is_closing():
            return
        if self._deaf or self._paused:
            self._transport.pause_reading()
        else:
            self._transport.resume_reading()
