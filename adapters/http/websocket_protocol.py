"""Websockets as uvicorn speaks them, behind limits."""

from __future__ import annotations

import asyncio
from asyncio.transports import BaseTransport
from typing import Any

from uvicorn._types import ASGIReceiveEvent, ASGISendEvent
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from uvicorn.server import ServerState
from websockets.frames import Frame

from adapters.http.connections import NEVER
from adapters.http.limit_problems import (
    MADE_ROOM,
    SEND_TIMEOUT,
    WEBSOCKET,
    count_closed,
)
from adapters.http.receive_buffer import PIECE, NextStep, ReceiveBuffer
from adapters.http.server_config import LimitedConfig

MAX_FRAGMENTS = 1000
"""Frames of one message; browsers send one or a few."""


class LimitedWebSocketProtocol(WebSocketsSansIOProtocol):
    """One websocket. A few frames are heard a turn; none before the handshake is answered, and none while the
    caller leaves unread what it was sent, so that pings cannot fill the memory with pongs."""

    config: LimitedConfig

    def __init__(
        self,
        config: LimitedConfig,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._limits = config.limits
        self._open = config.open_connections
        self._due = self._send_due = NEVER

    @property
    def address(self) -> str:
        return self.client[0] if self.client else ""

    @property
    def deadline(self) -> float:
        return min(self._due, self._send_due)

    @property
    def is_closing(self) -> bool:
        return self.transport.is_closing()

    def end_by(self, due: float) -> None:
        self._due = due

    def connection_made(self, transport: BaseTransport) -> None:
        super().connection_made(transport)
        self._intake = ReceiveBuffer(self.loop, self.transport, self._take)
        self._due = self.loop.time() + self._limits.headers_timeout
        self._open.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._open.remove(self)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        self._intake.feed(data)

    def _take(self) -> NextStep:
        received = self._intake.received
        size = PIECE
        if not self.handshake_initiated:
            size = len(received)  # the request that the HTTP protocol has judged
        elif not self.handshake_complete or self.read_paused or not self.writable.is_set():
            return NextStep.WAIT
        piece = bytes(received[:size])
        del received[:size]
        super().data_received(piece)
        if self.conn.handshake_exc is not None and not self.transport.is_closing():
            self.config.rejections.malformed.count()
            self.transport.write(self.config.rejections.malformed.response())
            self.transport.close()
        return NextStep.TAKE

    def handle_cont(self, event: Frame) -> None:
        super().handle_cont(event)
        if len(self.frames) > MAX_FRAGMENTS:
            count_closed(WEBSOCKET)
            self.transport.abort()

    async def receive(self) -> ASGIReceiveEvent:
        message = await self.queue.get()
        if self.read_paused and self.queue.empty():
            self.read_paused = False
            self._intake.resume_reading()
            self._intake.wake()
        return message

    async def send(self, message: ASGISendEvent) -> None:
        await super().send(message)
        if self.handshake_complete:
            self._due = NEVER
        self._intake.wake()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._send_due = self.loop.time() + self._limits.send_timeout

    def resume_writing(self) -> None:
        super().resume_writing()
        self._send_due = NEVER
        self._intake.wake()

    def expire(self) -> None:
        count_closed(SEND_TIMEOUT if self._send_due <= self.loop.time() else WEBSOCKET)
        self.transport.abort()

    def make_room(self) -> None:
        """Never called: a websocket is in use."""
        count_closed(MADE_ROOM)
        self.transport.abort()
