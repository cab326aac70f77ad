"""The middleware before the console's pages, without pages: who gets through, and what every response forbids."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import httpx
import pytest
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from adapters.auth.local_issuer import issue_token
from adapters.auth.tokens import token_verifier
from adapters.http.server import serve_in_background
from adapters.settings import Settings
from api.console.auth_middleware import AuthMiddleware
from api.console.sessions import COOKIE, Sessions
from api.console.sign_in import SIGN_IN, SIGN_OUT, SignInRoutes
from tests.api.service import settings_in

ROOT = "/console"
SOCKET = f"{ROOT}/_nicegui_ws/socket.io/"
ELSEWHERE = "https://elsewhere.example"


class Pages:
    """Stands for the pages: it notes which requests and messages reached it."""

    def __init__(self, forms: ASGIApp) -> None:
        self.reached: list[str] = []
        self.prefixes: list[str] = []
        self._forms = forms

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] in (ROOT + SIGN_IN, ROOT + SIGN_OUT):
            await self._forms(scope, receive, send)
            return
        self.reached.append(scope["path"])
        self.prefixes += [value.decode() for name, value in scope["headers"] if name == b"x-forwarded-prefix"]
        if scope["type"] == "websocket":
            while (message := await receive())["type"] != "websocket.disconnect":
                self.reached.append(message.get("text", message["type"]))
            return
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"a page"})


class GuardedConsole:
    """The middleware, its sessions, and a browser."""

    def __init__(self, settings: Settings) -> None:
        from starlette.routing import Router

        self.settings = settings
        self.sessions = Sessions(token_verifier(settings), idle_timeout=60, lifetime=60)
        forms = SignInRoutes(self.sessions, ROOT, idle_timeout=60, secure=True)
        self.pages = Pages(Router(forms.routes()))
        self.app = AuthMiddleware(
            self.pages,
            self.sessions,
            root=ROOT,
            sign_in=ROOT + SIGN_IN,
            public=(ROOT + SIGN_IN, ROOT + SIGN_OUT),
            cacheable=(),
        )
        self.browser = httpx.AsyncClient(transport=httpx.ASGITransport(self.app), base_url="http://checkout.test")

    def token(self) -> str:
        return issue_token(self.settings, partner=None, scope="operator", subject="ada")

    async def signed_in(self) -> dict[str, str]:
        """The headers of a browser whose operator signed in."""
        return {"cookie": f"{COOKIE}={(await self.sessions.begin(self.token())).id}"}

    async def sign_in(self, **fields: str) -> httpx.Response:
        return await self.browser.post(ROOT + SIGN_IN, data={"token": self.token(), **fields})

    async def socket(self, headers: dict[str, str], messages: Sequence[Message]) -> list[Message]:
        """What a websocket is sent that sends these messages."""
        sent: list[Message] = []
        waiting = iter([{"type": "websocket.connect"}, *messages, {"type": "websocket.disconnect", "code": 1000}])

        async def receive() -> Message:
            return next(waiting)

        async def send(message: Message) -> None:
            sent.append(message)

        encoded = [(name.encode(), value.encode()) for name, value in {"host": "checkout.test", **headers}.items()]
        await self.app({"type": "websocket", "path": SOCKET, "headers": encoded}, receive, send)
        return sent


@pytest.fixture
async def console(tmp_path: Path) -> AsyncIterator[GuardedConsole]:
    console = GuardedConsole(settings_in(tmp_path))
    yield console
    await console.browser.aclose()


@pytest.mark.parametrize("path", ["/", "/baskets", "/audit", "/_nicegui/x.js", "/operator-api/openapi.json"])
@pytest.mark.parametrize("cookie", ["", f"{COOKIE}=guessed"])
async def test_without_a_session_no_page_is_reached(console: GuardedConsole, path: str, cookie: str) -> None:
    asked = await console.browser.get(ROOT + path, headers={"accept": "text/html", "cookie": cookie})
    assert asked.status_code == 303
    assert asked.headers["location"].startswith(f"{ROOT}/sign-in?next=")
    assert (await console.browser.get(ROOT + path, headers={"cookie": cookie})).status_code == 403
    assert (await console.browser.post(ROOT + path, headers={"cookie": cookie})).status_code == 403
    assert console.pages.reached == []


async def test_an_operator_who_signed_in_reaches_pages(console: GuardedConsole) -> None:
    assert (await console.browser.get(f"{ROOT}/audit", headers=await console.signed_in())).text == "a page"


@pytest.mark.parametrize("named", [{"origin": ELSEWHERE}, {"sec-fetch-site": "cross-site"}, {"origin": "null"}])
async def test_another_site_changes_nothing(console: GuardedConsole, named: dict[str, str]) -> None:
    headers = {**await console.signed_in(), **named}
    assert (await console.browser.post(f"{ROOT}/anything", headers=headers)).status_code == 403
    signed = await console.browser.post(ROOT + SIGN_IN, data={"token": console.token()}, headers=named)
    assert (signed.status_code, "set-cookie" in signed.headers) == (403, False)
    assert console.pages.reached == []


async def test_another_site_opens_no_websocket(console: GuardedConsole) -> None:
    headers = await console.signed_in()
    sent = await console.socket({**headers, "origin": ELSEWHERE}, [])
    assert [message["type"] for message in sent] == ["websocket.close"]
    assert console.pages.reached == []
    await console.socket({**headers, "origin": "http://checkout.test"}, [])
    assert console.pages.reached == [SOCKET, "websocket.connect"]


async def test_a_websocket_passes_nothing_on_once_its_session_is_over(console: GuardedConsole) -> None:
    headers = await console.signed_in()
    id = headers["cookie"].partition("=")[2]

    class UntilSignedOut(dict[str, object]):
        """The message at which the operator signs out elsewhere."""

        def get(self, name: str, default: object = None) -> object:
            console.sessions.end(id)
            return super().get(name, default)

    first = UntilSignedOut(type="websocket.receive", text='42["event",1]')
    await console.socket(headers, [first, {"type": "websocket.receive", "text": '42["event",2]'}])
    assert console.pages.reached == [SOCKET, "websocket.connect", '42["event",1]']


@pytest.mark.parametrize("target", [ELSEWHERE, "//elsewhere.example", "/\\elsewhere.example", "/%0d%0aX: y\n"])
async def test_a_sign_in_leads_only_into_the_console(console: GuardedConsole, target: str) -> None:
    answer = await console.sign_in(next=target)
    assert (answer.status_code, answer.headers["location"]) == (303, f"{ROOT}/")
    assert (await console.sign_in(next="/audit?limit=1")).headers["location"] == f"{ROOT}/audit?limit=1"


@pytest.mark.parametrize("prefix", [ELSEWHERE, "//elsewhere.example", '/"><script>', "/a/"])
async def test_a_prefix_that_is_no_plain_path_reaches_no_page(console: GuardedConsole, prefix: str) -> None:
    headers = await console.signed_in()
    await console.browser.get(f"{ROOT}/audit", headers={**headers, "x-forwarded-prefix": prefix})
    shown = await console.browser.get(ROOT + SIGN_IN, headers={"x-forwarded-prefix": prefix})
    assert (console.pages.prefixes, prefix in shown.text) == ([], False)
    await console.browser.get(f"{ROOT}/audit", headers={**headers, "x-forwarded-prefix": "/shop"})
    assert console.pages.prefixes == ["/shop"]


@pytest.mark.parametrize("path", ["/audit", SIGN_IN])
async def test_every_response_forbids_frames_caches_and_other_origins(console: GuardedConsole, path: str) -> None:
    answer = await console.browser.get(ROOT + path, headers=await console.signed_in())
    assert answer.headers.get("x-frame-options") == "DENY"
    assert answer.headers.get("cache-control") == "no-store"
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; ")
    assert policy.endswith("base-uri 'none'; frame-ancestors 'none'")


async def test_a_refused_method_of_a_form_forbids_them_too(console: GuardedConsole) -> None:
    async with (
        serve_in_background(console.app, console.settings, 0, "console") as port,
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=30) as browser,
    ):
        answer = await browser.put(ROOT + SIGN_IN)
    assert answer.status_code == 405
    assert answer.headers.get("x-frame-options") == "DENY"
    assert answer.headers.get("cache-control") == "no-store"


async def test_the_sign_in_runs_no_script(console: GuardedConsole) -> None:
    assert "script-src" not in (await console.browser.get(ROOT + SIGN_IN)).headers["content-security-policy"]


async def test_the_session_cookie_is_for_this_site_and_no_script(console: GuardedConsole) -> None:
    cookie = (await console.sign_in()).headers["set-cookie"]
    assert cookie.endswith(f"; Path={ROOT}; HttpOnly; SameSite=Strict; Secure")
    assert console.token() not in cookie
