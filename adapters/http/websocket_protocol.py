"""uvicorn's websockets behind limits."""

from __future__ import annotations

from asyncio.transports import BaseTransport

from uvicorn._types import ASGIReceiveEvent, ASGISendEvent
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import Frame

from adapters.http.connections import NEVER, LimitedConnection
from adapters.http.limit_problems import WEBSOCKET, count_closed
from adapters.http.receive_buffer import PIECE, NextStep, ReceiveBuffer

MAX_FRAGMENTS = 1000
"""Frames of one message; browsers send one or a few."""


class LimitedWebSocketProtocol(LimitedConnection, WebSocketsSansIOProtocol):
    """One websocket. It parses a few frames in a turn. It parses none before the handshake is answered, and none
    while the caller leaves sent frames unread: so pings cannot fill the memory with pongs."""

    def connection_made(self, transport: BaseTransport) -> None:
        super().connection_made(transport)
        self._buffer = ReceiveBuffer(self.loop, self.transport, self._take)
        self.deadline = self.loop.time() + self._settings.http_headers_timeout
        self._open_connections.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._open_connections.remove(self)
        super().connection_lost(exc)
        self._buffer.close()

    def data_received(self, data: bytes) -> None:
        self._buffer.feed(data)

    def _take(self) -> NextStep:
        received = self._buffer.received
        size = PIECE
        if not self.handshake_initiated:
            size = len(received)  # the request, which the HTTP protocol has checked
        elif not self.handshake_complete or self.read_paused or not self.writable.is_set():
            return NextStep.WAIT
        piece = bytes(received[:size])
        del received[:size]
        super().data_received(piece)
        if self.conn.handshake_exc is not None and not self.transport.is_closing():
            self._problems.malformed.count()
            self.transport.write(self._problems.malformed.response())
            self.transport.close()
        return NextStep.TAKE

    def handle_cont(self, event: Frame) -> None:
        super().handle_cont(event)
        if len(self.frames) > MAX_FRAGMENTS:
            self.expire()

    async def receive(self) -> ASGIReceiveEvent:
        message = await self.queue.get()
        if self.read_paused and self.queue.empty():
            self.read_paused = False
            self._buffer.resume_reading()
            self._buffer.wake()
        return message

    async def send(self, message: ASGISendEvent) -> None:
        await super().send(message)
        if self.handshake_complete:
            self.deadline = NEVER
        self._buffer.wake()

    def resume_writing(self) -> None:
        super().resume_writing()
        self._buffer.wake()

    def expire(self) -> None:
        count_closed(WEBSOCKET)
        self.transport.abort()
