"""What is published about the messages on Kafka: the AsyncAPI document and the JSON Schemas. Anybody may read them."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from pydantic_core import to_json
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from adapters.asyncapi.document import asyncapi_document
from adapters.asyncapi.schemas import PUBLISHED
from adapters.settings import Settings
from adapters.system import release
from adapters.wire.request_errors import RouteNotFound
from adapters.wire.response_schemas import MessageSchemasAnswer, MessageSchemaShape
from adapters.wire.schema_uris import schema_uri
from api.http.cacheable_document import CacheableDocument
from api.http.request_context import name_route

ASYNCAPI = "/asyncapi.json"
SCHEMAS = "/schemas"
SCHEMA = "/schemas/{name}.json"
SCHEMA_MEDIA_TYPE = "application/schema+json"
MAX_AGE_SECONDS = 3600
_CACHING = f"public, max-age={MAX_AGE_SECONDS}"


def message_document_routes(settings: Settings) -> list[Route]:
    """Each document is rendered once. An unknown name raises RouteNotFound."""
    document = CacheableDocument(to_json(asyncapi_document(settings, release())), _CACHING)
    index = CacheableDocument(to_json(list_schemas(), by_alias=True), _CACHING)

    async def asyncapi(request: Request) -> Response:
        name_route(request.scope, ASYNCAPI)
        return document.answer(request)

    async def schemas(request: Request) -> Response:
        name_route(request.scope, SCHEMAS)
        return index.answer(request)

    async def schema(request: Request) -> Response:
        name_route(request.scope, SCHEMA)
        found = _schemas().get(request.path_params["name"])
        if found is None:
            raise RouteNotFound
        return found.answer(request)

    return [
        Route(ASYNCAPI, asyncapi, methods=["GET"]),
        Route(SCHEMAS, schemas, methods=["GET"]),
        Route(SCHEMA, schema, methods=["GET"]),
    ]


def list_schemas() -> MessageSchemasAnswer:
    """Every published schema, and where it is."""
    return MessageSchemasAnswer(
        schemas=[
            MessageSchemaShape(
                name=published.name,
                uri=schema_uri(published.name),
                path=SCHEMA.format(name=published.name),
                description=published.schema()["description"],
                writer="checkout" if published.writer == "we" else "others",
            )
            for published in PUBLISHED
        ]
    )


@cache
def _schemas() -> Mapping[str, CacheableDocument]:
    return {
        published.name: CacheableDocument(to_json(published.schema()), _CACHING, SCHEMA_MEDIA_TYPE)
        for published in PUBLISHED
    }
