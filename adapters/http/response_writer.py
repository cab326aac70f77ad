"""Sends a response's head along with its body: a system call costs more than all that is parsed."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

WHOLE_RESPONSE = "checkout.whole_response"
"""The extension in an ASGI scope with which an application sends a response in one piece, instead of two messages.
Only one that nothing surrounds may use it: what surrounds `send` does not see the response."""

SendWhole = Callable[[int, bytes, bytes], Awaitable[None]]
"""Takes the status, the header lines, each with its CRLF, and the body. The body is left out for HEAD."""

_HEAD = b"HTTP/1.1 "
_CONTINUE = b"HTTP/1.1 1"


class ResponseWriter:
    """The transport as responses use it. It holds a head until the body begins, and no longer than this turn of the
    event loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop, transport: asyncio.Transport) -> None:
        self._loop = loop
        self._transport = transport
        self._head = b""

    def write(self, data: bytes) -> None:
        if self._head:
            head, self._head = self._head, b""
            self._transport.writelines((head, data))
        elif data.startswith(_HEAD) and not data.startswith(_CONTINUE):
            self._head = data
            self._loop.call_soon(self.flush)
        else:
            self._transport.write(data)

    def flush(self) -> None:
        """Sends a head that waits."""
        if self._head:
            head, self._head = self._head, b""
            if not self._transport.is_closing():
                self._transport.write(head)

    def close(self) -> None:
        self.flush()
        self._transport.close()

    def is_closing(self) -> bool:
        return self._transport.is_closing()
