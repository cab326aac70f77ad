"""Puts the OpenAPI 3.1 document together."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import JsonSchemaMode, models_json_schema

from adapters.settings import Settings
from adapters.wire import response_schemas
from adapters.wire.requests import InitiateRequest, UpdateRequest
from api.partner.openapi.examples import answer_examples, problem_samples
from api.partner.openapi.operation_schema import describe, parameters
from api.partner.openapi.operations import OPERATIONS, Document

_MODELS: list[tuple[type[BaseModel], JsonSchemaMode]] = [
    (InitiateRequest, "validation"),
    (UpdateRequest, "validation"),
    (response_schemas.InitiateAnswer, "validation"),
    (response_schemas.UpdateAnswer, "validation"),
    (response_schemas.ValidateAnswer, "validation"),
    (response_schemas.OrderAnswer, "validation"),
    (response_schemas.ProblemShape, "validation"),
]

_DESCRIPTION = """\
Partner organisations initiate, update and validate baskets.

Every call needs a bearer token (a JWT) with the scope `partner` and a claim that names the organisation.
What goes wrong is told as `application/problem+json` (RFC 9457) with a stable `code`; a path's other
methods are answered with 405, and unknown paths with 404.

A request that breaks a limit of size or time, or that is no HTTP/1.1, is answered with 400, 408, 413, 414 or 431,
and with 503 where there are too many connections; the connection is closed then.

**Concurrency.** `ETag` is the basket's version; `If-Match` makes a call hold only for that version. Without
it, a conflict with another writer is solved on the server. `If-None-Match: *` makes an initiate create only.

**Trying again.** With an `Idempotency-Key`, initiate, update and validate are carried out once, however
often they are sent. One key has one outcome, a refusal by a precondition too; a new attempt is a new key.
"""


def openapi_document(settings: Settings, version: str) -> Document:
    """The document, with the limits and names that the settings give."""
    samples, answers = problem_samples(), answer_examples()
    paths: dict[str, Document] = {}
    for operation in OPERATIONS:
        paths.setdefault(operation.path, {})[operation.method] = describe(operation, samples, answers)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Partner Checkout",
            "version": version,
            "description": _DESCRIPTION,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "tags": [{"name": "checkout", "description": "Baskets of partner organisations."}],
        "paths": paths,
        "components": {
            "schemas": _schemas(settings),
            "parameters": parameters(settings.landing_cookie),
            "securitySchemes": {
                "partnerToken": {
                    "type": "http",
                    "scheme": "bearer",
                    "bearerFormat": "JWT",
                    "description": (
                        "A JWT signed with RS256, ES256 or EdDSA. It needs the scope `partner` and names the"
                        f" partner organisation in the claim `{settings.partner_claim}`."
                    ),
                }
            },
        },
    }


def _schemas(settings: Settings) -> dict[str, Any]:
    """The models' schemas under names without `Shape`, with the limits of the settings."""
    _, definitions = models_json_schema(_MODELS, ref_template="#/components/schemas/{model}")
    schemas: dict[str, Any] = _renamed(definitions["$defs"])
    items = schemas["OrderRequest"]["properties"]["orderItems"]
    items["maxItems"] = settings.max_items
    schemas["UpdateRequest"]["properties"]["orderItemActions"]["maxItems"] = settings.max_actions
    for name in ("ItemRequest", "AddAction", "ChangeQuantityAction"):
        schemas[name]["properties"]["quantity"]["maximum"] = settings.max_quantity
    return schemas


def _renamed(value: Any) -> Any:
    match value:
        case dict():
            return {str(key).removesuffix("Shape"): _renamed(entry) for key, entry in value.items()}
        case list():
            return [_renamed(entry) for entry in value]
        case str() if value.startswith("#/components/schemas/"):
            return value.removesuffix("Shape")
        case _:
            return value
