"""The service as operators run it: one process a role, each started again when it ends."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from adapters.embedded.postgres import EmbeddedPostgres
from adapters.embedded.processes import ChildProcess, free_port
from cli.supervisor import until_ready
from tests.servers.apache_kafka import ApacheKafka
from tests.servers.checkout_command import run_command

POLL_SECONDS = 0.05
ROLES = ("publisher", "projector", "commands", "catalogue")
KILLED = -9


class ServiceProcesses:
    """The API and the workers. `unexpected` names those that ended without being killed."""

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self.environment = environment
        self.port = free_port()
        self.unexpected: list[str] = []
        commands = {role: ("work", role, "--health-port", "0") for role in ROLES}
        commands["standby publisher"] = ("work", "publisher", "--health-port", "0")
        commands["API"] = ("serve", "--port", str(self.port), "--no-console")
        self._children = {
            name: ChildProcess(
                name, [sys.executable, "-m", "cli", *command], folder / f"{name}.log", environment=environment
            )
            for name, command in commands.items()
        }

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def kill(self, name: str) -> None:
        """As a crash would. The process is started again."""
        await self._children[name].kill()

    def logs(self) -> str:
        """The end of each log, for a failure's message."""
        return "\n".join(f"--- {name}\n{child.output()[-1500:]}" for name, child in self._children.items())

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        for child in self._children.values():
            child.start()
        watching = asyncio.create_task(self._watch())
        try:
            await until_ready(self.port, 60)
            yield
        finally:
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)
            await asyncio.gather(*(child.stop(10) for child in self._children.values()))

    async def _watch(self) -> None:
        while True:
            for name, child in self._children.items():
                if not child.running:
                    if child.exit_code != KILLED:
                        self.unexpected.append(f"{name} ended with {child.exit_code}: {child.output()[-800:]}")
                    child.start()
            await asyncio.sleep(POLL_SECONDS)


@asynccontextmanager
async def running_service(
    folder: Path, postgres: EmbeddedPostgres, kafka: ApacheKafka
) -> AsyncIterator[ServiceProcesses]:
    """A service on these servers, with its tables and topics."""
    environment = {
        "CHECKOUT_DATABASE_URL": postgres.url,
        "CHECKOUT_KAFKA_BOOTSTRAP_SERVERS": kafka.bootstrap_servers,
        "CHECKOUT_KAFKA_REPLICATION_FACTOR": "1",
        "CHECKOUT_KAFKA_FETCH_MAX_WAIT_MS": "20",
        "CHECKOUT_LOCAL_ISSUER_KEY_FILE": str(folder / "issuer-key.pem"),
        "CHECKOUT_LANDING_COOKIE_SECURE": "false",
        "CHECKOUT_LOG_LEVEL": "WARNING",
        # Tombstones come within the run.
        "CHECKOUT_STATE_RETENTION": "5",
    }
    ended = await run_command("migrate", environment=environment)
    assert ended.code == 0, ended.err
    service = ServiceProcesses(folder, environment)
    async with service.running():
        yield service
