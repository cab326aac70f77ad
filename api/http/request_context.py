"""What is known of a request, and its body and response, on bare ASGI: the hot routes create nothing that they do not
need."""

from __future__ import annotations

from typing import cast

import msgspec
from starlette.types import Receive, Scope, Send

from adapters.http.response_writer import SendWhole
from adapters.wire.request_errors import BodyTooLarge
from adapters.wire.trace_context import continue_trace
from api.http.headers import join_headers
from domain.ports.event_store import RenderedResponse
from domain.shared.values import NewId

NOT_MODIFIED = 304
_SCOPE_KEY = "checkout.request_context"


class ClientDisconnected(Exception):
    """The caller closed the connection before the request was complete. Nobody waits for a response."""


class RequestContext(msgspec.Struct):
    """A request's headers, by lower-case names, its trace, and what the log line says of it."""

    headers: dict[str, str]
    trace_id: str
    traceparent: str
    correlation_id: str
    route: str = "none"
    partner: str | None = None
    basket_id: str | None = None
    status: int = 0
    """Of the response; 0 before it begins."""

    def log_fields(self) -> dict[str, str]:
        """What is known by now, for every log line."""
        known = {"trace": self.trace_id, "organisation": self.partner, "basket": self.basket_id}
        return {name: value for name, value in known.items() if value is not None}


def begin_request(scope: Scope, new_id: NewId) -> RequestContext:
    """Continues the caller's trace (W3C Trace Context) and correlation id, or begins new ones."""
    headers = join_headers(scope["headers"])
    trace = continue_trace(headers.get("traceparent"), headers.get("x-correlation-id"), new_id)
    context = RequestContext(headers, trace.trace_id, trace.traceparent, trace.correlation_id)
    scope[_SCOPE_KEY] = context
    return context


def request_context(scope: Scope) -> RequestContext:
    return cast("RequestContext", scope[_SCOPE_KEY])


def name_route(scope: Scope, route: str) -> None:
    """Names the route for the log and the metrics. Requests of the console have no context."""
    if _SCOPE_KEY in scope:
        request_context(scope).route = route


async def read_body(headers: dict[str, str], receive: Receive, limit: int) -> bytes:
    """The body. Raises BodyTooLarge as soon as it is known to have more than `limit` bytes."""
    announced = headers.get("content-length", "0")
    if not announced.isdecimal() or len(announced) > 18 or int(announced) > limit:
        raise BodyTooLarge(limit)
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnected
        body += message.get("body", b"")
        if len(body) > limit:
            raise BodyTooLarge(limit)
        if not message.get("more_body", False):
            return bytes(body)


async def send_response(send: Send, response: RenderedResponse) -> None:
    """Sends it in two messages."""
    headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in _fields(response)]
    await send({"type": "http.response.start", "status": response.status, "headers": headers})
    await send({"type": "http.response.body", "body": response.body})


async def send_in_one_piece(send_whole: SendWhole, response: RenderedResponse, correlation_id: str) -> None:
    """Sends it with the server's `send_whole`, which makes no messages. It passes by all that an application put around
    `send`. Raises ValueError for a header with a line break, and then nothing was sent."""
    fields = _fields(response)
    fields.append(("x-correlation-id", correlation_id))
    lines = "".join([f"{name}: {value}\r\n" for name, value in fields])
    if lines.count("\n") != len(fields) or lines.count("\r") != len(fields):
        raise ValueError("a header has a line break")
    await send_whole(response.status, lines.encode("latin-1"), response.body)


def _fields(response: RenderedResponse) -> list[tuple[str, str]]:
    fields = [(name.lower(), value) for name, value in response.headers.items()]
    if response.status != NOT_MODIFIED:  # its length would be that of the whole response
        fields.append(("content-length", str(len(response.body))))
    return fields
