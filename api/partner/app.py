"""The partner API as an ASGI application."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.types import Receive, Scope, Send

from adapters.system import release
from adapters.wire.request_errors import MethodNotAllowed, RouteNotFound
from api.http.middleware import RequestMiddleware
from api.http.static_files import swagger_routes
from api.partner.dependencies import PartnerApiDependencies
from api.partner.health import health_routes
from api.partner.message_documents import message_document_routes
from api.partner.openapi.document import openapi_document
from api.partner.promise_keys import promise_key_routes
from api.partner.routes import PartnerRoutes


class PartnerApi(RequestMiddleware):
    """The application, with its document at /openapi.json and Swagger UI at /docs. Everybody may read both, and what is
    published about the messages on Kafka.

    It answers partners' calls itself, from raw bodies to raw responses. FastAPI stands behind it for all the rest.
    """

    def __init__(self, dependencies: PartnerApiDependencies) -> None:
        self._document = openapi_document(dependencies.settings, release())
        super().__init__(
            _Documents(dependencies, self._document),
            dependencies.new_id,
            dependencies.requests,
            PartnerRoutes(dependencies).find,
        )

    def openapi(self) -> dict[str, Any]:
        """The OpenAPI document."""
        return self._document


class _Documents:
    """Documents and health. Raises RouteNotFound and MethodNotAllowed."""

    def __init__(self, dependencies: PartnerApiDependencies, openapi: dict[str, Any]) -> None:
        self._app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None, redirect_slashes=False)
        self._app.router.routes.extend(
            [
                *swagger_routes(openapi, page="/docs", document="/openapi.json", assets="/docs-assets"),
                *message_document_routes(dependencies.settings),
                *promise_key_routes(dependencies.public_jwks, dependencies.settings.promise_jwks_max_age),
                *health_routes(dependencies.is_ready),
            ]
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        # The router alone: the application's middlewares would answer errors themselves.
        scope["app"] = self._app
        try:
            await self._app.router(scope, receive, send)
        except HTTPException as error:
            allowed = (error.headers or {}).get("Allow")
            raise MethodNotAllowed(allowed.split(", ")) if allowed else RouteNotFound from error
