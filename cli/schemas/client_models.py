"""Writes the typed models of the client kit from docs/schemas, or reports which are stale: `make models`.

    python -m cli.schemas.client_models [--check]

It needs datamodel-code-generator, of the extra `check`.
"""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import BaseModel

from cli.output import echo, echo_error
from cli.runner import DONE, NOT_DONE

ROOT = Path(__file__).parents[2]
SCHEMAS = ROOT / "docs" / "schemas"
MODELS = ROOT / "clients" / "python" / "checkout_client" / "models"

_DECIMAL = re.compile(r"\^\[0-9\][^$]*\\\.")
"""The patterns of decimal strings, such as `^[0-9]{1,12}(\\.[0-9]{1,4})?$`."""
_LEFT_OUT = {"pattern", "minLength", "maxLength", "minimum", "maximum", "maxItems", "ge", "le", "examples"}
"""Limits are the writer's: readers take what came, and the service answers what it does not take."""
_WITHOUT_MEMBERS = {"checkout.validate-basket.v1", "checkout.dead-letter.v1"}
"""The schemas that say nothing of the value, which may be anything."""
_EMPTY: Mapping[str, Any] = {"object": {}, "array": []}

Schema = dict[str, Any]


@dataclass(frozen=True, slots=True)
class ModelModule:
    """One module of models: the published schemas that it holds, by the name of their class. `union` names all of
    them. `responses` are answers over HTTP, which only the OpenAPI document describes. `is_read`: the service writes
    it, and a later release may write words and kinds that this one does not know."""

    name: str
    about: str
    classes: Mapping[str, str]
    union: str | None = None
    responses: Sequence[type[BaseModel]] = ()
    is_read: bool = False


def modules(schemas: Path = SCHEMAS) -> Sequence[ModelModule]:
    """The modules of models, with a class for each file of the folder."""
    events = {_event_class(name): name for name in _event_names(schemas)}
    answers = {
        "Verdict": "checkout.validation-result.v1",
        "Basket": "checkout.basket.v1",
        "OrderResult": "checkout.order-result.v1",
        "CommandResult": "checkout.command-result.v1",
    }
    commands = {
        "InitiateBasket": "checkout.initiate-basket.v1",
        "UpdateBasket": "checkout.update-basket.v1",
        "CancelBasket": "checkout.cancel-basket.v1",
        "OrderReport": "checkout.orders.v1",
    }
    facts = {
        "OfferFact": "catalogue.offers.v1",
        "PriceFact": "catalogue.prices.v1",
        "AvailabilityFact": "catalogue.availability.v1",
        "PolicyFact": "checkout.policies.v1",
    }
    found = [
        ModelModule("events", "Basket events, by their `ce_type`.", events, "BasketEvent", is_read=True),
        ModelModule(
            "answers",
            "Verdicts, baskets and results: what the service answers.",
            answers,
            responses=responses(),
            is_read=True,
        ),
        ModelModule("commands", "Commands and order reports: what callers send.", commands),
        ModelModule("catalogue", "Facts of the catalogue, and policies.", facts, "Fact"),
    ]
    named = {name for module in found for name in module.classes.values()} | _WITHOUT_MEMBERS
    unnamed = {path.stem for path in schemas.glob("*.json")} - named
    if unnamed:
        raise ValueError(f"name a class in {Path(__file__).name} for {', '.join(sorted(unnamed))}")
    return found


def responses() -> Sequence[type[BaseModel]]:
    """The answers over HTTP that are no messages too."""
    from adapters.wire.response_schemas import BasketListAnswer, CancelAnswer, InitiateAnswer, OrderAnswer, UpdateAnswer

    return [InitiateAnswer, UpdateAnswer, CancelAnswer, OrderAnswer, BasketListAnswer]


def _event_names(schemas: Path) -> Sequence[str]:
    """The schemas that have the members of every event."""
    members = {"type", "basketId", "version", "occurredAt"}
    return [
        path.stem
        for path in sorted(schemas.glob("*.json"))
        if members <= json.loads(path.read_bytes()).get("properties", {}).keys()
    ]


def _event_class(name: str) -> str:
    """`checkout.order-item-added.v1` → `OrderItemAdded`; a second version keeps its number."""
    _, words, version = name.split(".")
    return "".join(word.capitalize() for word in words.split("-")) + version.upper().removeprefix("V1")


def source_of(module: ModelModule, schemas: Path = SCHEMAS) -> str:
    """The Python source of a module of models."""
    from datamodel_code_generator import (
        GenerateConfig,
        InputFileType,
        LiteralType,
        PythonVersion,
        generate,
    )
    from datamodel_code_generator.enums import DataModelType
    from datamodel_code_generator.format import DatetimeClassType

    from adapters.asyncapi.schemas import PublishedSchema

    merged: Schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", "$defs": {}}
    for title, name in module.classes.items():
        _add(merged["$defs"], title, json.loads((schemas / f"{name}.json").read_bytes()))
    for model in module.responses:
        _add(merged["$defs"], model.__name__, PublishedSchema(model.__name__, model, "we").schema())
    source = generate(
        json.dumps(_opened(merged) if module.is_read else merged),
        config=GenerateConfig(
            input_file_type=InputFileType.JsonSchema,
            output_model_type=DataModelType.PydanticV2BaseModel,
            target_python_version=PythonVersion.PY_311,
            base_class="checkout_client.models.base.WireModel",
            custom_file_header=f'"""{module.about} Generated by `make models` from docs/schemas: do not edit."""',
            snake_case_field=True,
            use_annotated=True,
            field_constraints=True,
            use_schema_description=True,
            use_field_description=True,
            use_single_line_docstring=True,
            strict_nullable=True,
            skip_root_model=True,
            collapse_root_models=True,
            use_standard_collections=True,
            use_union_operator=True,
            use_one_literal_as_default=True,
            enum_field_as_literal=LiteralType.All,
            output_datetime_class=DatetimeClassType.Awaredatetime,
            disable_timestamp=True,
            formatters=[],
            additional_imports=["typing.TypeAlias"] if module.union else None,
        ),
    )
    if not module.union:
        return _formatted(f"{source}")
    return _formatted(f"{source}\n\n{module.union}: TypeAlias = {' | '.join(module.classes)}\n")


