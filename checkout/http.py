"""ASGI applications of ours on a port."""

from __future__ import annotations

import uvicorn
from starlette.types import ASGIApp


async def serve(application: ASGIApp, host: str, port: int, *, finish_within: int) -> None:
    """Serves until SIGTERM or SIGINT; requests that run then get `finish_within` seconds to end."""
    await uvicorn.Server(
        uvicorn.Config(
            application,
            host=host,
            port=port,
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=finish_within,
        )
    ).serve()
