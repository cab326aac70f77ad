"""Responses go out in one piece where the server can, and as two messages elsewhere."""

from __future__ import annotations

import pytest
from starlette.types import Message, Scope

from adapters.http.response_writer import WHOLE_RESPONSE
from api.http.request_context import send_response
from domain.ports.event_store import RenderedResponse


class Server:
    """Notes what is sent, in one piece or in messages."""

    def __init__(self) -> None:
        self.pieces: list[tuple[int, bytes, bytes]] = []
        self.messages: list[Message] = []

    async def send(self, message: Message) -> None:
        self.messages.append(message)

    async def send_whole(self, status: int, lines: bytes, body: bytes) -> None:
        self.pieces.append((status, lines, body))

    async def respond(self, response: RenderedResponse, *, whole: bool) -> None:
        scope: Scope = {"type": "http"}
        if whole:
            scope["extensions"] = {WHOLE_RESPONSE: self.send_whole}
        await send_response(scope, self.send, response, "request-1")


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
async def test_a_header_with_a_line_break_is_never_sent(value: str) -> None:
    server = Server()
    with pytest.raises(ValueError, match="line break"):
        await server.respond(RenderedResponse(200, {"x-name": value}, b""), whole=True)
    assert server.pieces == []
