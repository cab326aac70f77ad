"""The API as a process, with what operators use beside it."""

from __future__ import annotations

from starlette.types import ASGIApp

from adapters.logs import configure_logging
from adapters.settings import Settings
from adapters.wiring import Parts, new_id, open_parts
from api.app import ApiParts, create_app
from checkout.http import serve
from checkout.rooms import Rooms
from operations.api import OPERATIONS, operations_app

CONSOLE = "/console"


async def run_api(settings: Settings) -> None:
    """Serves until SIGTERM or SIGINT; requests that run get five seconds to end. Raises ConsoleUnavailable
    where the console is wanted and cannot be had."""
    configure_logging(settings.log_level)
    async with open_parts(settings) as parts:
        await serve(_rooms(parts), settings.host, settings.port, finish_within=5)


def _rooms(parts: Parts) -> ASGIApp:
    partner_api = create_app(
        ApiParts(
            settings=parts.settings,
            handlers=parts.handlers,
            answers=parts.answers,
            verifier=parts.verifier,
            new_id=new_id,
            is_ready=parts.is_ready,
        )
    )
    rooms: dict[str, ASGIApp] = {OPERATIONS: operations_app(parts)}
    if not parts.settings.console:
        return Rooms(partner_api, rooms, lifespan=partner_api)
    from operations.console import console_app  # noqa: PLC0415  its library takes time and memory

    console = console_app(parts, CONSOLE)
    return Rooms(partner_api, {**rooms, CONSOLE: console}, lifespan=console)
