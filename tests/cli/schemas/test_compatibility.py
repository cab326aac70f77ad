"""What may change under one type name."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from adapters.asyncapi.schemas import PUBLISHED, Document, PublishedSchema, Writer
from cli.schemas.compatibility import breaking_changes

FROZEN = sorted((Path(__file__).parent / "published_schemas").glob("*/*.json"))

OLD: Document = {
    "type": "object",
    "properties": {
        "id": {"type": "string", "maxLength": 10, "pattern": "^a"},
        "kind": {"enum": ["one", "two"]},
        "price": {"anyOf": [{"$ref": "#/$defs/Price"}, {"type": "null"}], "description": "Words."},
        "lines": {"type": "array", "items": {"type": "integer", "minimum": 1}},
    },
    "required": ["id", "kind"],
    "$defs": {"Price": {"type": "object", "properties": {"amount": {"type": "string"}}, "required": ["amount"]}},
}


def changed(*path: str, to: Any = None) -> Document:
    """OLD with another value at the path; None removes it."""
    new: Document = json.loads(json.dumps(OLD))
    place = new
    for key in path[:-1]:
        place = place[key]
    if to is None:
        del place[path[-1]]
    else:
        place[path[-1]] = to
    return new


@pytest.mark.parametrize(
    "new",
    [
        OLD,
        changed("properties", "more", to={"type": "string"}),
        changed("$defs", "Price", "properties", "more", to={"type": "string"}),
        changed("properties", "price", "description", to="Other words."),
        changed("properties", "id", "title", to="Id"),
    ],
    ids=["the same", "a new field", "a new field further in", "other words", "a title"],
)
@pytest.mark.parametrize("writer", ["we", "others"])
def test_optional_fields_and_descriptions_may_change(new: Document, writer: Writer) -> None:
    assert breaking_changes(OLD, new, writer) == []


def test_others_may_leave_out_send_null_or_add_members() -> None:
    old: Document = {"type": "array", "items": {"type": "object", "properties": {}, "additionalProperties": False}}
    nullable: Document = {"anyOf": [{"type": "array", "items": {"type": "object", "properties": {}}}, {"type": "null"}]}
    assert breaking_changes(old, nullable, "others") == []
    assert breaking_changes(old, nullable, "we")
    narrower: Document = {"anyOf": [{"type": "array", "items": {"type": "string"}}, {"type": "null"}]}
    assert breaking_changes(old, narrower, "others")


@pytest.mark.parametrize(
    ("new", "reason"),
    [
        (changed("properties", "id"), "$.id is gone"),
        (changed("$defs", "Price", "properties", "amount"), "$.price: choice 0 of anyOf is gone or another"),
        (changed("required", to=["id", "kind", "lines"]), "$.lines must be said now"),
        (changed("properties", "id", "type", to="integer"), "$.id: type changed from 'string' to 'integer'"),
        (changed("properties", "id", "maxLength", to=9), "$.id: maxLength changed from 10 to 9"),
        (changed("properties", "id", "minLength", to=1), "$.id: minLength changed from None to 1"),
        (changed("properties", "id", "pattern", to="^b"), "$.id: pattern changed from '^a' to '^b'"),
        (
            changed("properties", "kind", "enum", to=["one"]),
            "$.kind: enum changed from ['one', 'two'] to ['one']",
        ),
        (
            changed("properties", "lines", "items", "minimum", to=2),
            "$.lines[items]: minimum changed from 1 to 2",
        ),
        (
            changed("properties", "price", "anyOf", to=[{"$ref": "#/$defs/Price"}]),
            "$.price: choice 1 of anyOf is gone or another",
        ),
        (
            changed("additionalProperties", to=False),
            "$[additionalProperties] changed from True to False",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
@pytest.mark.parametrize("writer", ["we", "others"])
def test_no_field_is_removed_or_made_narrower(new: Document, reason: str, writer: Writer) -> None:
    assert breaking_changes(OLD, new, writer) == [reason]


@pytest.mark.parametrize(
    "new",
    [
        changed("required", to=["id"]),
        changed("properties", "id", "maxLength", to=11),
        changed("properties", "id", "maxLength"),
        changed("properties", "id", "pattern"),
        changed("properties", "kind", "enum", to=["one", "two", "three"]),
        changed("properties", "lines", "items", "minimum", to=0),
        changed(
            "properties",
            "price",
            "anyOf",
            to=[{"type": "null"}, {"$ref": "#/$defs/Price"}, {"type": "string"}],
        ),
    ],
)
def test_wider_fields_break_readers_but_not_writers(new: Document) -> None:
    assert breaking_changes(OLD, new, "others") == []
    assert len(breaking_changes(OLD, new, "we")) == 1


def test_an_order_may_be_cancelled_and_have_no_other_new_status() -> None:
    def status(*values: str) -> Document:
        return {"properties": {"status": {"enum": [*values]}}}

    old = status("open", "expired", "completed")
    assert breaking_changes(old, status("open", "expired", "completed", "cancelled"), "we") == []
    for other in (["open", "expired", "completed", "paused"], ["open", "expired", "completed", "cancelled", "paused"]):
        assert breaking_changes(old, status(*other), "we")
    assert breaking_changes(status("open", "expired", "completed", "cancelled"), old, "we")


def test_a_renamed_field_is_a_removed_field() -> None:
    new = changed("properties", "name", to=OLD["properties"]["id"])
    del new["properties"]["id"]
    assert breaking_changes(OLD, new, "others") == ["$.id is gone"]


# the frozen copies


@pytest.mark.parametrize("path", FROZEN, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_no_frozen_schema_is_broken(path: Path) -> None:
    (published,) = (each for each in PUBLISHED if each.file_name == path.name)
    assert breaking_changes(json.loads(path.read_bytes()), published.schema(), published.writer) == []


@pytest.mark.parametrize("published", PUBLISHED, ids=lambda published: published.name)
def test_every_published_field_is_in_a_frozen_copy(published: PublishedSchema) -> None:
    frozen = {
        field for path in FROZEN if path.name == published.file_name for field in _fields(json.loads(path.read_bytes()))
    }
    assert set(_fields(published.schema())) - frozen == set()


def _fields(schema: Any, path: str = "") -> Iterator[str]:
    if isinstance(schema, dict):
        for key, value in schema.items():
            yield from _fields(value, f"{path}/{key}")
        yield from (f"{path}/{name}" for name in schema.get("properties", {}))
    elif isinstance(schema, list):
        for value in schema:
            yield from _fields(value, path)


def test_writers_may_use_more_names_but_not_fewer() -> None:
    one: Document = {"type": "object", "propertyNames": {"enum": ["a"]}}
    two: Document = {"type": "object", "propertyNames": {"enum": ["a", "b"]}}
    assert breaking_changes(one, two, "others") == []
    assert breaking_changes(two, one, "others")
    assert breaking_changes(one, two, "we")
    assert breaking_changes({"type": "object"}, one, "others")
