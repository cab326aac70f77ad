"""Serves the document and its page."""

from __future__ import annotations

from pathlib import Path

import fastapi_offline
from fastapi.openapi.docs import get_swagger_ui_html
from pydantic_core import to_json
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from adapters.http.exchange import exchange_of
from api.openapi.operations import Document

OPENAPI = "/openapi.json"
DOCS = "/docs"
ASSETS = "/docs-assets"


def openapi_routes(openapi: Document) -> list[BaseRoute]:
    """The document is rendered once. The page loads Swagger UI from here: partners' networks, and ours, may
    not reach its public host. Its addresses are relative, so that a proxy may serve us under any path."""
    document = to_json(openapi)
    assets = ASSETS.removeprefix("/")
    page = get_swagger_ui_html(
        openapi_url=OPENAPI.removeprefix("/"),
        title="Partner Checkout",
        swagger_js_url=f"{assets}/swagger-ui-bundle.js",
        swagger_css_url=f"{assets}/swagger-ui.css",
        swagger_favicon_url=f"{assets}/favicon.png",
    ).body

    async def json(request: Request) -> Response:
        exchange_of(request.scope).route = OPENAPI
        return Response(document, media_type="application/json")

    async def docs(request: Request) -> Response:
        exchange_of(request.scope).route = DOCS
        return Response(page, media_type="text/html")

    static = StaticFiles(directory=Path(fastapi_offline.__file__).parent / "static")
    return [Route(OPENAPI, json), Route(DOCS, docs), Mount(ASSETS, static)]
