"""The page at `/`: links to everything. It holds nothing that a caller without a token may not know."""

from __future__ import annotations

from html import escape

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

_LINKS = {
    "documentation": ("/docs", "how partners call this service"),
    "openapi": ("/openapi.json", "the same for programs"),
    "asyncapi": ("/asyncapi.json", "the topics and messages on Kafka, for programs"),
    "schemas": ("/schemas", "the JSON Schemas of those messages"),
    "operations": ("/operations/docs", "what operators call, with a token of theirs"),
    "console": ("/console", "the operators' pages"),
    "promise_keys": ("/.well-known/jwks.json", "the public keys that promises are signed with"),
    "health": ("/health/ready", "whether it can serve"),
}


def index_page_app(*, console: str | None) -> ASGIApp:
    """HTML for browsers, JSON for others. Without the console where `console` is None."""
    links = {name: link for name, link in _LINKS.items() if name != "console" or console is not None}
    document = {"service": "partner checkout", **{name: path for name, (path, _) in links.items()}}
    rows = "".join(
        f'<li><a href="{escape(path)}">{escape(path)}</a> {escape(meaning)}</li>' for path, meaning in links.values()
    )
    page = f"<!doctype html><html lang=en><title>Partner checkout</title><h1>Partner checkout</h1><ul>{rows}</ul>"

    async def index(scope: Scope, receive: Receive, send: Send) -> None:
        wants_page = "text/html" in Request(scope).headers.get("accept", "")
        answer: Response = HTMLResponse(page) if wants_page else JSONResponse(document)
        await answer(scope, receive, send)

    return index
