"""The operator API as an ASGI application, with its document at /operations/openapi.json."""

from __future__ import annotations

from typing import Any

from fastapi import Depends, FastAPI
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response

from adapters.http.conversation import Conversation
from adapters.http.observing import Requests
from adapters.http.swagger import swagger_assets, swagger_page
from adapters.wiring import Parts, new_id
from domain.printable import printable_json
from operations.api import audit, baskets, dead_letters, forgetting, rebuilds, status, verdicts, verification
from operations.api.acting import OnlyOperators, bearer, named_route
from operations.api.document import describe
from operations.api.problems import handle_problems

OPERATIONS = "/operations"
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


def operations_app(parts: Parts) -> FastAPI:
    """The application; its paths begin with OPERATIONS."""
    app = FastAPI(
        title="Partner Checkout: operations",
        description=_DESCRIPTION,
        default_response_class=ReadableJson,
        openapi_url=OPERATIONS + OPENAPI,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        generate_unique_id_function=lambda route: route.name,
        openapi_tags=[{"name": name, "description": words} for name, words in _TAGS.items()],
    )
    for topic in (baskets, verdicts, verification, status, dead_letters, rebuilds, forgetting, audit):
        app.include_router(
            topic.router(parts), prefix=OPERATIONS, dependencies=[Depends(bearer), Depends(named_route)]
        )
    app.add_api_route(OPERATIONS + DOCS, _docs, include_in_schema=False)
    app.mount(OPERATIONS + ASSETS, swagger_assets())
    document = describe(app)
    app.openapi = lambda: document  # type: ignore[method-assign]  # FastAPI's own way to give another one
    handle_problems(app)
    app.add_middleware(OnlyOperators, verifier=parts.verifier)
    app.add_middleware(Conversation, new_id=new_id, requests=Requests())
    return app


async def _docs(_: Request) -> Response:
    page = swagger_page(
        "Partner Checkout: operations", document=OPENAPI.removeprefix("/"), assets=ASSETS.removeprefix("/")
    )
    return HTMLResponse(page)
