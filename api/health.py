"""Whether the process lives, and whether it can serve."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response

from adapters.contract.problems import problem_of
from adapters.http.exchange import exchange_of
from api.parts import ApiParts
from domain.errors import Unavailable

LIVE = "/health/live"
READY = "/health/ready"


def health_routes(parts: ApiParts) -> APIRouter:
    router = APIRouter(include_in_schema=False)

    @router.get(LIVE)
    async def live(request: Request) -> Response:
        exchange_of(request.scope).route = LIVE
        return JSONResponse({"status": "alive"})

    @router.get(READY)
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

    return router
