"""uvicorn's HTTP/1.1 behind limits, which are checked before its parser sees anything."""

from __future__ import annotations

import asyncio
from enum import Enum

import httptools
from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from adapters.http import request_head
from adapters.http.connections import NEVER, Admission, LimitedConnection
from adapters.http.limit_problems import LimitProblem
from adapters.http.receive_buffer import PIECE, NextStep, ReceiveBuffer
from adapters.http.response_writer import WHOLE_RESPONSE, ResponseWriter

LINGER = 2.0
"""Seconds in which a refused caller may go on sending, so that no reset overtakes its response."""
REFUSED_AT_ONCE = 64
"""Connections beyond the limit that are told that there are too many. Others are closed without a response."""
FRAMING = 16
"""A chunked body may have this many bytes of framing for each of its own, and as many again as headers may have."""


class Phase(Enum):
    HEAD = "the head of a request is awaited"
    PARSING = "a whole head is parsed"
    BODY = "the body is awaited"
    HANDSHAKE = "a websocket takes over"
    RESPONSE = "the request is whole, its response is not"
    REFUSED = "all that comes is dropped"


# Members of an Enum are looked up slowly, and each request passes through most of them.
HEAD, PARSING, BODY, HANDSHAKE, RESPONSE, REFUSED = Phase


class _Stop(Exception):
    """Stops the parser."""


