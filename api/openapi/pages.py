"""Serves the document and its page."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version

from fastapi.openapi.docs import get_swagger_ui_html
from pydantic_core import to_json
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from api.exchange import exchange_of
from api.openapi.operations import Document

OPENAPI = "/openapi.json"
DOCS = "/docs"


def release() -> str:
    """The version of this release, as the package says it."""
    try:
        return version("partner-checkout")
    except PackageNotFoundError:
        return "0"


def openapi_routes(openapi: Document) -> list[Route]:
    """The document is rendered once; the page loads Swagger UI from its public host, as FastAPI's does."""
    document = to_json(openapi)
    page = get_swagger_ui_html(openapi_url=OPENAPI.removeprefix("/"), title="Partner Checkout").body

    async def json(request: Request) -> Response:
        exchange_of(request.scope).route = OPENAPI
        return Response(document, media_type="application/json")

    async def docs(request: Request) -> Response:
        exchange_of(request.scope).route = DOCS
        return Response(page, media_type="text/html")

    return [Route(OPENAPI, json), Route(DOCS, docs)]
