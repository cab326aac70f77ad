"""What a caller may send before anything is known of it."""

from __future__ import annotations

import asyncio

import pytest

from adapters.settings import Settings
from tests.adapters.http.echo_server import HURRIED, Wire, echoing, limited, wire

GET = b"GET /a HTTP/1.1\r\nHost: a\r\n\r\n"
POST = b"POST /a HTTP/1.1\r\nHost: a\r\n"
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"

REFUSED = {
    "a header that is too large": (b"GET / HTTP/1.1\r\nA: " + b"a" * 20_000 + b"\r\n\r\n", 431, "headers_too_large"),
    "a header without an end": (b"GET / HTTP/1.1\r\nA: " + b"a" * 20_000, 431, "headers_too_large"),
    "a header's name without an end": (b"GET / HTTP/1.1\r\n" + b"a" * 20_000, 431, "headers_too_large"),
    "too many headers": (b"GET / HTTP/1.1\r\n" + b"a:\r\n" * 101 + b"\r\n", 431, "headers_too_large"),
    "a megabyte of headers": (b"GET / HTTP/1.1\r\n" + b"a:\r\n" * 250_000 + b"\r\n", 431, "headers_too_large"),
    "cookies without end": (b"GET / HTTP/1.1\r\n" + b"Cookie: a=b\r\n" * 5_000, 431, "headers_too_large"),
    "a URL that is too long": (b"GET /" + b"a" * 8_000 + b" HTTP/1.1\r\n\r\n", 414, "uri_too_long"),
    "a request line without an end": (b"GET /" + b"a" * 9_000, 414, "uri_too_long"),
    "a method without an end": (b"G" * 9_000, 414, "uri_too_long"),
    "a body that is announced too large": (POST + b"Content-Length: 262145\r\n\r\n", 413, "body_too_large"),
    "a length that no number holds": (POST + b"Content-Length: " + b"9" * 99 + b"\r\n\r\n", 400, "malformed_request"),
    "two lengths": (POST + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\n", 400, "malformed_request"),
    "a length and chunks": (POST + b"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", 400, "malformed_request"),
    "chunks that are too many": (CHUNKED + b"1\r\na\r\n" * 270_000, 413, "body_too_large"),
    "an endless chunk extension": (CHUNKED + b"1;" + b"x" * 40_000, 400, "malformed_request"),
    "an endless trailer": (CHUNKED + b"1\r\na\r\n0\r\nA: " + b"x" * 40_000, 400, "malformed_request"),
    "trailers without end": (CHUNKED + b"1\r\na\r\n0\r\n" + b"a: b\r\n" * 9_000, 400, "malformed_request"),
    "no HTTP": (b"\x16\x03\x01\x02\x00\x01\r\n\r\n", 400, "malformed_request"),
    "HTTP/2": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400, "malformed_request"),
    "lines that end without a carriage return": (b"GET / HTTP/1.1\nHost: a\n\n", 400, "malformed_request"),
    "a tunnel": (b"CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n", 400, "malformed_request"),
    "a folded header": (b"GET / HTTP/1.1\r\nA: b\r\n c\r\n\r\n", 400, "malformed_request"),
}  # fmt: skip


@pytest.mark.parametrize("what", REFUSED)
async def test_a_request_beyond_a_limit_gets_a_problem_document_and_the_connection_closes(
    what: str,
) -> None:
    sent, status, code = REFUSED[what]
    async with echoing() as port, wire(port) as caller:
        await caller.send(sent)
        answer = await caller.answer()
        assert (answer.status, answer.code) == (status, code)
        assert answer.headers["connection"] == "close"
        assert await caller.closed() == b""


