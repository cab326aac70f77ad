"""Serves ASGI applications on a port, behind limits."""

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

from adapters.http.connections import LimitedConfig
from adapters.http.http_protocol import LimitedHttpProtocol
from adapters.settings import Settings
from domain.shared.errors import CheckoutError

_WEBSOCKETS = "adapters.http.websocket_protocol:LimitedWebSocketProtocol"
"""Imported when it is used: only the console has websockets, and its extra brings their library."""
_STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM)

_log = structlog.get_logger("checkout.http")


class PortUnavailable(CheckoutError):
    """Another program listens on the port, or this user may not. The message names the port."""


async def serve(
    application: ASGIApp,
    settings: Settings,
    port: int,
    *,
    finish_within: int,
    websockets: bool = False,
    listening: socket.socket | None = None,
) -> None:
    """Serves until SIGTERM or SIGINT. Running requests then get `finish_within` seconds to end. A socket that is
    `listening` already may be shared with other processes."""
    server = _SignalledServer(_config(application, settings, port, finish_within, websockets))
    await server.serve(None if listening is None else [listening])


def listen(host: str, port: int, name: str) -> socket.socket:
    """A socket that listens there; port 0 takes a free one. Raises PortUnavailable."""
    try:
        listening = socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except OSError as error:
        raise PortUnavailable(f"port {port} of {host} for {name} cannot be had: {error.strerror}") from error
    _log.info("listening", what=name, host=host, port=listening.getsockname()[1])
    return listening


@asynccontextmanager
async def serve_in_background(
    application: ASGIApp, settings: Settings, port: int, name: str, *, websockets: bool = False
) -> AsyncIterator[int]:
    """Serves for the block, beside the process's own work, and gives the port; 0 takes a free one.
    Raises PortUnavailable."""
    listening = listen(settings.host, port, name)
    chosen: int = listening.getsockname()[1]
    server = _BackgroundServer(_config(application, settings, chosen, 1, websockets))
    task = asyncio.create_task(server.serve(sockets=[listening]), name=name)
    try:
        yield chosen
    finally:
        server.should_exit = True
        await asyncio.gather(task, return_exceptions=True)
        listening.close()


class _SignalledServer(uvicorn.Server):
    """A server that only ends on a signal. uvicorn's own raises the signal again after its end; the process would be
    gone before it gave up its leadership, left its consumer groups and reported that it stops."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        before = {number: signal.signal(number, self.handle_exit) for number in _STOP_SIGNALS}
        try:
            yield
        finally:
            # A second signal is obeyed at once.
            for number, handler in before.items():
                signal.signal(number, handler)


class _BackgroundServer(uvicorn.Server):
    """A server that leaves signals to the process's main server."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def _config(application: ASGIApp, settings: Settings, port: int, finish_within: int, websockets: bool) -> LimitedConfig:
    return LimitedConfig(
        application,
        settings,
        host=settings.host,
        port=port,
        http=LimitedHttpProtocol,
        ws=_WEBSOCKETS if websockets else "none",
        ws_max_size=settings.max_body_bytes,
        # A caller who sends little must not make the server inflate much.
        ws_per_message_deflate=False,
        backlog=1024,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,  # nobody asks for the caller's address and scheme
        timeout_graceful_shutdown=finish_within,
    )
