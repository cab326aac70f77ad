"""Lets only signed-in operators reach the console's pages. Sets headers against caching and framing."""

from __future__ import annotations

import re
from asyncio import timeout
from collections.abc import Sequence
from contextlib import suppress
from time import monotonic
from urllib.parse import quote

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse, RedirectResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.console.sessions import COOKIE, Session, Sessions, cookie_of
from api.http.static_files import MAX_PATH_LENGTH
from domain.shared.errors import Unavailable

SESSION = "checkout.console.session"
SIGNED_OUT = 4401
"""Closes a websocket whose session is over."""
LEAVE_SECONDS = 5.0
"""Pages check every two seconds whether they are still signed in."""

_PREFIX = re.compile(r"(/[A-Za-z0-9._~\-]+)+")

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; font-src 'self' data:; connect-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'"
)
"""NiceGUI writes scripts and styles into the page, and Vue compiles templates in the browser. Everything else is
forbidden, and so is every other origin."""

_HEADERS = {
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    "X-Robots-Tag": "noindex, nofollow, noarchive",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=(), payment=()",
}


class AuthMiddleware:
    """Passes on the requests and websockets of signed-in operators.

    It checks the session with every message of a websocket. Once the session is over no message is passed on, and
    soon the websocket is closed.
    """

    def __init__(
        self,
        app: ASGIApp,
        sessions: Sessions,
        *,
        root: str,
        sign_in: str,
        public: Sequence[str],
        cacheable: Sequence[str],
    ) -> None:
        """`public`: paths that need no session; one that ends with a slash stands for all below it. `cacheable`:
        paths below which browsers may cache responses."""
        self._app = app
        self._sessions = sessions
        self._root = root
        self._sign_in = sign_in
        self._public = frozenset(public)
        self._socket = f"{root}/_nicegui_ws/"
        self._cacheable = tuple(cacheable)
        self._public_below = tuple(path for path in public if path.endswith("/"))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        _drop_unsafe_prefix(scope)
        headers = Headers(scope=scope)
        path: str = scope["path"]
        if scope["type"] == "websocket":
            await self._handshake(path, headers, scope, receive, send)
            return
        guarded = _with_headers(send, cacheable=path.startswith(self._cacheable))
        if scope["method"] not in ("GET", "HEAD") and not _same_origin(headers):
            await PlainTextResponse("This comes from another site.", 403)(scope, receive, guarded)
            return
        if path in self._public or path.startswith(self._public_below):
            if len(path) > MAX_PATH_LENGTH:
                await PlainTextResponse("There is no such file.", 404)(scope, receive, guarded)
                return
            await self._app(scope, receive, guarded)
            return
        session = await self._session(headers)
        if session is not None:
            if not path.startswith(self._socket):
                self._sessions.touch(session)
            scope[SESSION] = session
            await self._app(scope, receive, guarded)
        elif scope["method"] == "GET" and "text/html" in headers.get("accept", ""):
            await self._to_sign_in(path, headers, scope.get("query_string", b""))(scope, receive, guarded)
        else:
            await PlainTextResponse("Sign in first.", 403)(scope, receive, guarded)

    async def _handshake(self, path: str, headers: Headers, scope: Scope, receive: Receive, send: Send) -> None:
        if not path.startswith(self._socket) or not _same_origin(headers):
            await _refuse(receive, send)
        elif (session := await self._session(headers)) is None:
            await _redirect_socket(receive, send)
        else:
            await self._websocket(session, scope, receive, send)

    async def _session(self, headers: Headers) -> Session | None:
        try:
            return await self._sessions.find(cookie_of("; ".join(headers.getlist("cookie"))))
        except Unavailable:
            return None

    def _to_sign_in(self, path: str, headers: Headers, query: bytes) -> RedirectResponse:
        """Redirects to the sign-in, which leads back to the page that was asked for."""
        parameters = query.decode("latin-1")
        inside = (path.removeprefix(self._root) or "/") + (f"?{parameters}" if parameters else "")
        prefix = headers.get("x-forwarded-prefix", "")
        return RedirectResponse(f"{prefix}{self._sign_in}?next={quote(inside)}", 303)

    async def _websocket(self, session: Session, scope: Scope, receive: Receive, send: Send) -> None:
        scope[SESSION] = session
        over_since: float | None = None

        async def receive_while_signed_in() -> Message:
            nonlocal over_since
            while True:
                message = await receive()
                if message["type"] != "websocket.receive":
                    return message
                if not await self._is_over(session):
                    if (message.get("text") or "").startswith(_USER_EVENT):
                        self._sessions.touch(session)
                    return message
                # No message is passed on any more. Outgoing ones are, for as long as the page needs to reload.
                over_since = over_since or monotonic()
                if monotonic() - over_since > LEAVE_SECONDS:
                    await send({"type": "websocket.close", "code": SIGNED_OUT})
                    return {"type": "websocket.disconnect", "code": SIGNED_OUT}

        await self._app(scope, receive_while_signed_in, send)

    async def _is_over(self, session: Session) -> bool:
        try:
            return await self._sessions.find(session.id) is None
        except Unavailable:
            return True


