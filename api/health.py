"""Whether the process lives, and whether it can serve. Nothing else is told: partners, and strangers, reach these."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from adapters.contract.problems import problem_of
from adapters.http.exchange import exchange_of
from api.parts import ApiParts
from domain.errors import Unavailable

LIVE = "/health/live"
READY = "/health/ready"


def health_routes(parts: ApiParts) -> list[Route]:
    """Plain routes: those of FastAPI look into every cookie and parameter of whoever asks."""

    async def live(request: Request) -> Response:
        exchange_of(request.scope).route = LIVE
        return JSONResponse({"status": "alive"})

    async def ready(request: Request) -> Response:
        exchange_of(request.scope).route = READY
        try:
            is_ready = await parts.is_ready()
        except Unavailable:
            is_ready = False
        if is_ready:
            return JSONResponse({"status": "ready"})
        answer = problem_of(Unavailable("not ready")).answer()
        return Response(answer.body, answer.status, answer.headers)

    return [Route(LIVE, live), Route(READY, ready)]
