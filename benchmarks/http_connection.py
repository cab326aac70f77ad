"""A kept HTTP/1.1 connection that costs little, so that benchmarks measure servers."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from typing import NamedTuple, cast

_HEAD_END = b"\r\n\r\n"
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)


class HttpAnswer(NamedTuple):
    """The status and the body of an answer."""

    status: int
    body: bytes


class HttpConnection(asyncio.Protocol):
    """One request at a time. Answers must say their length."""

    def __init__(self) -> None:
        self._deliver: Callable[[HttpAnswer | None], None] | None = None
        self._received = b""
        self._transport: asyncio.Transport | None = None

    @classmethod
    async def open(cls, host: str, port: int) -> HttpConnection:
        """Raises OSError."""
        _, connection = await asyncio.get_running_loop().create_connection(cls, host, port)
        return connection

    def send(self, request: bytes, deliver: Callable[[HttpAnswer | None], None]) -> None:
        """Sends a whole request. `deliver` gets the answer, or None where the connection was closed without one."""
        if self._transport is None or self._transport.is_closing():
            deliver(None)
            return
        self._deliver = deliver
        self._transport.write(request)

    async def request(self, request: bytes) -> HttpAnswer:
        """The answer. Raises ConnectionError where the connection was closed without one."""
        future: asyncio.Future[HttpAnswer | None] = asyncio.get_running_loop().create_future()
        self.send(request, lambda answer: None if future.done() else future.set_result(answer))
        answer = await future
        if answer is None:
            raise ConnectionError("the server closed the connection")
        return answer

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is none by type

    def data_received(self, data: bytes) -> None:
        received = self._received + data if self._received else data
        head = received.find(_HEAD_END)
        length = _LENGTH.search(received, 0, head) if head >= 0 else None
        if length is None or len(received) < (end := head + 4 + int(length[1])):
            self._received = received
            return
        self._received = b""
        self._finish(HttpAnswer(int(received[9:12]), received[head + 4 : end]))

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self._finish(None)

    def _finish(self, answer: HttpAnswer | None) -> None:
        deliver, self._deliver = self._deliver, None
        if deliver is not None:
            deliver(answer)