@pytest.mark.parametrize("size", [1, 7, 4096])
@pytest.mark.parametrize(
    ("request_", "told"),
    [
        (GET, {"bytes": 0, "headers": 1, "path": "/a"}),
        (b"\r\n\r\n" + GET, {"bytes": 0, "headers": 1, "path": "/a"}),
        (POST + b"Content-Length: 5\r\n\r\nhello", {"bytes": 5, "headers": 2, "path": "/a"}),
        (CHUNKED + b"2;a=b\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n", {"bytes": 5, "headers": 2, "path": "/a"}),
        (CHUNKED + b"5\r\nhello\r\n0\r\nAuthorization: x\r\n\r\n", {"bytes": 5, "headers": 2, "path": "/a"}),
        (
            b"GET /" + b"a" * 7_999 + b" HTTP/1.1\r\n\r\n",
            {"bytes": 0, "headers": 0, "path": "/" + "a" * 7_999},
        ),
        (b"GET /a HTTP/1.1\r\n" + b"a:\r\n" * 100 + b"\r\n", {"bytes": 0, "headers": 100, "path": "/a"}),
    ],
)
async def test_a_request_within_the_limits_is_served_however_it_is_split(
    request_: bytes, told: dict[str, object], size: int
) -> None:
    async with echoing() as port, wire(port) as caller:
        for _ in range(2):  # the connection goes on
            for at in range(0, len(request_), size):
                await caller.send(request_[at : at + size])
            answer = await caller.answer()
            assert (answer.status, answer.json()) == (200, told)


async def test_a_body_of_the_largest_size_is_served_in_any_framing() -> None:
    async with echoing() as port, wire(port) as caller:
        await caller.send(POST + b"Content-Length: 262144\r\n\r\n" + b"x" * 262_144)
        assert (await caller.answer()).json()["bytes"] == 262_144
        await caller.send(CHUNKED + b"1\r\nx\r\n" * 262_144 + b"0\r\n\r\n")
        assert (await caller.answer()).json()["bytes"] == 262_144


async def test_pipelined_requests_are_answered_one_after_the_other() -> None:
    async with echoing() as port, wire(port) as caller:
        count = 2_000
        sending = asyncio.ensure_future(caller.send(b"".join(b"GET /%d HTTP/1.1\r\n\r\n" % at for at in range(count))))
        assert [(await caller.answer()).json()["path"] for _ in range(count)] == [f"/{at}" for at in range(count)]
        await sending


async def test_a_request_in_one_piece_with_a_chunked_body_is_kept_apart_from_it() -> None:
    async with echoing() as port, wire(port) as caller:
        await caller.send(CHUNKED + b"1\r\na\r\n0\r\n\r\nGET /other HTTP/1.1\r\n\r\n")
        answer = await caller.answer()
        assert answer.json() == {"bytes": 1, "headers": 2, "path": "/a"}
        assert answer.headers.get("connection") == "close"
        assert await caller.closed() == b""


async def test_an_unread_body_is_drained_up_to_the_limit() -> None:
    async with echoing() as port, wire(port) as caller:
        await caller.send(b"POST /early HTTP/1.1\r\nContent-Length: 100000\r\n\r\n" + b"x" * 100_000 + GET)
        assert [(await caller.answer()).status for _ in range(2)] == [401, 200]
    async with echoing() as port, wire(port) as caller:
        await caller.send(b"POST /early HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n")
        assert (await caller.answer()).status == 401
        await caller.send(b"4000\r\n" + b"x" * 16384 + b"\r\n" + b"4000\r\n" + b"x" * 1_000_000)
        assert await caller.closed() == b""


async def test_an_early_response_does_not_wait_for_a_body_that_expects_100_continue() -> None:
    async with echoing() as port, wire(port) as caller:
        await caller.send(b"POST /early HTTP/1.1\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n")
        assert (await caller.answer()).status == 401
        assert await caller.closed() == b""


async def test_a_body_is_read_after_100_continue() -> None:
    async with echoing() as port, wire(port) as caller:
        await caller.send(POST + b"Content-Length: 5\r\nExpect: 100-continue\r\n\r\n")
        assert (await caller.answer()).status == 100
        await caller.send(b"hello")
        assert (await caller.answer()).json()["bytes"] == 5


