"""The service that is played against: one that runs already, or one of our own with embedded parts."""

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
from adapters.embedded.processes import die_with_parent
from adapters.settings import Settings

START_LIMIT = 90.0
TOKENS_LAST = timedelta(hours=12)


class LoadFailed(Exception):
    """`checkout catalogue load` did not end as it should."""


@dataclass(frozen=True, slots=True)
class TargetService:
    """What `checkout up --json` says of itself."""

    url: str
    database_url: str
    kafka: str
    issuer: str
    audience: str

    @classmethod
    def of(cls, line: str | bytes) -> TargetService:
        said: dict[str, Any] = json.loads(line)
        return cls(said["url"], said["database_url"], said["kafka"], said["issuer"], said["audience"])

    @property
    def environment(self) -> dict[str, str]:
        """For commands that work on the same database and broker."""
        return {
            "CHECKOUT_DATABASE_URL": self.database_url,
            "CHECKOUT_KAFKA_BOOTSTRAP_SERVERS": self.kafka,
            # The embedded broker takes nothing else, and every other broker takes it too.
            "CHECKOUT_KAFKA_DELIVERY": "at_least_once",
        }

    def token(self, partner: str) -> str:
        settings = Settings(jwt_issuer=self.issuer, jwt_audience=self.audience)
        return issue_token(settings, partner=partner, scope="partner", ttl=TOKENS_LAST)

    def api(self) -> psutil.Process | None:
        """The process that listens on the API's port, where it is one of this machine that we may look at."""
        port = urlsplit(self.url).port
        for connection in psutil.net_connections("tcp"):
            if connection.status == psutil.CONN_LISTEN and connection.laddr.port == port and connection.pid:
                return psutil.Process(connection.pid)
        return None

    async def load(self, facts: Path) -> dict[str, Any]:
        """Loads a file with the ordinary command and waits until it is learned; its bars are shown. Raises
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
    """`checkout up` as a process of its own, stopped at the end; `folder` keeps its data, None keeps nothing."""
    where = ("--ephemeral",) if folder is None else ("--data", str(folder))
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "cli", "up", *where, "--json", "--port", "0"),
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, "CHECKOUT_LOG_LEVEL": "WARNING", **environment},
        start_new_session=True,
        preexec_fn=die_with_parent(signal.SIGTERM),
    )
    assert process.stdout is not None
    try:
        async with asyncio.timeout(START_LIMIT):
            line = await process.stdout.readline()
        if not line:
            raise SystemExit(f"the service did not start (exit code {await process.wait()})")
        yield TargetService.of(line)
    finally:
        with suppress(ProcessLookupError):
            process.send_signal(signal.SIGTERM)
        await process.wait()
