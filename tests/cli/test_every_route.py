"""Every route of every port with every method: none responds with a 5xx status, and none logs an error."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import timedelta
from math import inf

import httpx
import pytest
from fastapi import FastAPI
from starlette.applications import Starlette
from starlette.routing import BaseRoute, Mount, Route

from adapters.auth.local_issuer import issue_token
from adapters.container import Container, open_operator_container
from adapters.http.server import serve_in_background
from adapters.metrics.service_metrics import metrics_route
from adapters.settings import Settings
from adapters.system import new_id
from api.operators.app import OPERATOR_API_PATH
from api.partner.app import PartnerApi
from api.partner.dependencies import PartnerApiDependencies
from cli.serve import CONSOLE, api_application
from tests.api.service import settings_in
from tests.servers.postgres import Databases
from workers.health import health_app
from workers.heartbeat import Heartbeat

METHODS = ("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PROPFIND")
ODD = (
    "nothing",
    "a/b/c/d",
    "%00",
    "%ff",
    "%2e%2e%2f%2e%2e%2fetc%2fpasswd",
    "x" * 5_000,
    "?",
    "?a=%00&a=%ff",
    "%0d%0aX:%20y",
)
HEADERS = {
    "accept": "text/html",
    "content-type": "application/json",
    "range": "bytes=9-1,0-0,-",
    "x-forwarded-prefix": "/../",
    "x-forwarded-host": "\\",
}


@dataclass(frozen=True)
class Ports:
    """The service as `checkout serve --console` and `checkout work` serve it."""

    settings: Settings
    api: str
    metrics: str
    health: str
    routes: tuple[str, ...]
    """Paths of the API's port, as they are declared."""

    def token(self) -> str:
        return issue_token(self.settings, partner=None, scope="operator", subject="ada", ttl=timedelta(minutes=5))


@pytest.fixture(scope="module")
async def ports(tmp_path_factory: pytest.TempPathFactory, databases: Databases) -> AsyncIterator[Ports]:
    url = await databases.fresh()
    settings = settings_in(tmp_path_factory.mktemp("issuer"), database_url=url, console=True)
    async with AsyncExitStack() as stack:
        parts = await stack.enter_async_context(open_operator_container(settings))
        metrics = Starlette(routes=[metrics_route(parts.service_status, parts.dead_letter_service.counts)])
        dispatcher = api_application(_api(parts), parts)
        working = Heartbeat("working")
        working.ready(True)
        health = health_app([working], silent_seconds=inf)
        served = [
            await stack.enter_async_context(
                serve_in_background(application, settings, 0, name, websockets=name == "api")
            )
            for name, application in (
                ("api", dispatcher),
                ("metrics", metrics),
                ("health", health),
            )
        ]
        api, metrics_at, health_at = (f"http://127.0.0.1:{port}" for port in served)
        applications = [dispatcher._partner_api, *(each for _, _, each in dispatcher._applications)]
        routes = {path for application in applications for path in _paths(application)}
        yield Ports(settings, api, metrics_at, health_at, tuple(sorted(routes)))
    await databases.drop(url)


def _api(parts: Container) -> PartnerApiDependencies:
    return PartnerApiDependencies(
        settings=parts.settings,
        handlers=parts.handlers,
        lister=parts.basket_lister,
        verifier=parts.token_verifier,
        new_id=new_id,
        is_ready=parts.is_ready,
    )


def _paths(application: object) -> Iterator[str]:
    """The paths of all routes, also behind middlewares and mounts."""
    inner = getattr(application, "_app", None)
    if inner is not None:
        yield from _paths(inner)
    if isinstance(application, FastAPI | PartnerApi):
        yield from application.openapi()["paths"]  # they keep their routes to themselves
    for route in getattr(application, "routes", ()):
        yield from _below(route)


def _below(route: BaseRoute) -> Iterator[str]:
    if isinstance(route, Mount):
        yield route.path
        yield from (route.path + path for path in _paths(route.app))
    elif isinstance(route, Route):
        yield route.path


def _filled(path: str, value: str = "x") -> str:
    """The path with a value for each parameter."""
    for part in path.split("/"):
        if part.startswith("{"):
            path = path.replace(part, value)
    return path


def _with_odd_ones(ports: Ports) -> list[str]:
    roots = {
        "",
        CONSOLE,
        OPERATOR_API_PATH,
        f"{CONSOLE}/assets",
        f"{CONSOLE}/_nicegui",
        f"{CONSOLE}/_nicegui_ws",
    }
    roots |= {path for path in map(_filled, ports.routes) if path.endswith(("assets", "static"))}
    odd = [f"{root}/{name}" for root in sorted(roots) for name in ODD]
    return [*(_filled(path) for path in ports.routes), *(_filled(path, "%00") for path in ports.routes), *odd]


async def _answers(
    base: str, paths: Sequence[str], headers: dict[str, str], methods: Sequence[str] = METHODS
) -> AsyncIterator[httpx.Response]:
    async with httpx.AsyncClient(base_url=base, headers=headers, timeout=60) as client:
        for path in paths:
            for method in methods:
                body = b"{" if method in ("POST", "PUT", "PATCH") else None
                yield await client.request(method, path, content=body)


@pytest.mark.timeout(600)
async def test_no_route_fails_for_a_stranger(ports: Ports, capfd: pytest.CaptureFixture[str]) -> None:
    assert {"/partner/checkout/initiate", "/operations/audit", "/console/sign-out"} <= set(ports.routes)
    faults = [
        (answer.request.method, answer.request.url.path, answer.status_code)
        async for answer in _answers(ports.api, _with_odd_ones(ports), {**HEADERS, "cookie": 'checkout_console="\\'})
        if answer.status_code >= 500
    ]
    assert faults == []
    told = "".join(capfd.readouterr())
    assert "Traceback" not in told
    assert "unexpected_failure" not in told


