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

from adapters.http.http_protocol import LimitedHttpProtocol
from adapters.http.limits import HttpLimits
from adapters.http.server_config import LimitedConfig
from domain.shared.errors import CheckoutError

_WEBSOCKETS = "adapters.http.websocket_protocol:LimitedWebSocketProtocol"
"""Imported where it is used: only the console has websockets, and brings their library."""
_STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM)

_log = structlog.get_logger("adapters.http.server")


class PortUnavailable(CheckoutError):
    """Another program listens there, or nobody may; the message names the port."""


async def serve(
    application: ASGIApp,
    host: str,
    port: int,
    limits: HttpLimits,
    *,
    finish_within: int,
    websockets: bool = False,
) -> None:
    """Serves until SIGTERM or SIGINT; requests that run then get `finish_within` seconds to end."""
    config = _config(application, host, port, limits, finish_within, websockets=websockets)
    await _Serving(config).serve()


@asynccontextmanager
async def serve_in_background(
    application: ASGIApp, host: str, port: int, name: str, limits: HttpLimits, *, websockets: bool = False
) -> AsyncIterator[int]:
    """Serves for the block, beside what the process is there for, and gives the port; 0 takes a free one.
    Raises PortUnavailable."""
    try:
        listening = socket.create_server((host, port))
    except OSError as error:
        raise PortUnavailable(f"port {port} of {host} for {name} cannot be had: {error.strerror}") from error
    chosen: int = listening.getsockname()[1]
    _log.info("listening", what=name, host=host, port=chosen)
    server = _Beside(_config(application, host, chosen, limits, 1, websockets=websockets))
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


def _config(
    application: ASGIApp, host: str, port: int, limits: HttpLimits, finish_within: int, *, websockets: bool
) -> LimitedConfig:
    return LimitedConfig(
        application,
        limits,
        host=host,
        port=port,
        http=LimitedHttpProtocol,
        ws=_WEBSOCKETS if websockets else "none",
        ws_max_size=limits.body_bytes,
        # Who sends little must not make us inflate much.
        ws_per_message_deflate=False,
        backlog=1024,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=finish_within,
    )
