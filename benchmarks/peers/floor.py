"""The least that an update can cost in this language and on this server: no rules, no basket, no metrics, no logs.

It parses the body, looks the token up, appends one ready-made event in a batch with others, and answers as many bytes
as an update of three lines.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from pydantic_core import from_json
from starlette.types import Receive, Scope, Send
from uuid_utils import uuid7

from domain.ports.event_store import Append, Appended, AppendOutcome, NewEvent

EVENT = NewEvent("benchmark.happened.v1", b'{"text":"%b"}' % (b"x" * 200), b'{"text":"%b"}' % (b"y" * 310))
"""As many bytes as the event of a changed quantity and its metadata."""

ANSWER = b'{"text":"%b"}' % (b"z" * 1760)
_HEADERS = [
    (b"content-type", b"application/json"),
    (b"content-length", str(len(ANSWER)).encode()),
    (b"cache-control", b"no-store"),
    (b"etag", b'"1"'),
    (b"x-correlation-id", b"0" * 32),
]


class FloorApp:
    """Answers every request."""

    def __init__(self, append: Callable[[Append], Awaitable[AppendOutcome]], token: str) -> None:
        self._append = append
        self._callers = {f"Bearer {token}".encode(): "shop"}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        (authorization,) = (value for name, value in scope["headers"] if name == b"authorization")
        self._callers[authorization]
        from_json((await receive())["body"])
        outcome = await self._append(Append(f"basket-{uuid7()}", 0, (EVENT,)))
        if not isinstance(outcome, Appended):
            raise TypeError(outcome)
        await send({"type": "http.response.start", "status": 200, "headers": _HEADERS})
        await send({"type": "http.response.body", "body": ANSWER})
