"""The API as a process."""

from __future__ import annotations

import gc

from adapters.logs import configure_logging
from adapters.settings import Settings
from adapters.wiring import new_id, open_parts
from api.app import ApiParts, create_app
from checkout.http import serve

CIRCLES_LOOKED_FOR = (10_000, 20, 100)
"""Thresholds of the garbage collector. What a request leaves behind is hardly ever a circle, and to look for circles
in all that is remembered of baskets and the catalogue takes a fifth of a second, in which nobody is answered."""


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
        gc.freeze()  # what was made until now stays
        gc.set_threshold(*CIRCLES_LOOKED_FOR)
        await serve(application, settings.host, settings.port, finish_within=5)
