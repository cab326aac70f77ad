"""schemathesis against a real server on the memory adapters, or against any other."""

from __future__ import annotations

import contextlib
import json
import socket
import subprocess
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import httpx
import uvicorn
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tests.api.service import INITIATE, Service, order, settings_in, wanted

CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "missing_required_header",
    "unsupported_method",
    "allow_header_conformance",
    "ignored_auth",
)
"""Not those that know less than the service: a good request may be refused for what a basket holds, and
one with a header too many is a good one."""


ALL_PHASES = "examples,coverage,fuzzing,stateful"


@dataclass
class Target:
    """A server to send cases to, and a token that it takes."""

    url: str
    token: str


class Counting:
    """Counts the answers of an application by their status."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self.answers: Counter[int] = Counter()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def count(message: Message) -> None:
            if message["type"] == "http.response.start":
                self.answers[message["status"]] += 1
            await send(message)

        await self._app(scope, receive, count)


@contextlib.contextmanager
def memory_server() -> Iterator[tuple[Target, Counting]]:
    """The API on the memory adapters, behind a real uvicorn on a free port of the loopback."""
    with tempfile.TemporaryDirectory() as folder, socket.create_server(("127.0.0.1", 0)) as listener:
        service = Service(settings_in(Path(folder)))
        app = Counting(service.app)
        config = uvicorn.Config(app, log_config=None, access_log=False, timeout_graceful_shutdown=1)
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        try:
            yield Target(f"http://127.0.0.1:{listener.getsockname()[1]}", service.token()), app
        finally:
            server.should_exit = True
            thread.join(10)


def fuzz(
    target: Target, examples: int, *, seed: int = 1, fed: bool, phases: str = ALL_PHASES
) -> subprocess.CompletedProcess[str]:
    """One run over all calls, about `examples` a call and phase. Where `fed`, calls get the id and the
    cookie of a basket that exists, so that cases reach the domain; else those are made up too."""
    parameters = ""
    if fed:
        basket_id = _begin(target)
        cookie = quote(json.dumps({"basketId": basket_id}))
        parameters = f'[parameters]\n"path.id" = "{basket_id}"\n"cookie.landing_state" = "{cookie}"\n'
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "schemathesis.toml"
        config.write_text(parameters)
        return subprocess.run(
            [
                *(sys.executable, "-m", "schemathesis.cli", "--config-file", str(config)),
                *("run", f"{target.url}/openapi.json", "--checks", ",".join(CHECKS)),
                *("--header", f"Authorization: Bearer {target.token}"),
                *("--max-examples", str(examples), "--seed", str(seed), "--generation-database", "none"),
                *(
                    "--phases",
                    phases,
                    "--continue-on-failure",
                    "--suppress-health-check",
                    "all",
                    "--no-color",
                ),
            ],
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
            timeout=1800,
        )


def _begin(target: Target) -> str:
    answer = httpx.post(
        f"{target.url}{INITIATE}",
        json=order(wanted(type="offer")),
        headers={"authorization": f"Bearer {target.token}"},
    )
    basket_id: str = answer.raise_for_status().json()["id"]
    return basket_id
