"""Health pages of a process's workers."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import BaseRoute, Route

from domain.operators.status.service_status import STALLED_AFTER_SECONDS
from workers.heartbeat import Heartbeat


def health_app(
    heartbeats: Sequence[Heartbeat],
    silent_seconds: float = STALLED_AFTER_SECONDS,
    more: Sequence[BaseRoute] = (),
) -> Starlette:
    """The pages `/health/live` and `/health/ready`, and `more` beside them.

    Live: every worker sent a heartbeat in the last `silent_seconds`; else 503, and the process should be restarted.
    Ready: every worker also works or stands by; else 503. The body is `{"status", "workers": {name: {…}}}`. It names
    only an error's type, because its text may name hosts and topics.
    """

    def is_live(heartbeat: Heartbeat) -> bool:
        return heartbeat.silent_seconds <= silent_seconds

    def page(good: str, bad: str, well: bool) -> JSONResponse:
        workers = {
            heartbeat.name: {
                "live": is_live(heartbeat),
                "ready": heartbeat.is_ready,
                "secondsSinceLastBeat": round(heartbeat.silent_seconds, 3),
                "lastError": heartbeat.last_error and heartbeat.last_error.partition(":")[0],
            }
            for heartbeat in heartbeats
        }
        return JSONResponse(
            {"status": good if well else bad, "workers": workers},
            status_code=200 if well else 503,
            headers={"Cache-Control": "no-store"},
        )

    async def live(_: Request) -> JSONResponse:
        return page("live", "standing still", all(is_live(each) for each in heartbeats))

    async def ready(_: Request) -> JSONResponse:
        return page("ready", "not ready", all(is_live(each) and each.is_ready for each in heartbeats))

    return Starlette(routes=[Route("/health/live", live), Route("/health/ready", ready), *more])
