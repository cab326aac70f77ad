"""Whether the workers of a process live and work, for whoever looks after the process."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import BaseRoute, Route

from workers.heartbeat import Heartbeat

SILENT_SECONDS = 60.0
"""A worker without a beat for longer than this stands still, and its process should be started again."""


def health_app(
    heartbeats: Sequence[Heartbeat], silent_seconds: float = SILENT_SECONDS, more: Sequence[BaseRoute] = ()
) -> Starlette:
    """The pages tell whoever asks only of which kind a fault is: its words may name hosts and topics, and are for
    `checkout status` and the log. `/health/live`: 200 while every worker moves. `/health/ready`: 200 while every worker works or
    stands by. Else 503. The body says it of each worker: `{"status", "workers": {name: {...}}}`. `more` are pages that go with them."""

    def lives(heartbeat: Heartbeat) -> bool:
        return heartbeat.silent_seconds <= silent_seconds

    def answer(good: str, bad: str, well: Sequence[bool]) -> JSONResponse:
        status = good if all(well) else bad
        workers = {
            heartbeat.name: {
                "live": lives(heartbeat),
                "ready": heartbeat.is_ready,
                "secondsSinceLastBeat": round(heartbeat.silent_seconds, 3),
                "lastError": heartbeat.last_error and heartbeat.last_error.partition(":")[0],
            }
            for heartbeat in heartbeats
        }
        return JSONResponse(
            {"status": status, "workers": workers},
            status_code=200 if all(well) else 503,
            headers={"Cache-Control": "no-store"},
        )

    async def live(_: Request) -> JSONResponse:
        return answer("live", "standing still", [lives(heartbeat) for heartbeat in heartbeats])

    async def ready(_: Request) -> JSONResponse:
        return answer(
            "ready", "not ready", [lives(heartbeat) and heartbeat.is_ready for heartbeat in heartbeats]
        )

    return Starlette(routes=[Route("/health/live", live), Route("/health/ready", ready), *more])
