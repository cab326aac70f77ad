"""The OpenAPI document of the operator API: what FastAPI makes of the routes, with problems as they are told."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic.json_schema import models_json_schema

from adapters.system import release
from api.operators.problems import ProblemDocument

_PROBLEM = {
    "type": "urn:checkout:problem:not-allowed",
    "title": "The token does not allow this",
    "status": 403,
    "detail": "the token lacks the scope operator",
    "code": "not_allowed",
}
_NOT_OURS = ("HTTPValidationError", "ValidationError")
"""FastAPI's own way of telling what is wrong, which is told as a problem here."""


def openapi_document(app: FastAPI) -> dict[str, Any]:
    document = get_openapi(
        title=app.title,
        version=release(),
        description=app.description,
        routes=app.routes,
        tags=app.openapi_tags,
    )
    schemas = document["components"]["schemas"]
    for name in _NOT_OURS:
        schemas.pop(name, None)
    models = [(ProblemDocument, "serialization")]
    _, definitions = models_json_schema(models, ref_template="#/components/schemas/{model}")  # type: ignore[arg-type]
    schemas.update(definitions["$defs"])
    schemas["ProblemDocument"]["examples"] = [_PROBLEM]
    return document
