"""The service that a benchmark calls: a running one, or a `checkout up` of its own."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil

from adapters.auth.local_issuer import issue_token
from adapters.embedded.processes import die_with_parent, free_port
from adapters.settings import Settings
from cli.supervisor import until_ready

START_LIMIT = 90.0
TOKEN_LIFE = timedelta(hours=12)


class LoadFailed(Exception):
    """`checkout catalogue load` failed."""


@dataclass(frozen=True, slots=True)
class TargetService:
    """A service as `checkout up --json` describes it."""

    url: str
    database_url: str
    kafka: str
    issuer: str
    audience: str

    @classmethod
    def of(cls, line: str | bytes) -> TargetService:
        ready: dict[str, Any] = json.loads(line)
        return cls(*(ready[name] for name in ("url", "database_url", "kafka", "issuer", "audience")))

    @property
    def environment(self) -> dict[str, str]:
        """The settings of commands on the same database and broker."""
        return {
            "CHECKOUT_DATABASE_URL": self.database_url,
            "CHECKOUT_KAFKA_BOOTSTRAP_SERVERS": self.kafka,
            # The embedded broker accepts nothing else, and every other broker accepts it too.
            "CHECKOUT_KAFKA_DELIVERY": "at_least_once",
        }

    def token(self, partner: str) -> str:
        settings = Settings(jwt_issuer=self.issuer, jwt_audience=self.audience)
        return issue_token(settings, partner=partner, scope="partner", ttl=TOKEN_LIFE)

    def api(self) -> psutil.Process | None:
        """The process that listens on the API's port, if it is on this machine and we may see it."""
        port = urlsplit(self.url).port
        for connection in psutil.net_connections("tcp"):
            if connection.status == psutil.CONN_LISTEN and connection.laddr.port == port and connection.pid:
                return psutil.Process(connection.pid)
        return None

    async def load(self, facts: Path) -> dict[str, Any]:
        """Loads a file with the ordinary command, waits until its facts are recorded, and shows the progress bars. Raises
        LoadFailed."""
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", "cli", "catalogue", "load", str(facts), "--wait", "--json"),
            stdout=asyncio.subprocess.PIPE,
            env={**os.environ, **self.environment},
        )
        output, _ = await process.communicate()
        if process.returncode != 0:
            raise LoadFailed(f"loading {facts} ended with {process.returncode}: {output.decode()}")
        summary: dict[str, Any] = json.loads(output)
        return summary


@asynccontextmanager
async def own_service(folder: Path | None, **environment: str) -> AsyncIterator[TargetService]:
    """A `checkout up` that stops at the end. `folder` keeps its data; None keeps nothing."""
    data = ("--ephemeral",) if folder is None else ("--data", str(folder))
    async with _checkout("up", *data, "--json", "--port", "0", **environment) as process:
        assert process.stdout is not None
        async with asyncio.timeout(START_LIMIT):
            line = await process.stdout.readline()
        if not line:
            raise SystemExit(f"the service did not start (exit code {await process.wait()})")
        yield TargetService.of(line)


@asynccontextmanager
async def api_alone(database_url: str, **environment: str) -> AsyncIterator[tuple[TargetService, psutil.Process]]:
    """The API as a process of its own. Nothing else works on the database meanwhile."""
    port, settings = free_port(), Settings()
    environment["CHECKOUT_DATABASE_URL"] = database_url
    async with _checkout("serve", "--port", str(port), **environment) as process:
        await until_ready(port, START_LIMIT)
        url = f"http://127.0.0.1:{port}"
        service = TargetService(url, database_url, "", settings.jwt_issuer, settings.jwt_audience)
        yield service, psutil.Process(process.pid)


@asynccontextmanager
async def _checkout(*arguments: str, **environment: str) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "cli", *arguments),
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, "CHECKOUT_LOG_LEVEL": "WARNING", **environment},
        start_new_session=True,
        preexec_fn=die_with_parent(signal.SIGTERM),
    )
    try:
        yield process
    finally:
        with suppress(ProcessLookupError):
            process.send_signal(signal.SIGTERM)
        await process.wait()
