"""The work for a caller without a token grows no faster than its input."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.types import ASGIApp, Message, Scope

from adapters.auth.tokens import token_verifier
from adapters.settings import Settings
from api.console.auth_middleware import AuthMiddleware
from api.console.sessions import Sessions
from api.console.sign_in import SIGN_IN, SIGN_OUT, SignInRoutes
from api.http.middleware import RequestMiddleware
from api.http.request_metrics import RequestMetrics
from api.operators.authentication import OperatorAuth
from tests.api.service import Service, settings_in
from tests.work_counter import growth

LINEAR = 2.2
SIZE = 1_000


@dataclass(frozen=True)
class Sent:
    """An addition to a request."""

    headers: list[tuple[bytes, bytes]] = field(default_factory=list)
    path: str = ""
    query: bytes = b""
    body: list[bytes] = field(default_factory=list)


SHAPES: dict[str, Callable[[int], Sent]] = {
    "one name on many lines": lambda n: Sent([(b"a", b"x")] * n),
    "many names": lambda n: Sent([(b"a%d" % at, b"x") for at in range(n)]),
    "many cookie lines": lambda n: Sent([(b"cookie", b"a=b")] * n),
    "many cookies": lambda n: Sent([(b"cookie", b"a=b; " * n)]),
    "many of our cookies": lambda n: Sent([(b"cookie", b"checkout_console=b; landing_state=c; " * n)]),
    "a quoted cookie of backslashes": lambda n: Sent([(b"cookie", b'checkout_console="' + b"\\" * n + b'"')]),
    "a quoted cookie of octals": lambda n: Sent([(b"cookie", b'checkout_console="' + b"\\041" * n + b'"')]),
    "a cookie of separators": lambda n: Sent([(b"cookie", b";=" * n)]),
    "a long token": lambda n: Sent([(b"authorization", b"Bearer " + b"a" * n)]),
    "a token of dots": lambda n: Sent([(b"authorization", b"Bearer " + b"." * n)]),
    "a scheme of spaces": lambda n: Sent([(b"authorization", b" " * n)]),
    "many tokens": lambda n: Sent([(b"authorization", b"Bearer a")] * n),
    "a long trace": lambda n: Sent([(b"traceparent", b"00-" + b"a" * n), (b"x-correlation-id", b" x" * n)]),
    "many traces": lambda n: Sent([(b"traceparent", b"00-"), (b"x-correlation-id", b"a")] * n),
    "a long type": lambda n: Sent([(b"content-type", b"application/" + b"a+json" * n + b"!")]),
    "a long prefix": lambda n: Sent([(b"x-forwarded-prefix", b"/a" * n + b"!")]),
    "many prefixes": lambda n: Sent([(b"x-forwarded-prefix", b"/a")] * n),
    "a long host": lambda n: Sent([(b"host", b"a." * n), (b"x-forwarded-host", b"a." * n), (b"origin", b":" * n)]),
    "a long range": lambda n: Sent([(b"range", b"bytes=" + b"0-0," * n)]),
    "a long preference": lambda n: Sent([(b"accept", b"text/html," * n), (b"if-none-match", b'"a",' * n)]),
    "a long path": lambda n: Sent(path="/" + "a" * n),
    "a deep path": lambda n: Sent(path="/a" * n),
    "a path of dots": lambda n: Sent(path="/.." * n),
    "a long query": lambda n: Sent(query=b"a=" + b"%22" * n),
    "many parameters": lambda n: Sent(query=b"next=/a&" * n),
    "a form in many pieces": lambda n: Sent(body=[b"a"] * n),
    "a form of many fields": lambda n: Sent(body=[b"token=a&" * n]),
}  # fmt: skip

PLACES = [
    ("partner", "POST", "/partner/checkout/initiate"),
    ("partner", "PUT", "/partner/checkout/update"),
    ("partner", "GET", "/partner/checkout/basket-1"),
    ("partner", "GET", "/health/live"),
    ("partner", "GET", "/docs-assets/swagger-ui.css"),
    ("operators", "GET", "/operations/baskets"),
    ("console", "GET", "/console/baskets"),
    ("console", "GET", "/console/sign-in"),
    ("console", "POST", "/console/sign-in"),
    ("console", "POST", "/console/sign-out"),
    ("console", "WEBSOCKET", "/console/_nicegui_ws/socket.io/"),
]


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    folder: Path = tmp_path_factory.mktemp("issuer")
    return settings_in(folder)


@pytest.fixture(scope="module")
def doors(settings: Settings) -> dict[str, ASGIApp]:
    """Each application up to the check of the token, with nothing behind it."""
    verifier = token_verifier(settings)
    service = Service(settings)
    operators = RequestMiddleware(OperatorAuth(Starlette(), verifier), service.checkout.ids, RequestMetrics())
    sessions = Sessions(verifier, idle_timeout=60, lifetime=60)
    forms = SignInRoutes(sessions, "/console", idle_timeout=60, secure=True)
    open_to_all = ("/console" + SIGN_IN, "/console" + SIGN_OUT)
    console = AuthMiddleware(
        Starlette(routes=forms.routes()),
        sessions,
        root="/console",
        sign_in="/console" + SIGN_IN,
        public=open_to_all,
        cacheable=(),
    )
    return {"partner": service.app, "operators": operators, "console": console}


async def ask(application: ASGIApp, method: str, path: str, sent: Sent) -> None:
    """One request from a stranger."""
    websocket = method == "WEBSOCKET"
    scope: Scope = {
        "type": "websocket" if websocket else "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "GET" if websocket else method,
        "scheme": "ws" if websocket else "http",
        "path": path + sent.path,
        "raw_path": (path + sent.path).encode(),
        "root_path": "",
        "query_string": sent.query,
        "headers": sent.headers,
        "server": ("a", 80),
        "client": ("b", 1),
        "subprotocols": [],
    }
    messages = _messages(sent, websocket=websocket)

    async def receive() -> Message:
        return next(messages)

    async def send(_: Message) -> None:
        pass

    await application(scope, receive, send)


def _messages(sent: Sent, *, websocket: bool) -> Iterator[Message]:
    if websocket:
        yield {"type": "websocket.connect"}
        yield from ({"type": "websocket.receive", "text": "40"} for _ in range(1))
    else:
        for piece in sent.body:
            yield {"type": "http.request", "body": piece, "more_body": True}
        yield {"type": "http.request", "body": b"", "more_body": False}
    while True:
        yield {"type": "websocket.disconnect" if websocket else "http.disconnect", "code": 1000}


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(("door", "method", "path"), PLACES)
async def test_twice_the_input_of_a_stranger_is_at_most_twice_the_work(
    doors: dict[str, ASGIApp], door: str, method: str, path: str, shape: str
) -> None:
    async def run(size: int) -> None:
        await ask(doors[door], method, path, SHAPES[shape](size))

    assert await growth(run, SIZE) < LINEAR


async def _join_each_to_all(n: int) -> None:
    headers: dict[str, str] = {}
    for value in ["x"] * n:
        headers["a"] = joined = f"{headers.get('a', '')}, {value}"
        assert joined.strip()


async def _search_the_rest_again(n: int) -> None:
    text, at = "\\" * n, 0
    while at < n:
        re.search(r"\\[0-3][0-7][0-7]", text)
        at += 1


async def _append_to_bytes(n: int) -> None:
    body = b""
    for piece in [b"a"] * n:
        body += piece
        assert len(body) > 0


async def _pass_once(n: int) -> None:
    assert "; ".join(["a=b"] * n).count("a") == n


@pytest.mark.parametrize("quadratic", [_join_each_to_all, _search_the_rest_again, _append_to_bytes])
async def test_the_measure_finds_work_that_grows_faster(quadratic: Callable[[int], object]) -> None:
    assert await growth(quadratic, SIZE) > 3.5  # type: ignore[arg-type]
    assert await growth(_pass_once, SIZE) < LINEAR
