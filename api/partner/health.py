"""Whether the process runs, and whether it can serve. It says nothing else, because anybody can reach it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from adapters.wire.problems import to_problem
from api.http.request_context import name_route
from domain.shared.errors import Unavailable

LIVE = "/health/live"
READY = "/health/ready"


def health_routes(is_ready: Callable[[], Awaitable[bool]]) -> list[Route]:
    """Plain routes, because FastAPI's would parse every cookie and parameter of the caller."""

    async def live(request: Request) -> Response:
        name_route(request.scope, LIVE)
        return JSONResponse({"status": "alive"})

    async def ready(request: Request) -> Response:
        name_route(request.scope, READY)
        try:
            if await is_ready():
                return JSONResponse({"status": "ready"})
        except Unavailable:
            pass
        problem = to_problem(Unavailable("not ready")).response()
        return Response(problem.body, problem.status, problem.headers)

    return [Route(LIVE, live), Route(READY, ready)]
