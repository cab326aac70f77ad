"""Applications on a port of the loopback, behind the limits, and callers that write bytes."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route, WebSocketRoute
from starlette.types import ASGIApp
from starlette.websockets import WebSocket, WebSocketDisconnect

from adapters.http.server import serve_in_background
from adapters.settings import Settings

T = TypeVar("T")

PATIENCE = float(os.environ.get("CHECKOUT_TEST_PATIENCE", "60"))
"""Seconds that a test waits for what must come; a busy machine takes its time."""

LIMITS = Settings.model_construct()
"""The defaults."""


def limited(**limits: object) -> Settings:
    """The defaults, except these."""
    return LIMITS.model_copy(update={f"http_{name}": limit for name, limit in limits.items()})


HURRIED = limited(headers_timeout=0.2, body_timeout=0.2, idle_timeout=0.2, send_timeout=0.2)


async def _echo(request: Request) -> Response:
    try:
        body = await request.body()
    except ClientDisconnect:
        return Response()
    return JSONResponse({"bytes": len(body), "headers": len(request.headers.raw), "path": request.url.path})


async def _early(_: Request) -> Response:
    """Answers before it has read anything."""
    return PlainTextResponse("no", 401)


async def _large(_: Request) -> Response:
    async def parts() -> AsyncIterator[bytes]:
        for _ in range(1000):
            yield b"x" * 65536

    return StreamingResponse(parts())


async def _socket(websocket: WebSocket) -> None:
    await websocket.accept()
    try:
        while True:
            await websocket.send_text(str(len(await websocket.receive_text())))
    except WebSocketDisconnect:
        pass


ECHO = Starlette(
    routes=[
        Route("/early", _early, methods=["POST"]),
        Route("/large", _large),
        WebSocketRoute("/socket", _socket),
        Route("/{path:path}", _echo, methods=["GET", "POST", "PUT"]),
    ]
)


async def soon(expected: Awaitable[T]) -> T:
    """What must come; its absence is what a test finds."""
    try:
        return await asyncio.wait_for(expected, PATIENCE)
    except TimeoutError:
        raise AssertionError(f"it did not come within {PATIENCE:g} s") from None


@dataclass(slots=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def code(self) -> str:
        """Of a problem document."""
        assert self.headers["content-type"] == "application/problem+json"
        code: str = self.json()["code"]
        return code

    def json(self) -> Any:
        return json.loads(self.body)


class Wire:
    """One connection, whose bytes the test chooses."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def send(self, data: bytes) -> None:
        """Sends as much as the server takes."""
        try:
            self.writer.write(data)
            await asyncio.wait_for(self.writer.drain(), PATIENCE)
        except ConnectionError:
            pass

    async def answer(self) -> Answer:
        head = await soon(self.reader.readuntil(b"\r\n\r\n"))
        status, *lines = head.decode().splitlines()
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines if line)}
        body = await soon(self.reader.readexactly(int(headers.get("content-length", "0"))))
        return Answer(int(status.split()[1]), headers, body)

    async def closed(self) -> bytes:
        """What still came before the server closed the connection."""
        try:
            return await soon(self.reader.read(-1))
        except ConnectionError:
            return b""


@asynccontextmanager
async def wire(port: int) -> AsyncIterator[Wire]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        yield Wire(reader, writer)
    finally:
        writer.transport.abort()


@asynccontextmanager
async def echoing(
    settings: Settings = LIMITS, application: ASGIApp = ECHO, *, websockets: bool = False
) -> AsyncIterator[int]:
    """The port of a server; it answers requests with what it got."""
    async with serve_in_background(application, settings, 0, "echo", websockets=websockets) as port:
        yield port
