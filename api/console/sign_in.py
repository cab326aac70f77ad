"""The sign-in and sign-out: plain forms without script or websocket."""

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
MAX_FORM_BYTES = 64 * 1024

POLICY = (
    "default-src 'none'; style-src 'self'; font-src 'self'; img-src 'self' data:; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)
"""These pages have no script."""

_LOCAL_PATH = re.compile(r"/(?!/)[A-Za-z0-9/_\-.~%=&?+:]*")

_log = structlog.get_logger("console")


class _OtherMethods:
    """Answers the methods that a form does not take. Otherwise the pages would answer, and ask for a session."""

    def __init__(self, *allowed: str) -> None:
        self._allowed = allowed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send_response(send, to_problem(MethodNotAllowed(self._allowed)).response())


class SignInRoutes:
    """The routes of the two forms."""

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
            Route(self._root + SIGN_IN, _OtherMethods("GET", "HEAD", "POST")),
            Route(self._root + SIGN_OUT, self.sign_out, methods=["POST"]),
            Route(self._root + SIGN_OUT, _OtherMethods("POST")),
        ]

    async def show(self, request: Request) -> Response:
        return self._page(request, _local_path(request.query_params.get("next")))

    async def sign_in(self, request: Request) -> Response:
        form = await _form(request)
        target = _local_path(form.get("next"))
        token = "".join(form.get("token", "").split()).removeprefix("Bearer")
        try:
            session = await self._sessions.begin(token, replaces=_session_id(request))
        except NotAuthenticated as error:
            return self._refuse(request, target, 401, f"This token is not accepted: {error}.")
        except NotAllowed:
            message = "This token is no operator's: it lacks the scope operator."
            return self._refuse(request, target, 403, message)
        except Unavailable:
            message = "Tokens cannot be checked at present: the issuer's keys cannot be read. Try again soon."
            return self._refuse(request, target, 503, message)
        _log.info("console_sign_in", accepted=True)
        answer = RedirectResponse(_prefix(request) + self._root + target, 303)
        answer.headers["Set-Cookie"] = session_cookie(session, path=self._root, secure=self._secure)
        return answer

    async def sign_out(self, request: Request) -> Response:
        if (id := _session_id(request)) is not None:
            self._sessions.end(id)
        answer = RedirectResponse(_prefix(request) + self._root + SIGN_IN, 303)
        answer.headers["Set-Cookie"] = expired_cookie(path=self._root, secure=self._secure)
        return answer

    def _refuse(self, request: Request, target: str, status: int, message: str) -> Response:
        _log.info("console_sign_in", accepted=False, status=status)
        return self._page(request, target, status, message)

    def _page(self, request: Request, target: str, status: int = 200, refused: str | None = None) -> Response:
        base = _prefix(request) + self._root
        context = {
            "base": base,
            "fonts": f"{base}/_nicegui/{nicegui_version}/static/fonts.css",
            "target": target,
            "idle": self._idle_minutes,
            "refused": refused,
        }
        headers = {"Content-Security-Policy": POLICY}
        return self._pages.TemplateResponse(request, "sign_in.html", context, status, headers)


def _local_path(target: str | None) -> str:
    """A path within the console, whatever was asked for: the sign-in never redirects elsewhere."""
    return target if target is not None and _LOCAL_PATH.fullmatch(target) else "/"


def _prefix(request: Request) -> str:
    return request.headers.get("x-forwarded-prefix", "")


def _session_id(request: Request) -> str | None:
    return cookie_of("; ".join(request.headers.getlist("cookie")))


async def _form(request: Request) -> dict[str, str]:
    """The fields of an urlencoded form; empty where the form is too large."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_FORM_BYTES:
            return {}
    fields = parse_qs(body.decode("utf-8", "replace"))
    return {name: values[0] for name, values in fields.items()}
