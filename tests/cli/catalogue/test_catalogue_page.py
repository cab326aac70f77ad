"""docs/catalogue.md agrees with the models, and its examples are facts."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from adapters.asyncapi.schemas import PUBLISHED
from adapters.wire.facts import FACT_MODELS, InvalidFact, parse_fact
from domain.catalogue.facts import FactKind

PAGE = (Path(__file__).parents[3] / "docs" / "catalogue.md").read_text(encoding="utf-8")
SCHEMAS: dict[type, dict[str, Any]] = {each.model: each.schema() for each in PUBLISHED}
NAMES = {"date-time": "time", "string": "text", "integer": "whole number", "boolean": "true or false"}


def table(kind: FactKind) -> str:
    """The page's table of the members of a kind."""
    rows = [f"| `{name}` | {type} | {meaning} |" for name, type, meaning in members(SCHEMAS[FACT_MODELS[kind]])]
    return "\n".join(["| member | type | meaning |", "|---|---|---|", *rows])


def members(schema: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Every member, nested ones included, with its type and meaning."""
    definitions = schema.get("$defs", {})

    def of(part: dict[str, Any], prefix: str) -> Iterator[tuple[str, str, str]]:
        for name, member in part["properties"].items():
            required = "" if name in part.get("required", ()) or "const" in member else ", may be left out"
            yield f"{prefix}{name}", f"{words(member)}{required}", member["description"]
            for inner, behind in objects(member):
                yield from of(inner, f"{prefix}{name}{behind}.")

    def objects(member: dict[str, Any]) -> Iterator[tuple[dict[str, Any], str]]:
        for choice in member.get("anyOf", [member]):
            if "$ref" in choice:
                yield definitions[choice["$ref"].rpartition("/")[2]], ""
            elif "$ref" in choice.get("items", {}):
                yield definitions[choice["items"]["$ref"].rpartition("/")[2]], "[]"

    def words(member: dict[str, Any]) -> str:
        if "anyOf" in member:
            return " or ".join(words(choice) for choice in member["anyOf"])
        if "$ref" in member:
            return "object"
        if "const" in member:
            return f'`"{member["const"]}"`'
        if "enum" in member:
            return " or ".join(f'`"{value}"`' for value in member["enum"])
        if member["type"] == "array":
            return f"list ({words(member['items'])})"
        if member["type"] == "object":
            return "object"
        name = NAMES.get(member.get("format", member["type"]), member["type"])
        least = member.get("minLength", 0)
        return f"{name} of {least} to {member['maxLength']} characters" if "maxLength" in member else name

    yield from of(schema, "")


@pytest.mark.parametrize("kind", FACT_MODELS)
def test_the_page_names_every_member_as_the_model_has_it(kind: FactKind) -> None:
    assert table(kind) in PAGE, f"the page wants:\n{table(kind)}"


def examples() -> list[str]:
    """The lines of the page that are JSON."""
    return [line for block in re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL) for line in block.splitlines()]


@pytest.mark.parametrize("line", examples())
def test_every_example_is_a_fact(line: str) -> None:
    parse_fact(line.encode())


def test_the_examples_show_every_member_of_every_kind() -> None:
    shown = {kind: set[str]() for kind in FACT_MODELS}
    for line in examples():
        said = json.loads(line)
        shown[said["kind"]] |= said.keys()
    for kind, model in FACT_MODELS.items():
        assert shown[kind] == SCHEMAS[model]["properties"].keys()


def refusals() -> list[tuple[str, str]]:
    """The refused lines of the page, each with its reason."""
    block = PAGE.partition("```text\n")[2].partition("```")[0]
    lines = block.strip().splitlines()
    return [(line, reason.removeprefix("    ")) for line, reason in zip(lines[::2], lines[1::2], strict=True)]


@pytest.mark.parametrize(("line", "reason"), refusals())
def test_the_pages_refusals_are_refused_in_its_words(line: str, reason: str) -> None:
    with pytest.raises(InvalidFact) as refused:
        parse_fact(line.encode())
    assert str(refused.value) == reason


def test_there_are_examples_and_refusals() -> None:
    assert {json.loads(line)["kind"] for line in examples()} == FACT_MODELS.keys()
    assert len(refusals()) >= 5