HANDSHAKE = {
    "connection": "Upgrade",
    "upgrade": "websocket",
    "sec-websocket-version": "13",
    "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
}


@pytest.mark.timeout(600)
@pytest.mark.parametrize("signed_in", [False, True])
async def test_no_route_fails_for_a_websocket(
    ports: Ports, capfd: pytest.CaptureFixture[str], *, signed_in: bool
) -> None:
    headers = {**HANDSHAKE, **({"cookie": await _cookie(ports)} if signed_in else {})}
    # The console's own socket would be opened.
    paths = [path for path in _with_odd_ones(ports) if "_nicegui_ws" not in path]
    statuses = {answer.status_code async for answer in _answers(ports.api, paths, headers, ("GET",))}
    assert statuses <= {400, 403, 414}
    assert "Traceback" not in "".join(capfd.readouterr())


async def _cookie(ports: Ports) -> str:
    """A client of a signed-in operator."""
    async with httpx.AsyncClient(base_url=ports.api, timeout=60) as browser:
        signed = await browser.post(f"{CONSOLE}/sign-in", data={"token": ports.token()})
        return signed.headers["set-cookie"].partition(";")[0]


@pytest.mark.timeout(600)
async def test_no_route_of_the_internal_ports_fails_for_a_stranger(
    ports: Ports, capfd: pytest.CaptureFixture[str]
) -> None:
    known = ["/metrics", "/health/live", "/health/ready"]
    paths = [*known, "/", *(f"{path}/{name}" for path in ("", *known) for name in ODD)]
    for base in (ports.metrics, ports.health):
        async for answer in _answers(base, paths, {}, ("GET", "POST", "PROPFIND")):
            assert answer.status_code < 500
    assert "Traceback" not in "".join(capfd.readouterr())


@pytest.mark.timeout(600)
async def test_no_route_fails_for_an_operator(ports: Ports, capfd: pytest.CaptureFixture[str]) -> None:
    headers = {**HEADERS, "authorization": f"Bearer {ports.token()}", "cookie": await _cookie(ports)}
    paths = [path for path in _with_odd_ones(ports) if "sign-out" not in path and "/health/" not in path]
    faults = [
        (answer.request.method, answer.request.url.path, answer.status_code)
        async for answer in _answers(ports.api, paths, headers, ("GET", "POST", "DELETE"))
        if answer.status_code >= 500
    ]
    assert faults == []
    assert "Traceback" not in "".join(capfd.readouterr())


@pytest.mark.parametrize(
    ("method", "path", "status", "allow"),
    [
        ("GET", "/console/sign-out", 405, "POST"),
        ("PUT", "/console/sign-in", 405, "GET, HEAD, POST"),
        ("GET", "/console/assets/nothing", 404, None),
        ("POST", "/console/assets/look.css", 405, None),
        ("GET", "/console/_nicegui/nothing", 403, None),
        ("GET", "/console/nothing", 403, None),
        ("GET", "/console/operator-api", 403, None),
        ("GET", "/operations/nothing", 401, None),
        ("GET", "/operations/openapi.json", 401, None),
        ("GET", "/docs-assets/nothing", 404, None),
        ("GET", "/nothing", 404, None),
        ("DELETE", "/health/live", 405, "GET, HEAD"),
    ],
)
async def test_unknown_paths_and_wrong_methods_are_told_to_strangers(
    ports: Ports, method: str, path: str, status: int, allow: str | None
) -> None:
    async with httpx.AsyncClient(base_url=ports.api) as client:
        answer = await client.request(method, path)
    assert answer.status_code == status
    if allow is not None:
        assert ", ".join(sorted(answer.headers["allow"].split(", "))) == allow


async def test_signed_in_operators_get_the_operator_apis_document(ports: Ports) -> None:
    async with httpx.AsyncClient(base_url=ports.api) as browser:
        first = await browser.post(f"{CONSOLE}/sign-in", data={"token": ports.token()})
        browser.cookies.set("checkout_console", first.cookies["checkout_console"], path="/console")
        page = await browser.get(f"{CONSOLE}/operator-api")
        assert page.status_code == 200
        assert "operator-api/openapi.json" in page.text
        assert "://" not in page.text.replace("http://www.w3.org", "")
        assert "/operations/audit" in (await browser.get(f"{CONSOLE}/operator-api/openapi.json")).json()["paths"]
        assert (await browser.get(f"{CONSOLE}/operator-api/assets/swagger-ui.css")).status_code == 200


async def test_signing_in_again_or_out_ends_the_browsers_session(ports: Ports) -> None:
    async with httpx.AsyncClient(base_url=ports.api) as browser:
        ids: list[str] = []
        for _ in range(2):
            cookie = {"cookie": f"checkout_console={ids[-1]}"} if ids else {}
            signed = await browser.post(f"{CONSOLE}/sign-in", data={"token": ports.token()}, headers=cookie)
            ids.append(signed.cookies["checkout_console"])
            browser.cookies.clear()
        first, second = ({"cookie": f"checkout_console={id}"} for id in ids)
        document = f"{CONSOLE}/operator-api/openapi.json"
        assert [(await browser.get(document, headers=each)).status_code for each in (first, second)] == [
            403,
            200,
        ]
        await browser.post(f"{CONSOLE}/sign-out", headers=second)
        assert (await browser.get(document, headers=second)).status_code == 403
