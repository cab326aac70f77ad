"""Signing in and out: plain forms, which need no script and no websocket."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import parse_qs

import structlog
from nicegui import __version__ as nicegui_version
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.templating import Jinja2Templates
from starlette.types import Receive, Scope, Send

from adapters.wire.problems import to_problem
from adapters.wire.request_errors import MethodNotAllowed, NotAllowed, NotAuthenticated
from api.console.auth_middleware import expired_cookie, session_cookie
from api.console.sessions import Sessions, cookie_of
from api.http.request_context import send_response
from domain.shared.errors import Unavailable

SIGN_IN, SIGN_OUT = "/sign-in", "/sign-out"
LARGEST_FORM = 64 * 1024

POLICY = (
    "default-src 'none'; style-src 'self'; font-src 'self'; img-src 'self' data:; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)
"""There is no script on these pages."""

_INSIDE = re.compile(r"/(?!/)[A-Za-z0-9/_\-.~%=&?+:]*")

_log = structlog.get_logger("console")


class _MethodNotAllowed:
    """For methods that a form does not take; else the pages, which want a session, would be asked."""

    def __init__(self, *allowed: str) -> None:
        self._allowed = allowed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send_response(send, to_problem(MethodNotAllowed(self._allowed)).response())


class SignInRoutes:
    """The two forms."""

    def __init__(self, sessions: Sessions, root: str, *, idle_timeout: float, secure: bool) -> None:
        self._sessions = sessions
        self._root = root
        self._idle_minutes = max(1, round(idle_timeout / 60))
        self._secure = secure
        self._pages = Jinja2Templates(Path(__file__).parent / "assets")

    def routes(self) -> list[BaseRoute]:
        return [
            Route(self._root + SIGN_IN, self.show, methods=["GET"]),
            Route(self._root + SIGN_IN, self.sign_in, methods=["POST"]),
            Route(self._root + SIGN_IN, _MethodNotAllowed("GET", "HEAD", "POST")),
            Route(self._root + SIGN_OUT, self.sign_out, methods=["POST"]),
            Route(self._root + SIGN_OUT, _MethodNotAllowed("POST")),
        ]

    async def show(self, request: Request) -> Response:
        return self._page(request, _inside(request.query_params.get("next")))

    async def sign_in(self, request: Request) -> Response:
        form = await _form(request)
        onwards = _inside(form.get("next"))
        token = "".join(form.get("token", "").split()).removeprefix("Bearer")
        try:
            session = await self._sessions.begin(token, instead_of=_session_id(request))
        except NotAuthenticated as error:
            return self._refused(request, onwards, 401, f"This token is not accepted: {error}.")
        except NotAllowed:
            words = "This token is no operator's: it lacks the scope operator."
            return self._refused(request, onwards, 403, words)
        except Unavailable:
            words = "Tokens cannot be checked at present: the issuer's keys cannot be read. Try again soon."
            return self._refused(request, onwards, 503, words)
        _log.info("console_sign_in", accepted=True)
        answer = RedirectResponse(_prefix(request) + self._root + onwards, 303)
        answer.headers["Set-Cookie"] = session_cookie(session, path=self._root, secure=self._secure)
        return answer

    async def sign_out(self, request: Request) -> Response:
        if (id := _session_id(request)) is not None:
            self._sessions.end(id)
        answer = RedirectResponse(_prefix(request) + self._root + SIGN_IN, 303)
        answer.headers["Set-Cookie"] = expired_cookie(path=self._root, secure=self._secure)
        return answer

    def _refused(self, request: Request, onwards: str, status: int, words: str) -> Response:
        _log.info("console_sign_in", accepted=False, status=status)
        return self._page(request, onwards, status, words)

    def _page(
        self, request: Request, onwards: str, status: int = 200, refused: str | None = None
    ) -> Response:
        base = _prefix(request) + self._root
        context = {
            "base": base,
            "fonts": f"{base}/_nicegui/{nicegui_version}/static/fonts.css",
            "onwards": onwards,
            "idle": self._idle_minutes,
            "refused": refused,
        }
        headers = {"Content-Security-Policy": POLICY}
        return self._pages.TemplateResponse(request, "sign_in.html", context, status, headers)


def _inside(target: str | None) -> str:
    """A path below the console's, whatever is asked for: nobody is sent anywhere else."""
    return target if target is not None and _INSIDE.fullmatch(target) else "/"


def _prefix(request: Request) -> str:
    return request.headers.get("x-forwarded-prefix", "")


def _session_id(request: Request) -> str | None:
    return cookie_of("; ".join(request.headers.getlist("cookie")))


async def _form(request: Request) -> dict[str, str]:
    """The fields of an urlencoded form; none where it is too large."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > LARGEST_FORM:
            return {}
    fields = parse_qs(body.decode("utf-8", "replace"))
    return {name: values[0] for name, values in fields.items()}
