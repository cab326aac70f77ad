"""The API as a process."""

from __future__ import annotations

import uvicorn

from adapters.logs import configure_logging
from adapters.settings import Settings
from adapters.wiring import new_id, open_parts
from api.app import ApiParts, create_app


async def run_api(settings: Settings) -> None:
    """Serves until SIGTERM or SIGINT; requests that run get five seconds to end."""
    configure_logging(settings.log_level)
    async with open_parts(settings) as parts:
        application = create_app(
            ApiParts(
                settings=settings,
                handlers=parts.handlers,
                answers=parts.answers,
                verifier=parts.verifier,
                new_id=new_id,
                is_ready=parts.is_ready,
            )
        )
        await uvicorn.Server(
            uvicorn.Config(
                application,
                host=settings.host,
                port=settings.port,
                log_config=None,
                access_log=False,
                server_header=False,
                timeout_graceful_shutdown=5,
            )
        ).serve()
