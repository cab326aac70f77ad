"""The names of published JSON Schemas."""

from __future__ import annotations


def schema_uri(type: str) -> str:
    """The URI of a message type's schema: its `$id`, and the `dataschema` of CloudEvents. It never changes."""
    return f"urn:checkout:schema:{type}"
