"""The published schemas as components of the AsyncAPI document, with their definitions beside them.

A Schema Object of AsyncAPI is JSON Schema draft-07 and more, the published files are 2020-12. Their keywords mean the
same in both; two things differ, and are rewritten here: definitions become components, and a `$ref` with other words
beside it becomes an `allOf`.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from adapters.asyncapi.schemas import PUBLISHED, Document

_PREFIX = "#/components/schemas/"


def reference(name: str) -> Document:
    return {"$ref": _PREFIX + name}


@cache
def component_schemas() -> Document:
    """Every published schema, and every definition that they use. Raises ValueError if two have one name."""
    components: Document = {}
    for published in PUBLISHED:
        schema = {**published.schema()}
        parts = {**schema.pop("$defs", {}), published.name: schema}
        schema["x-schema-uri"] = schema.pop("$id")
        del schema["$schema"]
        for name, part in parts.items():
            converted = _converted(part)
            if components.setdefault(name, converted) != converted:
                raise ValueError(f"two schemas are called {name}")
    return components


def _converted(schema: Any) -> Any:
    if isinstance(schema, list):
        return [_converted(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    rest = {word: _converted(part) for word, part in schema.items() if word != "$ref"}
    if "$ref" not in schema:
        return rest
    named = reference(schema["$ref"].removeprefix("#/$defs/"))
    return {"allOf": [named], **rest} if rest else named
