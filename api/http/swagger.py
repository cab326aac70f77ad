"""Swagger UI served from here: callers' networks, and ours, may not reach its public host."""

from __future__ import annotations

from pathlib import Path

import fastapi_offline
from fastapi.openapi.docs import get_swagger_ui_html

from api.http.static_files import StaticAssets


def swagger_page(title: str, *, document: str, assets: str) -> bytes:
    """The page. Its addresses are relative, so that a proxy may serve us under any path."""
    page = get_swagger_ui_html(
        openapi_url=document,
        title=title,
        swagger_js_url=f"{assets}/swagger-ui-bundle.js",
        swagger_css_url=f"{assets}/swagger-ui.css",
        swagger_favicon_url=f"{assets}/favicon.png",
    )
    return bytes(page.body)


def swagger_assets() -> StaticAssets:
    return StaticAssets(directory=Path(fastapi_offline.__file__).parent / "static")
