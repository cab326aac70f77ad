"""A head and the begin of its body leave in one piece; nothing waits longer than a turn of the event loop."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

import httpx
from starlette.types import Receive, Scope, Send

from adapters.http.response_writer import WHOLE_RESPONSE, ResponseWriter
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


class RecordingTransport(asyncio.Transport):
    """Notes what is written, call by call."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[list[bytes]] = []

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.calls.append([bytes(data)])

    def writelines(self, list_of_data: Iterable[bytes | bytearray | memoryview]) -> None:
        self.calls.append([bytes(each) for each in list_of_data])

    def is_closing(self) -> bool:
        return False


async def test_head_and_body_leave_in_one_call() -> None:
    transport = RecordingTransport()
    writer = ResponseWriter(asyncio.get_running_loop(), transport)
    head = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n"
    writer.write(head)
    writer.write(b"{}")
    await asyncio.sleep(0)
    assert transport.calls == [[head, b"{}"]]


async def test_a_head_without_a_body_leaves_in_the_same_turn() -> None:
    transport = RecordingTransport()
    writer = ResponseWriter(asyncio.get_running_loop(), transport)
    writer.write(b"HTTP/1.1 304 Not Modified\r\n\r\n")
    assert transport.calls == []
    await asyncio.sleep(0)
    assert transport.calls == [[b"HTTP/1.1 304 Not Modified\r\n\r\n"]]


async def either_way(scope: Scope, receive: Receive, send: Send) -> None:
    """Sends the same response in two messages or in one piece."""
    if scope["type"] != "http":
        return
    body = b"{}" if scope["path"] != "/large" else b"x" * 3_000_000
    lines = {b"x-name": b"head", b"content-length": b"%d" % len(body)}
    if scope["query_string"] == b"whole":
        head = b"".join([b"%b: %b\r\n" % line for line in lines.items()])
        await scope["extensions"][WHOLE_RESPONSE](200, head, body)
    else:
        await send({"type": "http.response.start", "status": 200, "headers": [*lines.items()]})
        await send({"type": "http.response.body", "body": body})


async def exchanged(port: int, request: bytes) -> bytes:
    """All bytes that come back until the server closes, without the date, which may change meanwhile."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request)
    received = await asyncio.wait_for(reader.read(), 30)
    writer.close()
    return b"\r\n".join(line for line in received.split(b"\r\n") if not line.startswith(b"date: "))


async def test_a_response_in_one_piece_reads_as_one_of_two_messages() -> None:
    last = b" HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n"
    async with serve_in_background(either_way, LIMITS, 0, "pages") as port:
        for requests in (
            b"GET /?%b" + last,
            b"HEAD /?%b" + last,
            b"GET /large?%b" + last,
            b"GET /?%b HTTP/1.0\r\n\r\n",
            b"GET /large?%b HTTP/1.1\r\nhost: h\r\n\r\nPOST /?%b HTTP/1.1\r\nhost: h\r\ncontent-length: 2\r\n\r\n{}HEAD /?%b"
            + last,
        ):
            ways = [await exchanged(port, requests.replace(b"%b", way)) for way in (b"whole", b"messages")]
            assert ways[0] == ways[1]
            assert ways[0].startswith(b"HTTP/1.1 200 OK\r\nx-name: head\r\ncontent-length: ")
