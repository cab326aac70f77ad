"""ASGI applications of ours on a port."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import structlog
import uvicorn
from starlette.types import ASGIApp

from domain.errors import CheckoutError

_STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM)

_log = structlog.get_logger("checkout.http")


class PortTaken(CheckoutError):
    """Another program listens there, or nobody may; the message names the port."""


async def serve(application: ASGIApp, host: str, port: int, *, finish_within: int) -> None:
    """Serves until SIGTERM or SIGINT; requests that run then get `finish_within` seconds to end."""
    await _Serving(_config(application, host, port, finish_within)).serve()


@asynccontextmanager
async def served_beside(application: ASGIApp, host: str, port: int, name: str) -> AsyncIterator[int]:
    """Serves for the block, beside what the process is there for, and gives the port; 0 takes a free one.
    Raises PortTaken."""
    try:
        listening = socket.create_server((host, port))
    except OSError as error:
        raise PortTaken(f"port {port} of {host} for {name} cannot be had: {error.strerror}") from error
    chosen: int = listening.getsockname()[1]
    _log.info("listening", what=name, host=host, port=chosen)
    server = _Beside(_config(application, host, chosen, 1))
    task = asyncio.create_task(server.serve(sockets=[listening]), name=name)
    try:
        yield chosen
    finally:
        server.should_exit = True
        await asyncio.gather(task, return_exceptions=True)
        listening.close()


class _Serving(uvicorn.Server):
    """A server that a signal ends, and nothing else: uvicorn's own raises the signal again once it has ended,
    and the process would be gone before it gave up its roles, left its groups and said that it stops."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        before = {number: signal.signal(number, self.handle_exit) for number in _STOP_SIGNALS}
        try:
            yield
        finally:
            # Whoever signals again is obeyed at once.
            for number, handler in before.items():
                signal.signal(number, handler)


class _Beside(uvicorn.Server):
    """A server that leaves signals to the one that it is beside."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def _config(application: ASGIApp, host: str, port: int, finish_within: int) -> uvicorn.Config:
    return uvicorn.Config(
        application,
        host=host,
        port=port,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=finish_within,
    )
