"""What a caller may do with a websocket, and with one half opened."""

from __future__ import annotations

import asyncio
import struct

import pytest

from tests.adapters.http.echo_server import HURRIED, LIMITS, PATIENCE, Wire, echoing, limited, wire

HANDSHAKE = (
    b"GET /socket HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
)
TEXT, CONTINUED, CLOSE, PING, PONG = 0x81, 0x00, 0x88, 0x89, 0x8A


def frame(kind: int, payload: bytes = b"") -> bytes:
    """Masked by zeros, as a caller may."""
    size = len(payload)
    length = bytes((0x80 | size,)) if size < 126 else bytes((0x80 | 127,)) + struct.pack("!Q", size)
    return bytes((kind,)) + length + bytes(4) + payload


async def opened(caller: Wire, more: bytes = b"") -> None:
    await caller.send(HANDSHAKE + more + b"\r\n")
    answer = await asyncio.wait_for(caller.reader.readuntil(b"\r\n\r\n"), PATIENCE)
    assert answer.startswith(b"HTTP/1.1 101 ")


async def received(caller: Wire) -> tuple[int, bytes]:
    kind, size = await asyncio.wait_for(caller.reader.readexactly(2), PATIENCE)
    if size == 126:
        (size,) = struct.unpack("!H", await caller.reader.readexactly(2))
    return kind, await asyncio.wait_for(caller.reader.readexactly(size), PATIENCE)


async def test_many_messages_at_once_arrive_in_order() -> None:
    async with echoing(websockets=True) as port, wire(port) as caller:
        await opened(caller)
        count = 3_000
        messages = b"".join(frame(TEXT, b"x" * (at % 100)) for at in range(count))
        sending = asyncio.ensure_future(caller.send(messages))
        assert [await received(caller) for _ in range(count)] == [(TEXT, str(at % 100).encode()) for at in range(count)]
        await sending


async def test_pings_are_answered_and_delay_no_message() -> None:
    async with echoing(websockets=True) as port, wire(port) as caller:
        await opened(caller)
        sending = asyncio.ensure_future(caller.send(frame(PING, b"a") * 5_000 + frame(TEXT, b"hello")))
        assert [await received(caller) for _ in range(5_000)] == [(PONG, b"a")] * 5_000
        assert await received(caller) == (TEXT, b"5")
        await sending


async def test_a_message_may_be_as_large_as_a_body_and_no_larger() -> None:
    async with echoing(websockets=True) as port, wire(port) as caller:
        await opened(caller)
        await caller.send(frame(TEXT, b"x" * LIMITS.max_body_bytes))
        assert await received(caller) == (TEXT, str(LIMITS.max_body_bytes).encode())
        await caller.send(frame(TEXT, b"x" * (LIMITS.max_body_bytes + 1)))
        ended = await caller.closed()
        # It says why, unless the reset of what it did not read overtakes it.
        assert ended == b"" or (ended[0], ended[2:4]) == (CLOSE, struct.pack("!H", 1009))


async def test_a_message_with_too_many_fragments_closes_the_connection() -> None:
    async with echoing(websockets=True) as port, wire(port) as caller:
        await opened(caller)
        await caller.send(frame(0x01, b"x") + frame(CONTINUED, b"x") * 1_001)
        assert await caller.closed() == b""


async def test_unread_pongs_close_the_connection_and_fill_no_memory() -> None:
    async with echoing(HURRIED, websockets=True) as port, wire(port) as caller:
        await opened(caller)
        caller.writer.transport.pause_reading()  # type: ignore[attr-defined]  # every transport of a socket has it

        async def flood() -> None:
            while not caller.writer.is_closing():
                await caller.send(frame(PING, b"x" * 125) * 1_000)

        await asyncio.wait_for(flood(), PATIENCE)


async def test_frames_before_the_handshake_is_answered_are_refused() -> None:
    async with echoing(websockets=True) as port, wire(port) as caller:
        await caller.send(HANDSHAKE + b"\r\n" + frame(PING) * 3)
        answer = await caller.answer()
        assert (answer.status, answer.code) == (400, "malformed_request")
        assert await caller.closed() == b""


@pytest.mark.parametrize(
    "broken",
    [
        HANDSHAKE.replace(b"Version: 13", b"Version: 1") + b"\r\n",
        HANDSHAKE.replace(b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n", b"") + b"\r\n",
        HANDSHAKE.replace(b"GET", b"POST") + b"\r\n",
        HANDSHAKE + b"A: " + b"x" * 9_000 + b"\r\n\r\n",
    ],
)
async def test_a_broken_handshake_gets_a_response_and_the_connection_closes(broken: bytes) -> None:
    async with echoing(websockets=True) as port, wire(port) as caller:
        await caller.send(broken)
        assert 400 <= (await caller.answer()).status < 500
        await caller.closed()


async def test_a_handshake_is_a_plain_request_without_websockets() -> None:
    async with echoing() as port, wire(port) as caller:
        await caller.send(HANDSHAKE + b"\r\n" + frame(PING))
        answer = await caller.answer()
        assert (answer.status, answer.json()["path"]) == (200, "/socket")
        assert answer.headers["connection"] == "close"
        assert await caller.closed() == b""


async def test_a_websocket_counts_as_a_connection_and_is_never_closed_for_a_new_one() -> None:
    async with echoing(limited(max_connections=1), websockets=True) as port, wire(port) as caller:
        await opened(caller)
        async with wire(port) as newcomer:
            await newcomer.send(b"GET / HTTP/1.1\r\n\r\n")
            assert (await newcomer.answer()).status == 503
        await caller.send(frame(TEXT, b"hello"))
        assert await received(caller) == (TEXT, b"5")
