"""The operator API as an ASGI application, with its document at /operations/openapi.json."""

from __future__ import annotations

from typing import Any

from fastapi import Depends, FastAPI
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response

from adapters.container import Container
from adapters.system import new_id
from api.http.middleware import RequestMiddleware
from api.http.request_metrics import RequestMetrics
from api.http.swagger import swagger_assets, swagger_page
from api.operators import (
    audit,
    baskets,
    dead_letters,
    erasure,
    rebuilds,
    status,
    verdicts,
    verification,
)
from api.operators.authentication import OperatorAuth, bearer, record_route
from api.operators.openapi import openapi_document
from api.operators.problems import add_problem_handlers
from domain.shared.printable import printable_json

OPERATOR_API_PATH = "/operations"
OPENAPI, DOCS, ASSETS = "/openapi.json", "/docs", "/docs-assets"

_DESCRIPTION = """\
Operators look into history, and mend what is derived from it.

Every call needs a bearer token (a JWT) with the scope `operator`; `checkout token --scope operator` prints one of
the local issuer. This document and its page need it too; signed in at the console, people find them at
`/console/operator-api`. What goes wrong is told as `application/problem+json` (RFC 9457) with a stable `code`.

**Changes** say why in `reason`, and are kept in the audit record with the token's subject. What is derived may lag
behind what was acknowledged; history never does.

**Pages.** `nextCursor` leads to the next page as the parameter `cursor`; null says that this is the last.
"""


_TAGS = {
    "baskets": "Found, as they are and were, and what happened to them.",
    "verdicts": "What was found about a basket, and what it rests on.",
    "status": "How the service is.",
    "dead letters": "Messages that were not understood.",
    "rebuilds": "What is derived, built anew while everything serves.",
    "personal data": "Forgotten, for good.",
    "audit": "What operators changed.",
}


class ReadableJson(JSONResponse):
    """JSON that says the same on a terminal as to a program: what a terminal would obey is escaped."""

    def render(self, content: Any) -> bytes:
        return printable_json(bytes(super().render(content)).decode()).encode()


def operator_app(parts: Container) -> FastAPI:
    """The application; its paths begin with OPERATIONS."""
    app = FastAPI(
        title="Partner Checkout: operations",
        description=_DESCRIPTION,
        default_response_class=ReadableJson,
        openapi_url=OPERATOR_API_PATH + OPENAPI,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        generate_unique_id_function=lambda route: route.name,
        openapi_tags=[{"name": name, "description": words} for name, words in _TAGS.items()],
    )
    for topic in (baskets, verdicts, verification, status, dead_letters, rebuilds, erasure, audit):
        app.include_router(
            topic.router(parts),
            prefix=OPERATOR_API_PATH,
            dependencies=[Depends(bearer), Depends(record_route)],
        )
    app.add_api_route(OPERATOR_API_PATH + DOCS, _docs, include_in_schema=False)
    app.mount(OPERATOR_API_PATH + ASSETS, swagger_assets())
    document = openapi_document(app)
    app.openapi = lambda: document  # type: ignore[method-assign]  # FastAPI's own way to give another one
    add_problem_handlers(app)
    app.add_middleware(OperatorAuth, verifier=parts.token_verifier)
    app.add_middleware(RequestMiddleware, new_id=new_id, requests=RequestMetrics())
    return app


async def _docs(_: Request) -> Response:
    page = swagger_page(
        "Partner Checkout: operations", document=OPENAPI.removeprefix("/"), assets=ASSETS.removeprefix("/")
    )
    return HTMLResponse(page)
