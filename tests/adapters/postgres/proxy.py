"""A network between us and PostgreSQL that tests can break."""

from __future__ import annotations

import asyncio
from urllib.parse import urlsplit


class BreakableNetwork:
    """Forwards connections to a server, until told otherwise."""

    def __init__(self, server_url: str) -> None:
        self._target = urlsplit(server_url)
        self._connections: set[asyncio.Task[None]] = set()
        self._flowing = asyncio.Event()
        self._flowing.set()
        self.lose_answers_to: bytes | None = None
        """A request that holds these bytes reaches the server; its connection is cut at the first byte of the
        answer. Once."""
        self.cuts = 0

    async def __aenter__(self) -> BreakableNetwork:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for connection in self._connections:
            connection.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    @property
    def url(self) -> str:
        """The server's URL, by way of this network."""
        port = self._server.sockets[0].getsockname()[1]
        user = self._target.netloc.rpartition("@")[0]
        return self._target._replace(netloc=f"{user}@127.0.0.1:{port}" if user else f"127.0.0.1:{port}").geturl()

    def swallow_everything(self) -> None:
        """From now on nothing arrives, and nobody is told."""
        self._flowing.clear()

    def cut_all(self) -> None:
        """Ends every connection; a server that is busy notices when it wants to answer."""
        for connection in self._connections:
            connection.cancel()

    def flow(self) -> None:
        """Delivers again, also what was held back."""
        self._flowing.set()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        upstream: asyncio.StreamWriter | None = None
        try:
            source, upstream = await asyncio.open_connection(self._target.hostname, self._target.port or 5432)
            doomed = asyncio.Event()
            async with asyncio.TaskGroup() as both:
                both.create_task(self._forward(reader, upstream, doomed, watch=True))
                both.create_task(self._forward(source, writer, doomed, watch=False))
        except* (OSError, _Cut):
            pass
        finally:
            self._connections.discard(task)
            for side in (writer, upstream):
                if side is not None:
                    side.transport.abort()

    async def _forward(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        doomed: asyncio.Event,
        *,
        watch: bool,
    ) -> None:
        while chunk := await reader.read(65536):
            await self._flowing.wait()
            if watch and self.lose_answers_to is not None and self.lose_answers_to in chunk:
                self.lose_answers_to = None
                doomed.set()
            elif not watch and doomed.is_set():
                self.cuts += 1
                raise _Cut
            writer.write(chunk)
            await writer.drain()
        raise _Cut


class _Cut(Exception):
    """One side is gone, so the other must go too."""
