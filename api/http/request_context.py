"""One request and its answer, on bare ASGI: the hot routes build nothing that they do not need."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import cast

from starlette.types import Receive, Scope, Send

from adapters.wire.request_errors import BodyTooLarge, UnsupportedMediaType
from adapters.wire.request_parser import require_identity_encoding
from adapters.wire.trace_context import continue_trace
from domain.ports.event_store import RenderedResponse
from domain.shared.values import NewId

_JSON = re.compile(r"application/(json|[a-z0-9!#$&^_.+\-]+\+json)\s*(;.*)?", re.IGNORECASE)
NOT_MODIFIED = 304
_SCOPE_KEY = "checkout.exchange"


class ClientGone(Exception):
    """The caller closed the connection before the request was whole; nobody waits for an answer."""


@dataclass(slots=True)
class RequestContext:
    """A request in its conversation: its headers (lower-case names; repeated ones joined), and what
    becomes known of it for the log."""

    headers: dict[str, str]
    trace_id: str
    traceparent: str
    correlation_id: str
    route: str = "none"
    partner: str | None = None
    basket_id: str | None = None


def begin_request(scope: Scope, new_id: NewId) -> RequestContext:
    """Takes up the caller's trace (W3C Trace Context) and correlation id, or begins new ones."""
    headers = _joined(scope["headers"])
    trace = continue_trace(headers.get("traceparent"), headers.get("x-correlation-id"), new_id)
    exchange = RequestContext(headers, trace.trace_id, trace.traceparent, trace.correlation_id)
    scope[_SCOPE_KEY] = exchange
    return exchange


def _joined(raw: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """Each name once, and what is repeated joined once: callers without a token send as much as they may."""
    headers: dict[str, str] = {}
    repeated: dict[str, list[str]] = {}
    for raw_name, raw_value in raw:
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1").strip()
        if name in headers:
            repeated.setdefault(name, []).append(value)
        else:
            headers[name] = value
    for name, values in repeated.items():
        headers[name] = ("; " if name == "cookie" else ", ").join([headers[name], *values])
    return headers


def request_context(scope: Scope) -> RequestContext:
    return cast("RequestContext", scope[_SCOPE_KEY])


def require_json(headers: dict[str, str]) -> None:
    """Raises UnsupportedMediaType and UnsupportedContentEncoding where the body says that it is something else."""
    media_type = headers.get("content-type")
    if media_type is not None and _JSON.fullmatch(media_type) is None:
        raise UnsupportedMediaType
    require_identity_encoding(headers.get("content-encoding"))


async def read_body(headers: dict[str, str], receive: Receive, limit: int) -> bytes:
    """The body, of at most `limit` bytes; raises BodyTooLarge as soon as it is known to be larger."""
    announced = headers.get("content-length", "0")
    if not announced.isdecimal() or len(announced) > 18 or int(announced) > limit:
        raise BodyTooLarge(limit)
    chunks: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGone
        chunk = message.get("body", b"")
        size += len(chunk)
        if size > limit:
            raise BodyTooLarge(limit)
        chunks.append(chunk)
        if not message.get("more_body", False):
            return chunks[0] if len(chunks) == 1 else b"".join(chunks)


async def send_response(send: Send, answer: RenderedResponse) -> None:
    headers = [
        (name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in answer.headers.items()
    ]
    if answer.status != NOT_MODIFIED:  # the length that it would tell is that of the whole answer
        headers.append((b"content-length", str(len(answer.body)).encode()))
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body})
