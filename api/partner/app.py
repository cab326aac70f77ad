"""The partner API as an ASGI application."""

from __future__ import annotations

from fastapi import FastAPI, Request
from starlette.exceptions import HTTPException
from starlette.responses import Response

from adapters.system import release
from adapters.wire.problems import to_problem
from adapters.wire.request_errors import MethodNotAllowed, RouteNotFound
from api.http.middleware import RequestMiddleware
from api.http.static_files import swagger_routes
from api.partner.dependencies import PartnerApiDependencies
from api.partner.health import health_routes
from api.partner.message_documents import message_document_routes
from api.partner.openapi.document import openapi_document
from api.partner.promise_keys import promise_key_routes
from api.partner.routes import PartnerRoutes


def create_app(dependencies: PartnerApiDependencies) -> FastAPI:
    """The application, with its document at /openapi.json and Swagger UI at /docs. Everybody may read both, and what is
    published about the messages on Kafka.

    The partner routes are plain routes: they read raw bodies and render raw responses, at a fraction of the cost of
    FastAPI's own routes.
    """
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None, redirect_slashes=False)
    document = openapi_document(dependencies.settings, release())
    app.openapi = lambda: document  # type: ignore[method-assign]  # FastAPI's own way to give another one
    app.router.routes.extend(
        [
            *PartnerRoutes(dependencies).routes(),
            *swagger_routes(document, page="/docs", document="/openapi.json", assets="/docs-assets"),
            *message_document_routes(dependencies.settings),
            *promise_key_routes(dependencies.public_jwks, dependencies.settings.promise_jwks_max_age),
            *health_routes(dependencies.is_ready),
        ]
    )
    app.add_middleware(RequestMiddleware, new_id=dependencies.new_id, requests=dependencies.requests)
    app.add_exception_handler(HTTPException, _routing_problem)
    return app


async def _routing_problem(_: Request, error: Exception) -> Response:
    """The problem of an unknown path, or of an unknown method of FastAPI's own routes."""
    allowed = (getattr(error, "headers", None) or {}).get("Allow")
    problem = to_problem(MethodNotAllowed(allowed.split(", ")) if allowed else RouteNotFound()).response()
    return Response(problem.body, problem.status, problem.headers)
