"""The page of the operator API's document. It needs the console's session, as the API needs a token."""

from __future__ import annotations

from typing import Any

from pydantic_core import to_json
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import BaseRoute, Mount, Route

from api.http.swagger import swagger_assets, swagger_page

OPERATOR_API = "/operator-api"


def operator_api_routes(root: str, document: dict[str, Any]) -> list[BaseRoute]:
    path, relative = root + OPERATOR_API, OPERATOR_API.removeprefix("/")
    rendered = to_json(document)
    page = swagger_page(
        "Partner Checkout: operations", document=f"{relative}/openapi.json", assets=f"{relative}/assets"
    )

    async def show_page(_: Request) -> Response:
        return HTMLResponse(page)

    async def show_document(_: Request) -> Response:
        return Response(rendered, media_type="application/json")

    return [
        Route(path, show_page),
        Route(f"{path}/openapi.json", show_document),
        Mount(f"{path}/assets", swagger_assets()),
    ]
