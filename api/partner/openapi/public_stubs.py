"""The calls without a token as typed stubs: the keys of promises, and what is published about messages on Kafka."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Header, Path
from fastapi.routing import APIRoute
from pydantic import Field
from pydantic.json_schema import SkipJsonSchema

from adapters.wire.response_schemas import MessageSchemasAnswer, PromiseKeysAnswer
from api.partner.message_documents import ASYNCAPI, SCHEMA, SCHEMAS
from api.partner.promise_keys import JWKS

EntityTags = Annotated[str, Field(pattern=r'^(\*|(, ?)*(W/)?"[!#-~]*"( ?, ?((W/)?"[!#-~]*")?)*)$')]
KeysIfNoneMatch = Annotated[
    EntityTags | SkipJsonSchema[None],
    Header(
        title="KeysIfNoneMatch",
        alias="If-None-Match",
        description="`*` or a list of entity tags. If the set's tag is in the list, the response is a 304.",
    ),
]
DocumentIfNoneMatch = Annotated[
    EntityTags | SkipJsonSchema[None],
    Header(
        title="DocumentIfNoneMatch",
        alias="If-None-Match",
        description="`*` or a list of entity tags. If the document's tag is in the list, the response is a 304.",
    ),
]
SchemaName = Annotated[
    str,
    Path(
        title="SchemaName",
        description="The type of a message (its `ce_type`), or a topic whose messages need no type.",
        openapi_examples={"event": {"value": "checkout.order-item-added.v1"}},
    ),
]
RESPONSES_REPLACED: dict[int | str, dict[str, Any]] = {422: {"description": ""}}
"""Keeps FastAPI from describing its own validation errors."""


def public_stub_routes() -> Sequence[APIRoute]:
    public = APIRouter(responses=RESPONSES_REPLACED, generate_unique_id_function=lambda route: route.name)
    public.get(JWKS, tags=["promises"], summary="Get the keys that promises are signed with")(promise_keys)
    public.get(ASYNCAPI, tags=["messages"], summary="Get the AsyncAPI document of the topics on Kafka")(asyncapi)
    public.get(SCHEMAS, tags=["messages"], summary="List the JSON Schemas of messages on Kafka")(schemas)
    public.get(SCHEMA, tags=["messages"], summary="Get the JSON Schema of a message")(schema)
    return [route for route in public.routes if isinstance(route, APIRoute)]


async def promise_keys(if_none_match: KeysIfNoneMatch = None) -> PromiseKeysAnswer:
    """The public keys by which order services check promises offline, as a JWK set. The call needs no token. Caches may
    keep the response for its `max-age`. A key is published before it signs, and for as long as a promise of it may be
    valid."""
    raise NotImplementedError


async def asyncapi(if_none_match: DocumentIfNoneMatch = None) -> dict[str, Any]:
    """Every topic with its messages, headers, keys and promises, as an AsyncAPI 3.0 document. The call needs no token.
    Caches may keep the response for its `max-age`."""
    raise NotImplementedError


async def schemas(if_none_match: DocumentIfNoneMatch = None) -> MessageSchemasAnswer:
    """Every published schema of messages, with its URI and its path here. The call needs no token. Caches may keep the
    response for its `max-age`."""
    raise NotImplementedError


async def schema(name: SchemaName, if_none_match: DocumentIfNoneMatch = None) -> dict[str, Any]:
    """A JSON Schema (2020-12). Its `$id` is the `ce_dataschema` of the messages. The call needs no token. Caches may
    keep the response for its `max-age`. An unknown name is a 404."""
    raise NotImplementedError
