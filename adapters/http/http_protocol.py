"""HTTP/1.1 as uvicorn speaks it, behind limits that hold before its parser sees anything."""

from __future__ import annotations

import asyncio
from enum import Enum
from typing import Any

import httptools
from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from adapters.http import request_head
from adapters.http.connections import NEVER, Admission
from adapters.http.limit_problems import (
    MADE_ROOM,
    SEND_TIMEOUT,
    LimitProblem,
    count_closed,
)
from adapters.http.receive_buffer import PIECE, NextStep, ReceiveBuffer
from adapters.http.server_config import LimitedConfig

LINGER = 2.0
"""Seconds in which a refused caller may go on sending, so that no reset overtakes its answer."""
REFUSED_AT_ONCE = 64
"""So many connections beyond the limit are told that there are too many; others are closed without a word."""
FRAMING = 16
"""A chunked body may have so many bytes of framing for each of its own, and as many again as headers may have."""


class Phase(Enum):
    HEAD = "the head of a request is awaited"
    PARSING = "a whole head is parsed"
    BODY = "the body is awaited"
    HANDSHAKE = "a websocket takes over"
    ANSWER = "the request is whole, its answer is not"
    REFUSED = "whatever comes is thrown away"


# Enum's members are looked up slowly, and each request passes through most of them.
HEAD, PARSING, BODY, HANDSHAKE, ANSWER, REFUSED = Phase


class _Stop(Exception):
    """Stops the parser."""