LATE = {
    "a connection that sends nothing": (b"", None),
    "half a request line": (b"GE", "request_timeout"),
    "half a head": (b"GET / HTTP/1.1\r\nHost: a\r\n", "request_timeout"),
    "half a handshake": (
        b"GET /socket HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n",
        "request_timeout",
    ),
    "blank lines": (b"\r\n\r\n", None),
    "half a body": (POST + b"Content-Length: 5\r\n\r\nhe", "request_timeout"),
    "half a chunk": (CHUNKED + b"5\r\nhe", "request_timeout"),
    "half a trailer": (CHUNKED + b"1\r\na\r\n0\r\nA", "request_timeout"),
}


@pytest.mark.parametrize("what", LATE)
async def test_an_incomplete_request_times_out(what: str) -> None:
    sent, code = LATE[what]
    async with echoing(HURRIED, websockets=True) as port, wire(port) as caller:
        await caller.send(sent)
        if code is not None:
            answer = await caller.answer()
            assert (answer.status, answer.code) == (408, code)
        assert await caller.closed() == b""


@pytest.mark.parametrize("part", [b"GET / HTTP/1.1\r\n", POST + b"Content-Length: 9999\r\n\r\n", CHUNKED])
async def test_a_slow_trickle_does_not_extend_the_timeout(part: bytes) -> None:
    async with echoing(HURRIED) as port, wire(port) as caller:
        await caller.send(part)

        async def trickle() -> None:
            while True:
                await caller.send(b"1")
                await asyncio.sleep(0.02)

        trickling = asyncio.ensure_future(trickle())
        try:
            await caller.closed()  # it ends at all
        finally:
            trickling.cancel()


async def test_an_idle_connection_is_closed() -> None:
    async with echoing(HURRIED) as port, wire(port) as caller:
        await caller.send(GET)
        assert (await caller.answer()).status == 200
        assert await caller.closed() == b""


async def test_a_connection_with_an_unread_response_is_closed() -> None:
    async with echoing(HURRIED) as port, wire(port) as caller:
        caller.writer.transport.pause_reading()  # type: ignore[attr-defined]  # every transport of a socket has it
        await caller.send(b"GET /large HTTP/1.1\r\n\r\n")
        ended = asyncio.Event()

        async def until_reset() -> None:
            while not caller.writer.is_closing():
                await caller.send(b" ")
                await asyncio.sleep(0.05)
            ended.set()

        await asyncio.wait_for(until_reset(), 60)
        assert ended.is_set()


async def opened(port: int) -> Wire:
    return Wire(*await asyncio.open_connection("127.0.0.1", port))


async def used(port: int) -> Wire:
    """A connection that brought a request."""
    caller = await opened(port)
    await caller.send(GET)
    assert (await caller.answer()).status == 200
    return caller


async def test_a_new_connection_replaces_the_one_that_is_idle_for_longest() -> None:
    few = limited(max_connections=3, headers_timeout=600.0, idle_timeout=600.0)  # no deadline closes any
    async with echoing(few) as port:
        proven, silent = await used(port), await opened(port)
        other = await used(port)
        newcomer = await used(port)
        assert await silent.closed() == b""  # it never asked for anything
        for each in (proven, other, newcomer):
            await each.send(GET)
            assert (await each.answer()).status == 200


@pytest.mark.parametrize("limits", [limited(max_connections=2), limited(max_connections_per_client=2)])
async def test_a_new_connection_is_told_to_retry_when_all_are_in_use(limits: Settings) -> None:
    async with echoing(limits) as port:
        at_work = [await opened(port) for _ in range(2)]
        for each in at_work:
            await each.send(POST + b"Content-Length: 1\r\n\r\n")
            await each.send(b"")
        while True:  # until the server has seen both
            newcomer = await opened(port)
            await newcomer.send(GET)
            answer = await newcomer.answer()
            if answer.status == 503:
                break
        assert answer.code == "too_many_connections"
        assert int(answer.headers["retry-after"]) >= 1
        for each in at_work:
            await each.send(b"x")
            assert (await each.answer()).status == 200
