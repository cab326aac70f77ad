"""The API as a process."""

from __future__ import annotations

from adapters.logs import configure_logging
from adapters.settings import Settings
from adapters.wiring import new_id, open_parts
from api.app import ApiParts, create_app
from checkout.http import serve


async def run_api(settings: Settings) -> None:
    """Serves until SIGTERM or SIGINT; requests that run get five seconds to end."""
    configure_logging(settings.log_level)
    async with open_parts(settings) as parts:
        parts.privacy.warn_unless_sealing()
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
        await serve(application, settings.host, settings.port, finish_within=5)
