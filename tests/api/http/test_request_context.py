"""Responses go out in one piece where the server can, and as two messages elsewhere."""

from __future__ import annotations

import json

import pytest
from starlette.types import Message, Receive, Scope

from adapters.http.response_writer import WHOLE_RESPONSE
from api.http.middleware import RequestMiddleware
from api.http.request_context import RequestContext
from api.http.request_metrics import RequestMetrics
from domain.ports.event_store import RenderedResponse
from tests.api.conftest import LogLines


class Server:
    """Sends the response it is told to, and notes what is sent, in one piece or in messages."""

    def __init__(self) -> None:
        self.pieces: list[tuple[int, bytes, bytes]] = []
        self.messages: list[Message] = []

    async def receive(self) -> Message:
        return {"type": "http.request"}

    async def send(self, message: Message) -> None:
        self.messages.append(message)

    async def send_whole(self, status: int, lines: bytes, body: bytes) -> None:
        self.pieces.append((status, lines, body))

    async def respond(self, response: RenderedResponse, *, whole: bool) -> None:
        async def answer(context: RequestContext, scope: Scope, receive: Receive) -> RenderedResponse:
            return response

        async def nothing(scope: Scope, receive: Receive, send: object) -> None:
            pass

        middleware = RequestMiddleware(nothing, lambda: "request-1", RequestMetrics(), lambda _: answer)
        scope: Scope = {"type": "http", "method": "GET", "headers": [(b"x-correlation-id", b"request-1")]}
        if whole:
            scope["extensions"] = {WHOLE_RESPONSE: self.send_whole}
        await middleware(scope, self.receive, self.send)


async def test_both_ways_send_the_same_header_lines_and_body() -> None:
    server = Server()
    for response in (RenderedResponse(200, {"ETag": '"7"'}, b"{}"), RenderedResponse(304, {"ETag": '"7"'}, b"")):
        await server.respond(response, whole=True)
        await server.respond(response, whole=False)
    as_lines = [
        (start["status"], b"".join(b"%b: %b\r\n" % line for line in start["headers"]), body["body"])
        for start, body in zip(server.messages[::2], server.messages[1::2], strict=True)
    ]
    assert as_lines == server.pieces
    assert server.pieces == [
        (200, b'etag: "7"\r\ncontent-length: 2\r\nx-correlation-id: request-1\r\n', b"{}"),
        (304, b'etag: "7"\r\nx-correlation-id: request-1\r\n', b""),
    ]


@pytest.mark.parametrize("value", ["a\r\nset-cookie: b", "a\nb", "a\rb"])
async def test_a_header_with_a_line_break_is_never_sent(value: str, log_lines: LogLines) -> None:
    await expect_a_problem(value, log_lines)


async def test_a_header_that_is_not_latin_is_never_sent(log_lines: LogLines) -> None:
    await expect_a_problem("10 \u20ac", log_lines)


async def expect_a_problem(value: str, log_lines: LogLines) -> None:
    server = Server()
    await server.respond(RenderedResponse(200, {"x-name": value}, b""), whole=True)
    ((status, lines, body),) = server.pieces
    assert status == 500
    assert json.loads(body)["code"] == "internal_error"
    assert b"x-name" not in lines
    assert [line["status"] for line in log_lines() if line["event"] == "request"] == [500]
