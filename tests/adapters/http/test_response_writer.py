"""A head and the begin of its body leave in one piece; nothing waits longer than a turn of the event loop."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
from starlette.types import Receive, Scope, Send

from adapters.http.server import serve_in_background
from tests.adapters.http.echo_server import LIMITS


class StreamingApplication:
    """Sends a head, and its body once it is told to."""

    def __init__(self) -> None:
        self.go_on = asyncio.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        status = 304 if scope["path"] == "/unchanged" else 200
        await send({"type": "http.response.start", "status": status, "headers": [(b"x-name", b"head")]})
        if scope["path"] == "/late":
            await self.go_on.wait()
        for part in (b"HTTP/1.1 is no head here", b", nor there") if status == 200 else ():
            await send({"type": "http.response.body", "body": part, "more_body": True})
        await send({"type": "http.response.body", "body": b""})


@asynccontextmanager
async def serving(application: StreamingApplication) -> AsyncIterator[httpx.AsyncClient]:
    async with (
        serve_in_background(application, LIMITS, 0, "pages") as port,
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=30) as client,
    ):
        yield client


async def test_a_head_does_not_wait_for_a_body_that_comes_late() -> None:
    application = StreamingApplication()
    async with serving(application) as client, client.stream("GET", "/late") as response:
        assert (response.status_code, response.headers["x-name"]) == (200, "head")
        application.go_on.set()
        assert (await response.aread()).decode() == "HTTP/1.1 is no head here, nor there"


async def test_responses_without_a_body_and_of_several_parts_arrive_whole_on_one_connection() -> None:
    async with serving(StreamingApplication()) as client:
        for _ in range(2):
            whole = await client.get("/")
            assert whole.text == "HTTP/1.1 is no head here, nor there"
            assert (await client.head("/")).headers["x-name"] == "head"
            assert (await client.get("/unchanged")).status_code == 304


async def test_head_and_body_leave_in_one_piece() -> None:
    async with serve_in_background(StreamingApplication(), LIMITS, 0, "pages") as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n")
        first = await reader.read(65536)
        writer.close()
    assert b"x-name: head" in first
    assert b"is no head here" in first