class LimitedHttpProtocol(LimitedConnection, HttpToolsProtocol):
    """One connection. The parser gets one whole head, then its body, and the next head once the response is sent. So
    pipelined requests are answered one after the other."""

    _phase = HEAD
    _searched = 0
    """Bytes of the head that were searched for its end."""
    _body_left: int | None = 0
    """None: the body is chunked."""
    _body_bytes = _framing_bytes = 0
    _stopped_by: LimitProblem | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._buffer = ReceiveBuffer(self.loop, transport, self._take)
        self._response = ResponseWriter(self.loop, transport)
        self._extensions = {WHOLE_RESPONSE: self.send_whole}
        self.flow = FlowControl(self._buffer)  # type: ignore[arg-type]  # it only pauses and resumes
        self.deadline = self.loop.time() + self._settings.http_headers_timeout
        admission = self._open_connections.admit(self)
        if admission is Admission.ADMITTED:
            return
        full = admission is Admission.FULL
        self._refuse(self._problems.connections if full else self._problems.connections_per_client)
        if len(self._open_connections) > self._settings.http_max_connections + REFUSED_AT_ONCE:
            transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        self._open_connections.remove(self)
        super().connection_lost(exc)
        self._end_circles()

    def data_received(self, data: bytes) -> None:
        if self._phase is REFUSED:
            return
        if self._phase is HEAD and not self._buffer.received:
            # Nearly always one read holds a whole head, and nothing else or a whole body.
            end = data.find(request_head.END)
            size = end + len(request_head.END)
            if end > 0 and self._head_limits.accepts(data, size):
                rest = data[size:]
                self._parse_head(data[:size], then=rest)
                if not rest or self._phase is REFUSED:
                    return
                if self._phase is BODY and self._body_left == len(rest):
                    self._body_left = 0
                    self._parse(rest)
                    return
                data = rest
        self._buffer.feed(data)

    def _take(self) -> NextStep:
        if self._phase is HEAD and not self._take_head():
            return NextStep.READ
        if self._phase is BODY and self._buffer.received:
            self._take_body()
        return NextStep.TAKE if self._phase in (HEAD, BODY) else NextStep.WAIT

    def _take_head(self) -> bool:
        """Whether the head is whole, or refused."""
        received = self._buffer.received
        if not self._searched and received[0] in b"\r\n":
            # Blank lines may come before a request.
            del received[: len(received) - len(received.lstrip(b"\r\n"))]
        end = received.find(request_head.END, max(0, self._searched - 3))
        if end < 0:
            problem = self._head_limits.check_part(received, self._searched)
            self._searched = len(received)
            self.deadline = min(self.deadline, self.loop.time() + self._settings.http_headers_timeout)
        else:
            size = end + len(request_head.END)
            problem = self._head_limits.check_whole(received, size)
            if problem is None:
                head = bytes(received[:size])
                del received[:size]
                self._parse_head(head, then=received)
        if problem is not None:
            self._refuse(problem)
        return self._phase is not HEAD or end >= 0

    def _parse_head(self, head: bytes, *, then: bytes | bytearray) -> None:
        """`then` is what followed it."""
        self._searched = 0
        self._open_connections.mark_busy(self)
        self.deadline = self.loop.time() + self._settings.http_body_timeout
        self._body_left = self._body_bytes = self._framing_bytes = 0
        self._phase = PARSING
        self._parse(head)
        if self._phase is HANDSHAKE:
            if then:
                self._refuse(self._problems.malformed)  # frames before the handshake's response
            else:
                self.handle_websocket_upgrade()
        elif self._phase is PARSING:
            self._refuse(self._problems.malformed)  # the parser wants more: this is the preface of HTTP/2

    def _take_body(self) -> None:
        received = self._buffer.received
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
        if self._body_bytes > self._settings.max_body_bytes:
            self._refuse(self._problems.body)
        elif self._framing_bytes > self._settings.http_max_header_bytes + FRAMING * self._body_bytes:
            self._refuse(self._problems.malformed)

    def _parse(self, data: bytes) -> None:
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            if self._phase is not HANDSHAKE:
                self._close_after_response()
        except httptools.HttpParserError:
            if self._phase in (HEAD, RESPONSE):
                self._close_after_response()
            else:
                self._refuse(self._stopped_by or self._problems.malformed)

    def on_message_begin(self) -> None:
        if self._phase is not PARSING:
            # A request follows the end of a chunked body in one piece; the parser cannot halt between them.
            raise _Stop
        super().on_message_begin()
        self.scope["extensions"] = self._extensions  # type: ignore[typeddict-item]  # this one is ours

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._phase is not PARSING:
            return  # a trailer: nobody reads it, and it must never pass for a header
        name = name.lower()
        if name == b"content-length":
            self._body_left = int(value)
        elif name == b"transfer-encoding":
            self._body_left = None
        elif name == b"expect" and value.lower() == b"100-continue":
            self.expect_100_continue = True
        self.headers.append((name, value))

    def on_headers_complete(self) -> None:
        if self._body_left is not None and self._body_left > self._settings.max_body_bytes:
            self._stopped_by = self._problems.body
            raise _Stop
        super().on_headers_complete()
        if self.parser.should_upgrade() and self._should_upgrade():
            self._phase = HANDSHAKE
        else:
            self._phase = BODY
            self.cycle.transport = self._response  # type: ignore[assignment]  # it only writes and closes

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
            self._phase = RESPONSE
            self.deadline = NEVER
            cycle.more_body = False
            cycle.message_event.set()

    async def send_whole(self, status: int, lines: bytes, body: bytes) -> None:
        """Sends the response to the request in progress, as `RequestResponseCycle.send` would in two messages."""
        cycle = self.cycle
        if self.flow.write_paused and not cycle.disconnected:
            await self.flow.drain()
        if cycle.disconnected:
            return
        cycle.response_started = cycle.response_complete = True
        head = [STATUS_LINE[status], lines]
        for name, value in self.server_state.default_headers:
            head += (name, b": ", value, b"\r\n")
        head.append(b"\r\n" if cycle.keep_alive else b"connection: close\r\n\r\n")
        if self.scope["method"] != "HEAD":
            head.append(body)
        self.transport.write(b"".join(head))
        cycle.message_event.set()
        if not cycle.keep_alive:
            self.transport.close()
        self.on_response_complete()

    def handle_websocket_upgrade(self) -> None:
        self._open_connections.remove(self)
        super().handle_websocket_upgrade()
        self.parser = None  # type: ignore[assignment]  # as in `connection_lost`, which will not be called
        self._end_circles()

    def _end_circles(self) -> None:
        """They would hold all that came until a search for circles."""
        self._buffer.close()
        self._extensions.clear()

    def on_response_complete(self) -> None:
        self.server_state.total_requests += 1
        self._response.flush()
        if self.transport.is_closing():
            return
        self.flow.resume_reading()
        if self._phase is RESPONSE:
            self._await_request()
        elif self._phase is BODY and self.expect_100_continue:
            self._linger()  # nobody knows whether the body will come

    def _await_request(self) -> None:
        self._phase = HEAD
        self.deadline = self.loop.time() + self._settings.http_idle_timeout
        self._open_connections.mark_idle(self)
        self._buffer.wake()

    def _close_after_response(self) -> None:
        if self.cycle.response_complete:
            self._linger()
            return
        self.cycle.keep_alive = False
        self._drop_input()

    def _refuse(self, problem: LimitProblem) -> None:
        """Ends the connection, with the problem as its response where one can still be sent."""
        problem.count()
        if self._phase is BODY:
            cycle = self.cycle
            if not cycle.response_complete:
                cycle.disconnected = True
                cycle.message_event.set()
            if cycle.response_started:
                self._linger()
                return
        self.transport.write(problem.response())
        self._linger()

    def _linger(self) -> None:
        self._response.flush()
        self._drop_input()
        self.deadline = self.loop.time() + LINGER
        if self.transport.can_write_eof():
            self.transport.write_eof()

    def _drop_input(self) -> None:
        self._phase = REFUSED
        self._open_connections.mark_busy(self)
        self._buffer.discard()

    def expire(self) -> None:
        if self._phase is REFUSED or self.transport.is_closing():
            self.transport.abort()
        elif self._phase is BODY:
            self._refuse(self._problems.body_timeout)
        elif self._buffer.received:
            self._refuse(self._problems.headers_timeout)
        else:
            self._drop_input()
            self.deadline = self.loop.time() + LINGER
            self.transport.close()

    def timeout_keep_alive_handler(self) -> None:
        """Never called: `Connections` closes idle connections."""