def _formatted(source: str) -> str:
    """The source as `ruff format` and its import rules write it, with the settings of this repository."""
    import ruff

    for command in (["check", "--quiet", "--select=I", "--fix"], ["format", "--quiet"]):
        source = subprocess.run(  # noqa: S603 - its input is the source that we made
            [ruff.find_ruff_bin(), *command, "--stdin-filename", "models.py", "-"],
            input=source,
            capture_output=True,
            text=True,
            check=True,
            cwd=ROOT,
        ).stdout
    return source


def _add(definitions: Schema, title: str, schema: Schema) -> None:
    for name, definition in schema.get("$defs", {}).items():
        if name != "JsonValue":
            _put(definitions, name.removesuffix("Shape"), _prepared(definition))
    rest = {word: part for word, part in schema.items() if word not in ("$defs", "$schema", "$id", "title")}
    _put(definitions, title, _prepared(rest))


def _put(definitions: Schema, name: str, schema: Schema) -> None:
    if definitions.setdefault(name, schema) != schema:
        raise ValueError(f"two schemas are called {name}")


def _prepared(schema: Any) -> Any:
    """The schema as the generator needs it: decimals by their format, JSON values as anything, no limits."""
    if isinstance(schema, list):
        return [_prepared(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        name = schema["$ref"].removeprefix("#/$defs/").removesuffix("Shape")
        rest = {key: value for key, value in schema.items() if key != "$ref"}
        return rest if name == "JsonValue" else {"$ref": f"#/$defs/{name}", **rest}
    if _DECIMAL.match(str(schema.get("pattern", ""))):
        return {"type": "string", "format": "decimal", "description": schema.get("description", "")}
    prepared = {key: _prepared(value) for key, value in schema.items() if not _is_left_out(key, value)}
    members = prepared.get("properties", {})
    for name in members.keys() - set(prepared.get("required", ())):
        members[name] = _with_default(members[name])
    if "oneOf" in prepared:
        # The schemas choose among actions only. Knowing their kind, the models say of one action what is wrong.
        prepared["discriminator"] = {"propertyName": "orderItemActionType"}
    return prepared


def _opened(schema: Any) -> Any:
    """The schema that also takes words beside an enum's, and objects beside those of a choice."""
    if isinstance(schema, list):
        return [_opened(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    opened = {key: _opened(value) for key, value in schema.items()}
    if words := opened.pop("enum", None):
        del opened["type"]
        opened["anyOf"] = [{"type": "string", "enum": words}, {"type": "string"}]
    choices = opened.get("oneOf", opened.get("anyOf", [{}]))
    if all("$ref" in choice for choice in choices):
        kept = {key: value for key, value in opened.items() if key not in {"oneOf", "discriminator"}}
        return {**kept, "anyOf": [*choices, {"type": "object"}]}
    return opened


def _with_default(member: Schema) -> Schema:
    """An optional member as it is read where it was left out: empty if it holds many, else null."""
    if member.get("default") is not None or "anyOf" in member:
        return {"default": None, **member}
    if member.get("type") in _EMPTY:
        return {**member, "default": _EMPTY[member["type"]]}
    one = {key: value for key, value in member.items() if key not in {"default", "description"}}
    return {"anyOf": [one, {"type": "null"}], "description": member["description"], "default": None}


def _is_left_out(key: str, value: Any) -> bool:
    """Whether it is a keyword of JSON Schema that models do not repeat. A value that is a schema is a member."""
    return (key in _LEFT_OUT and not isinstance(value, dict)) or (key == "format" and value != "date-time")


def stale(folder: Path = MODELS, schemas: Path = SCHEMAS) -> Sequence[str]:
    """The names of the files that are not what the schemas say."""
    return [name for name, source in _files(schemas).items() if _read(folder / name) != source]


def _files(schemas: Path) -> Mapping[str, str]:
    return {f"{module.name}.py": source_of(module, schemas) for module in modules(schemas)}


def _read(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.exists() else None


def write(
    check: Annotated[bool, typer.Option("--check", help="Write nothing; exit with 1 where a file is stale.")] = False,
) -> None:
    """Writes the typed models of the client kit from docs/schemas."""
    if check:
        names = stale()
        for name in names:
            echo_error(f"{name} is not what docs/schemas say: run `make models`")
        raise typer.Exit(NOT_DONE if names else DONE)
    for name, source in _files(SCHEMAS).items():
        (MODELS / name).write_text(source, encoding="utf-8")
    echo(f"the models in {MODELS.relative_to(ROOT)} are up to date")


if __name__ == "__main__":
    typer.run(write)