async def _refuse(receive: Receive, send: Send) -> None:
    await receive()
    await send({"type": "websocket.close", "code": SIGNED_OUT})


async def _redirect_socket(receive: Receive, send: Send) -> None:
    """Makes a page without a session reload by its own protocol, which leads to the sign-in.

    If its socket were closed, the page would try to connect for ever.
    """
    await receive()
    await send({"type": "websocket.accept"})
    await send({"type": "websocket.send", "text": _SOCKET_OPENED})
    with suppress(TimeoutError):
        async with timeout(LEAVE_SECONDS):
            await receive()
            await send({"type": "websocket.send", "text": _RELOAD})
            await receive()
    with suppress(OSError, RuntimeError):
        await send({"type": "websocket.close", "code": SIGNED_OUT})


_USER_EVENT = '42["event"'
"""A Socket.IO event: what an operator does on a page. Pages answer pings and confirm messages by themselves."""
_SOCKET_OPENED = '0{"sid":"none","upgrades":[],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000}'
_RELOAD = '44{"message":"Implicit handshake failed"}'
"""Engine.IO's packet `open`, and a `connect error` of Socket.IO at which NiceGUI's pages reload."""


def session_cookie(session: Session, *, path: str, secure: bool) -> str:
    """The value of `Set-Cookie`. It ends with the browser's session, and on the server with the token."""
    return f"{COOKIE}={session.id}; Path={path}; HttpOnly; SameSite=Strict{'; Secure' if secure else ''}"


def expired_cookie(*, path: str, secure: bool) -> str:
    return f"{COOKIE}=; Path={path}; Max-Age=0; HttpOnly; SameSite=Strict{'; Secure' if secure else ''}"


def _same_origin(headers: Headers) -> bool:
    """Browsers name the origin of a request. A request without one is no browser's."""
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site in ("same-origin", "none")
    origin = headers.get("origin")
    if origin is None:
        return True
    return origin.partition("://")[2] in {headers.get("host"), headers.get("x-forwarded-host")} - {None}


def _drop_unsafe_prefix(scope: Scope) -> None:
    """A proxy's path prefix is written into pages: only a plain one may reach them."""
    scope["headers"] = [
        (name, value)
        for name, value in scope["headers"]
        if name != b"x-forwarded-prefix" or _PREFIX.fullmatch(value.decode("latin-1"))
    ]


def _with_headers(send: Send, *, cacheable: bool) -> Send:
    """`cacheable`: the response holds only released code and styles."""

    async def send_with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in _HEADERS.items():
                headers[name] = value
            headers.setdefault("Content-Security-Policy", CONTENT_SECURITY_POLICY)
            if not cacheable:
                headers["Cache-Control"] = "no-store"
        await send(message)

    return send_with_headers
