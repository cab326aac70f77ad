"""Before the console's pages: nobody comes in without a session, and nothing of them is kept or framed."""

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

from api.console.sessions import (
    COOKIE,
    Session,
    Sessions,
    cookie_of,
)
from api.http.static_files import MAX_PATH_LENGTH
from domain.shared.errors import Unavailable

SESSION = "checkout.console.session"
SIGNED_OUT = 4401
"""How a websocket is closed whose session is over."""
LEAVE_WITHIN = 5.0
"""Seconds; pages look every two whether they are still signed in."""

_PREFIX = re.compile(r"(/[A-Za-z0-9._~\-]+)+")

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; font-src 'self' data:; connect-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'"
)
"""NiceGUI writes its page's scripts and styles into the page, and Vue compiles templates in the browser; all
else is forbidden, and nothing comes from or goes to anywhere but here."""

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
    """Lets requests and websockets through to those who are signed in. A websocket is looked at with every
    message that comes over it: once its session is over nothing is heard, and soon it is closed."""

    def __init__(
        self,
        app: ASGIApp,
        sessions: Sessions,
        *,
        root: str,
        sign_in: str,
        open_to_all: Sequence[str],
        kept: Sequence[str],
    ) -> None:
        """`open_to_all`: paths, and with a slash at the end all below them, that need no session. `kept`: paths
        below which browsers may keep what they got."""
        self._app = app
        self._sessions = sessions
        self._root = root
        self._sign_in = sign_in
        self._exact = frozenset(open_to_all)
        self._socket = f"{root}/_nicegui_ws/"
        self._kept = tuple(kept)
        self._below = tuple(path for path in open_to_all if path.endswith("/"))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        _drop_odd_prefix(scope)
        headers = Headers(scope=scope)
        path: str = scope["path"]
        if scope["type"] == "websocket":
            await self._handshake(path, headers, scope, receive, send)
            return
        guarded = _with_headers(send, kept=path.startswith(self._kept))
        if scope["method"] not in ("GET", "HEAD") and not _same_origin(headers):
            await PlainTextResponse("This comes from another site.", 403)(scope, receive, guarded)
            return
        if path in self._exact or path.startswith(self._below):
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

    async def _handshake(
        self, path: str, headers: Headers, scope: Scope, receive: Receive, send: Send
    ) -> None:
        if not path.startswith(self._socket) or not _same_origin(headers):
            await _refuse(receive, send)
        elif (session := await self._session(headers)) is None:
            await _send_away(receive, send)
        else:
            await self._websocket(session, scope, receive, send)

    async def _session(self, headers: Headers) -> Session | None:
        try:
            return await self._sessions.find(cookie_of("; ".join(headers.getlist("cookie"))))
        except Unavailable:
            return None

    def _to_sign_in(self, path: str, headers: Headers, query: bytes) -> RedirectResponse:
        """And from there back to the page that was asked for."""
        asked = query.decode("latin-1")
        inside = (path.removeprefix(self._root) or "/") + (f"?{asked}" if asked else "")
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
                    if (message.get("text") or "").startswith(_DID_SOMETHING):
                        self._sessions.touch(session)
                    return message
                # Nothing that comes in is heard any more; the way out stays open for as long as the page needs
                # to be sent away.
                over_since = over_since or monotonic()
                if monotonic() - over_since > LEAVE_WITHIN:
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


async def _send_away(receive: Receive, send: Send) -> None:
    """Tells a page whose session is over, as after a restart, in the words of its own protocol to load again, which
    leads to the sign-in. To close its socket would leave it trying to connect for ever."""
    await receive()
    await send({"type": "websocket.accept"})
    await send({"type": "websocket.send", "text": _OPENED})
    with suppress(TimeoutError):
        async with timeout(LEAVE_WITHIN):
            await receive()
            await send({"type": "websocket.send", "text": _LOAD_AGAIN})
            await receive()
    with suppress(OSError, RuntimeError):
        await send({"type": "websocket.close", "code": SIGNED_OUT})


_DID_SOMETHING = '42["event"'
"""How what an operator does on a page comes: a Socket.IO event. Pages answer pings and confirm messages unasked."""
_OPENED = '0{"sid":"none","upgrades":[],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000}'
_LOAD_AGAIN = '44{"message":"Implicit handshake failed"}'
"""Engine.IO's packet `open`, and Socket.IO's packet `connect error` with what NiceGUI's pages load again at."""


def session_cookie(session: Session, *, path: str, secure: bool) -> str:
    """The value of `Set-Cookie`; it ends with the browser's session, and on the server with the token."""
    return f"{COOKIE}={session.id}; Path={path}; HttpOnly; SameSite=Strict{'; Secure' if secure else ''}"


def expired_cookie(*, path: str, secure: bool) -> str:
    return f"{COOKIE}=; Path={path}; Max-Age=0; HttpOnly; SameSite=Strict{'; Secure' if secure else ''}"


def _same_origin(headers: Headers) -> bool:
    """Browsers say where a request comes from; one that says nothing is no browser's."""
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site in ("same-origin", "none")
    origin = headers.get("origin")
    if origin is None:
        return True
    return origin.partition("://")[2] in {headers.get("host"), headers.get("x-forwarded-host")} - {None}


def _drop_odd_prefix(scope: Scope) -> None:
    """The path that a proxy says it serves us under goes into pages: only a plain one may."""
    scope["headers"] = [
        (name, value)
        for name, value in scope["headers"]
        if name != b"x-forwarded-prefix" or _PREFIX.fullmatch(value.decode("latin-1"))
    ]


def _with_headers(send: Send, *, kept: bool) -> Send:
    """`kept`: browsers may keep the answer, as it holds nothing but released code and looks."""

    async def send_on(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in _HEADERS.items():
                headers[name] = value
            headers.setdefault("Content-Security-Policy", CONTENT_SECURITY_POLICY)
            if not kept:
                headers["Cache-Control"] = "no-store"
        await send(message)

    return send_on
