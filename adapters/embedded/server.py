"""The base class of all embedded servers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from types import TracebackType
from typing import Self

from adapters.embedded.processes import ChildProcess, Condition, ServerFailed


class EmbeddedServer(ABC):
    """A server that can be started again on the same port. It ends with the thread that started it."""

    name: str
    _process: ChildProcess | None = None

    @abstractmethod
    async def start(self) -> None:
        """Returns once the server is ready. Raises EmbeddedServerUnavailable and ServerFailed."""

    async def stop(self, limit: float = 10.0) -> None:
        """Stops the server, by force after `limit` seconds."""
        if self._process is not None:
            await self._process.stop(limit)

    async def kill(self) -> None:
        """Ends the server as a crash would."""
        await self._started().kill()

    @property
    def pid(self) -> int:
        """The process that was started last."""
        return self._started().pid

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.running

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    async def _run(self, process: ChildProcess, ready: Condition, limit: float) -> None:
        """Starts the process and waits until it is ready. A process that fails to get ready is stopped."""
        self._process = process
        process.start()
        try:
            await process.wait_until(ready, limit)
        except BaseException:
            await process.stop(limit=3)
            raise

    def _started(self) -> ChildProcess:
        if self._process is None:
            raise ServerFailed(f"{self.name} was never started")
        return self._process
