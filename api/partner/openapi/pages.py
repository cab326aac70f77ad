"""Serves the document and its page."""

from __future__ import annotations

from pydantic_core import to_json
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount, Route

from api.http.request_context import request_context
from api.http.swagger import swagger_assets, swagger_page
from api.partner.openapi.operations import Document

OPENAPI = "/openapi.json"
DOCS = "/docs"
ASSETS = "/docs-assets"


def openapi_routes(openapi: Document) -> list[BaseRoute]:
    """The document is rendered once. Both are open to everybody: the contract is no secret."""
    document = to_json(openapi)
    page = swagger_page(
        "Partner Checkout", document=OPENAPI.removeprefix("/"), assets=ASSETS.removeprefix("/")
    )

    async def json(request: Request) -> Response:
        request_context(request.scope).route = OPENAPI
        return Response(document, media_type="application/json")

    async def docs(request: Request) -> Response:
        request_context(request.scope).route = DOCS
        return Response(page, media_type="text/html")

    return [Route(OPENAPI, json), Route(DOCS, docs), Mount(ASSETS, swagger_assets())]
