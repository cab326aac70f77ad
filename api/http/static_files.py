"""Files that anybody may load, and Swagger UI from this server: callers' networks may not reach its public host."""

from __future__ import annotations

from pathlib import Path
from posixpath import dirname, relpath
from typing import Any

import fastapi_offline
from fastapi.openapi.docs import get_swagger_ui_html
from pydantic_core import to_json
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from api.http.request_context import name_route

MAX_PATH_LENGTH = 512
"""No file has a longer path. A deep path costs more to look up than its length."""


class StaticAssets(StaticFiles):
    """The files of a folder."""

    def get_path(self, scope: Scope) -> str:
        if len(scope["path"]) > MAX_PATH_LENGTH:
            raise HTTPException(404)
        return super().get_path(scope)


def swagger_routes(openapi: dict[str, Any], *, page: str, document: str, assets: str) -> list[BaseRoute]:
    """An OpenAPI document, rendered once, and Swagger UI at these paths. The page's addresses are relative, so that a
    proxy may serve it under any path."""
    rendered = to_json(openapi)
    document_url, assets_url = (relpath(path, dirname(page)) for path in (document, assets))
    html = get_swagger_ui_html(
        openapi_url=document_url,
        title=openapi["info"]["title"],
        swagger_js_url=f"{assets_url}/swagger-ui-bundle.js",
        swagger_css_url=f"{assets_url}/swagger-ui.css",
        swagger_favicon_url=f"{assets_url}/favicon.png",
    ).body

    async def show_page(request: Request) -> Response:
        name_route(request.scope, page)
        return HTMLResponse(html)

    async def show_document(request: Request) -> Response:
        name_route(request.scope, document)
        return Response(rendered, media_type="application/json")

    files = StaticAssets(directory=Path(fastapi_offline.__file__).parent / "static")
    return [Route(page, show_page), Route(document, show_document), Mount(assets, files)]
