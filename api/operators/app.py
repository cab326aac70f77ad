"""The operator API: what operators do by the command line and is safe over HTTP, under /operations."""

from __future__ import annotations

from typing import Any

from fastapi import Depends, FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic_core import from_json
from starlette.responses import JSONResponse

from adapters.container import Container
from adapters.system import new_id, release
from adapters.wire.problems import to_problem
from adapters.wire.request_errors import NotAllowed
from adapters.wire.response_schemas import ProblemDocument
from api.http.middleware import RequestMiddleware
from api.http.request_metrics import RequestMetrics
from api.http.static_files import swagger_routes
from api.operators import audit, baskets, dead_letters, erasure, rebuilds, status
from api.operators.authentication import OPERATOR_SCOPE, OperatorAuth, bearer, record_route
from api.operators.problems import add_problem_handlers, problems
from domain.shared.printable import printable_json

OPERATOR_API_PATH = "/operations"

_DESCRIPTION = """\
Operators inspect history, and repair what is derived from it.

Every call needs a bearer token (a JWT) with the scope `operator`; `checkout token --scope operator` prints one of
the local issuer. This document and its page need it too; operators who are signed in at the console find them at
`/console/operator-api`. An error is answered as `application/problem+json` (RFC 9457) with a stable `code`.

**Changes** give a `reason`. It is kept in the audit log with the token's subject. Derived data may lag behind what was
acknowledged; history never does.

**Pages.** `nextCursor` leads to the next page as the parameter `cursor`. Null: this is the last page.
"""

_TAGS = {
    "baskets": "Found, as they are and as they were, and what happened to them.",
    "verdicts": "What the checks found about a basket, with the evidence.",
    "status": "How the service is.",
    "dead letters": "Messages that could not be processed.",
    "rebuilds": "Derived data, built anew while the service runs.",
    "personal data": "Erased, for good.",
    "audit": "What operators changed.",
}


class ReadableJson(JSONResponse):
    """JSON that is safe to print: characters that a terminal obeys are escaped."""

    def render(self, content: Any) -> bytes:
        return printable_json(bytes(super().render(content)).decode()).encode()


def operator_app(container: Container) -> FastAPI:
    """The ASGI application. Its paths begin with OPERATOR_API_PATH."""
    app = FastAPI(
        title="Partner Checkout: operations",
        description=_DESCRIPTION,
        default_response_class=ReadableJson,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        generate_unique_id_function=lambda route: route.name,
        openapi_tags=[{"name": name, "description": description} for name, description in _TAGS.items()],
    )
    for topic in (baskets, status, dead_letters, rebuilds, erasure, audit):
        app.include_router(
            topic.router(container),
            prefix=OPERATOR_API_PATH,
            dependencies=[Depends(bearer), Depends(record_route)],
            responses=problems(400, 401, 403, 422, 503),
        )
    document = _openapi_document(app)
    app.router.routes.extend(
        swagger_routes(
            document,
            page=f"{OPERATOR_API_PATH}/docs",
            document=f"{OPERATOR_API_PATH}/openapi.json",
            assets=f"{OPERATOR_API_PATH}/docs-assets",
        )
    )
    app.openapi = lambda: document  # type: ignore[method-assign]  # FastAPI's own way to give another one
    add_problem_handlers(app)
    app.add_middleware(OperatorAuth, verifier=container.token_verifier)
    app.add_middleware(RequestMiddleware, new_id=new_id, requests=RequestMetrics())
    return app


def _openapi_document(app: FastAPI) -> dict[str, Any]:
    """What FastAPI makes of the routes, with the schema of problems, which FastAPI would describe as plain JSON."""
    document = get_openapi(
        title=app.title,
        version=release(),
        description=app.description,
        routes=app.routes,
        tags=app.openapi_tags,
    )
    schema = ProblemDocument.model_json_schema(mode="serialization", ref_template="#/components/schemas/{model}")
    schema["examples"] = [
        from_json(to_problem(NotAllowed(f"the token lacks the scope {OPERATOR_SCOPE}", OPERATOR_SCOPE)).render())
    ]
    document["components"]["schemas"] |= {**schema.pop("$defs"), "ProblemDocument": schema}
    return document
