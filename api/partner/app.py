"""The partner API as an ASGI application."""

from __future__ import annotations

from fastapi import FastAPI, Request
from starlette.exceptions import HTTPException
from starlette.responses import Response

from adapters.system import release
from adapters.wire.problems import to_problem
from adapters.wire.request_errors import MethodNotAllowed, RouteNotFound
from api.http.middleware import RequestMiddleware
from api.partner.dependencies import PartnerApiDependencies
from api.partner.health import health_routes
from api.partner.openapi import openapi_document
from api.partner.openapi.pages import openapi_routes
from api.partner.routes import PartnerRoutes

__all__ = ["PartnerApiDependencies", "create_app"]


def create_app(parts: PartnerApiDependencies) -> FastAPI:
    """The application, with its document at /openapi.json and its pages at /docs.

    The partner routes are plain routes within it: they read raw bodies and render raw answers, which
    FastAPI's own routes would do at several times the cost.
    """
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None, redirect_slashes=False)
    app.router.routes.extend(PartnerRoutes(parts).routes())
    document = openapi_document(parts.settings, release())
    app.openapi = lambda: document  # type: ignore[method-assign]  # FastAPI's own way to give another one
    app.router.routes.extend(openapi_routes(document))
    app.router.routes.extend(health_routes(parts))
    app.add_middleware(RequestMiddleware, new_id=parts.new_id, requests=parts.requests)
    app.add_exception_handler(HTTPException, _routing_problem)
    return app


async def _routing_problem(_: Request, error: Exception) -> Response:
    """What the router itself refuses: unknown paths, and unknown methods of FastAPI's own routes."""
    allowed = (getattr(error, "headers", None) or {}).get("Allow")
    answer = to_problem(MethodNotAllowed(allowed.split(", ")) if allowed else RouteNotFound()).response()
    return Response(answer.body, answer.status, answer.headers)
