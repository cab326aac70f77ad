"""Whether the process lives, and whether it can serve. Nothing else is told: partners, and strangers, reach these."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from adapters.wire.problems import to_problem
from api.http.request_context import request_context
from api.partner.dependencies import PartnerApiDependencies
from domain.shared.errors import Unavailable

LIVE = "/health/live"
READY = "/health/ready"


def health_routes(parts: PartnerApiDependencies) -> list[Route]:
    """Plain routes: those of FastAPI look into every cookie and parameter of whoever asks."""

    async def live(request: Request) -> Response:
        request_context(request.scope).route = LIVE
        return JSONResponse({"status": "alive"})

    async def ready(request: Request) -> Response:
        request_context(request.scope).route = READY
        try:
            is_ready = await parts.is_ready()
        except Unavailable:
            is_ready = False
        if is_ready:
            return JSONResponse({"status": "ready"})
        answer = to_problem(Unavailable("not ready")).response()
        return Response(answer.body, answer.status, answer.headers)

    return [Route(LIVE, live), Route(READY, ready)]