class LimitedHttpProtocol(HttpToolsProtocol):
    """One connection. The parser is given one whole head, then its body, and the next head once the answer is
    out: a caller who sends many requests at once has them answered one after the other."""

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
        self._rejections = config.rejections
        self._open = config.open_connections
        self._head_limits = config.head_limits
        self._phase = HEAD
        self._due = self._send_due = NEVER
        self._searched = 0
        """So much of the head was searched for its end."""
        self._body_left: int | None = 0
        """None: the body is chunked."""
        self._body_bytes = self._framing_bytes = 0
        self._stopped_by: LimitProblem | None = None

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

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._intake = ReceiveBuffer(self.loop, transport, self._take)
        self.flow = FlowControl(self._intake)  # type: ignore[arg-type]  # it only pauses and resumes
        self._due = self.loop.time() + self._limits.headers_timeout
        admission = self._open.admit(self)
        if admission is Admission.ADMITTED:
            return
        full = admission is Admission.FULL
        self._refuse(self._rejections.connections if full else self._rejections.connections_per_client)
        if len(self._open) > self._limits.connections + REFUSED_AT_ONCE:
            transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        self._open.remove(self)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._phase is REFUSED:
            return
        if self._phase is HEAD and not self._intake.received:
            # Nearly always a whole head comes at once, and often nothing else.
            end = data.find(request_head.END)
            size = end + len(request_head.END)
            if end > 0 and self._head_limits.keeps(data, size):
                rest = data[size:]
                self._parse_head(data[:size], then=rest)
                if not rest or self._phase is REFUSED:
                    return
                data = rest
        self._intake.feed(data)

    # What was received

    def _take(self) -> NextStep:
        if self._phase is HEAD and not self._take_head():
            return NextStep.READ
        if self._phase is BODY and self._intake.received:
            self._take_body()
        return NextStep.TAKE if self._phase in (HEAD, BODY) else NextStep.WAIT

    def _take_head(self) -> bool:
        """Whether the head is whole, or refused."""
        received = self._intake.received
        if not self._searched and received[0] in b"\r\n":
            # Blank lines may come before a request.
            del received[: len(received) - len(received.lstrip(b"\r\n"))]
        end = received.find(request_head.END, max(0, self._searched - 3))
        if end < 0:
            rejection = self._head_limits.reject_part(received, self._searched)
            self._searched = len(received)
            self._due = min(self._due, self.loop.time() + self._limits.headers_timeout)
        else:
            size = end + len(request_head.END)
            rejection = self._head_limits.reject_whole(received, size)
            if rejection is None:
                head = bytes(received[:size])
                del received[:size]
                self._parse_head(head, then=received)
        if rejection is not None:
            self._refuse(rejection)
        return self._phase is not HEAD or end >= 0

    def _parse_head(self, head: bytes, *, then: bytes | bytearray) -> None:
        """`then` is what came after it."""
        self._searched = 0
        self._open.busy(self)
        self._due = self.loop.time() + self._limits.body_timeout
        self._body_left = self._body_bytes = self._framing_bytes = 0
        self._phase = PARSING
        self._parse(head)
        if self._phase is HANDSHAKE:
            if then:
                self._refuse(self._rejections.malformed)  # frames before the handshake's answer
            else:
                self.handle_websocket_upgrade()
        elif self._phase is PARSING:
            self._refuse(self._rejections.malformed)  # the parser wants more: this is the preface of HTTP/2

    def _take_body(self) -> None:
        received = self._intake.received
        size = PIECE if self._body_left is None else self._body_left
        piece = bytes(received[:size])
        del received[:size]
        if self._body_left is not None:
            self._body_left -= len(piece)
            self._parse(piece)
            return
        before = self._body_bytes
        self._parse(piece)
        self._framing_bytes += len(piece) - (self._body_bytes - before)
        if self._phase is not BODY:
            return
        if self._body_bytes > self._limits.body_bytes:
            self._refuse(self._rejections.body)
        elif self._framing_bytes > self._limits.header_bytes + FRAMING * self._body_bytes:
            self._refuse(self._rejections.malformed)

    def _parse(self, data: bytes) -> None:
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            if self._phase is not HANDSHAKE:
                self._end_with_this_answer()
        except httptools.HttpParserError:
            if self._phase in (HEAD, ANSWER):
                self._end_with_this_answer()
            else:
                self._refuse(self._stopped_by or self._rejections.malformed)

    # What the parser says

    def on_message_begin(self) -> None:
        if self._phase is not PARSING:
            # A request came in one piece with the end of a chunked body; the parser cannot halt between them.
            raise _Stop
        super().on_message_begin()

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._phase is not PARSING:
            return  # a trailer: nobody reads any, and it must never pass for a header
        name = name.lower()
        if name == b"content-length":
            self._body_left = int(value)
        elif name == b"transfer-encoding":
            self._body_left = None
        elif name == b"expect" and value.lower() == b"100-continue":
            self.expect_100_continue = True
        self.headers.append((name, value))

    def on_headers_complete(self) -> None:
        if self._body_left is not None and self._body_left > self._limits.body_bytes:
            self._stopped_by = self._rejections.body
            raise _Stop
        super().on_headers_complete()
        upgrades = self.parser.should_upgrade() and self._should_upgrade()
        self._phase = HANDSHAKE if upgrades else BODY

    def on_body(self, body: bytes) -> None:
        self._body_bytes += len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        if self._phase is HANDSHAKE:
            return
        cycle = self.cycle
        if cycle.response_complete:
            self._await_request()
        else:
            self._phase = ANSWER
            self._due = NEVER
            cycle.more_body = False
            cycle.message_event.set()

    def handle_websocket_upgrade(self) -> None:
        self._open.remove(self)
        super().handle_websocket_upgrade()

    # How it goes on, and how it ends

    def on_response_complete(self) -> None:
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        self.flow.resume_reading()
        if self._phase is ANSWER:
            self._await_request()
        elif self._phase is BODY and self.expect_100_continue:
            self._linger()  # whether the body comes at all is not known

    def _await_request(self) -> None:
        self._phase = HEAD
        self._due = self.loop.time() + self._limits.idle_timeout
        self._open.idle(self)
        self._intake.wake()

    def _end_with_this_answer(self) -> None:
        if self.cycle.response_complete:
            self._linger()
            return
        self.cycle.keep_alive = False
        self._throw_away()

    def _refuse(self, rejection: LimitProblem) -> None:
        """Answers with the rejection, where an answer can still be given, and ends the connection."""
        rejection.count()
        if self._phase is BODY:
            cycle = self.cycle
            if not cycle.response_complete:
                cycle.disconnected = True
                cycle.message_event.set()
            if cycle.response_started:
                self._linger()
                return
        self.transport.write(rejection.response())
        self._linger()

    def _linger(self) -> None:
        self._throw_away()
        self._due = self.loop.time() + LINGER
        if self.transport.can_write_eof():
            self.transport.write_eof()

    def _throw_away(self) -> None:
        self._phase = REFUSED
        self._open.busy(self)
        self._intake.discard()

    def expire(self) -> None:
        if self._send_due <= self.loop.time():
            count_closed(SEND_TIMEOUT)
            self.transport.abort()
        elif self._phase is REFUSED or self.transport.is_closing():
            self.transport.abort()
        elif self._phase is BODY:
            self._refuse(self._rejections.body_timeout)
        else:
            self._end_waiting()

    def _end_waiting(self) -> None:
        if self._intake.received:
            self._refuse(self._rejections.headers_timeout)
            return
        self._throw_away()
        self._due = self.loop.time() + LINGER
        self.transport.close()

    def make_room(self) -> None:
        count_closed(MADE_ROOM)
        self.transport.abort()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._send_due = self.loop.time() + self._limits.send_timeout

    def resume_writing(self) -> None:
        super().resume_writing()
        self._send_due = NEVER

    def timeout_keep_alive_handler(self) -> None:
        """Never called: `Connections` looks after idle connections."""
