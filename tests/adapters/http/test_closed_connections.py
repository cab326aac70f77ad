"""A connection that ended takes no memory: Python rarely searches for circles of objects in this service."""

from __future__ import annotations

import pytest

from adapters.http.connections import LimitedConnection
from tests.adapters.http.echo_server import echoing, wire
from tests.adapters.http.test_websockets import HANDSHAKE, TEXT, frame, opened, received
from tests.garbage import living, no_search_for_circles
from tests.servers.waiting import eventually

GET = b"GET /a HTTP/1.1\r\nHost: a\r\n\r\n"
POST = b"POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 200000\r\n\r\n"

SENT = {
    "a whole request": GET,
    "a part of a head": GET[:20],
    "a part of a body": POST + b"x" * 100_000,
    "too much for a head": b"GET / HTTP/1.1\r\nA: " + b"a" * 20_000,
    "what is no HTTP": b"\x16\x03\x01\x02\x00\x01\r\n\r\n",
    "several requests at once": GET * 3,
    "a request whose long answer is not read": b"GET /large HTTP/1.1\r\nHost: a\r\n\r\n",
    "a frame before the handshake's response": HANDSHAKE + b"\r\n" + frame(TEXT, b"hello"),
}


@pytest.mark.parametrize("what", SENT)
async def test_nothing_is_left_of_a_connection_that_ended(what: str) -> None:
    with no_search_for_circles():
        before = living(LimitedConnection)
        async with echoing(websockets=True) as port:
            async with wire(port) as caller:
                await caller.send(SENT[what])
                await eventually(lambda: living(LimitedConnection) > before)
                if what not in {"a part of a head", "a part of a body"}:
                    assert await caller.reader.read(1)
            await eventually(lambda: living(LimitedConnection) == before)


async def test_nothing_is_left_of_a_websocket_that_ended() -> None:
    with no_search_for_circles():
        before = living(LimitedConnection)
        async with echoing(websockets=True) as port:
            async with wire(port) as caller:
                await opened(caller)
                await caller.send(frame(TEXT, b"hello"))
                assert await received(caller) == (TEXT, b"5")
                assert living(LimitedConnection) == before + 1
            await eventually(lambda: living(LimitedConnection) == before)
