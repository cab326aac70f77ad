"""Parses catalogue messages into facts. docs/catalogue.md describes the format.

The parser is stricter than the models, which also read stored facts. A dropped restriction, or a guessed type, would
widen a fact.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from typing import Any, Literal, TypedDict

from pydantic import ValidationError
from pydantic_core import from_json

from adapters.wire.strict_json import InvalidJson, Location, RepeatedMember, pointer, read_json
from adapters.wire.validation_messages import ValidationReason, describe_validation_error, join_reasons
from domain.catalogue.fact_ids import EPOCH_FIELD
from domain.catalogue.fact_problems import find_contradictions, find_unknown_codes
from domain.catalogue.facts import FACT, AvailabilityFact, Fact, FactKind, OfferFact, PriceFact
from domain.catalogue.policies import PolicyFact
from domain.shared.values import is_storable_text

FACT_MODELS: dict[FactKind, type[Fact]] = {
    "offer": OfferFact,
    "price": PriceFact,
    "availability": AvailabilityFact,
    "policy": PolicyFact,
}


class InvalidFact(ValueError):
    """A document that is no fact; the text says why, with JSON pointers."""


class _Strictly(TypedDict):
    strict: bool
    extra: Literal["forbid"]
    by_alias: bool
    by_name: bool


_STRICTLY: _Strictly = {"strict": True, "extra": "forbid", "by_alias": True, "by_name": False}


def parse_fact(document: bytes, kind: FactKind | None = None, ignored: Collection[str] = ()) -> Fact:
    """The fact in a JSON document. It must be of `kind`, and then need not name it. Unknown members named in `ignored`
    are skipped. Raises InvalidFact."""
    _require_single_members(document)
    try:
        fact = _read(document, kind, ignored)
    except ValidationError as error:
        raise InvalidFact(describe_validation_error(error, within_union=kind is None)) from error
    if "epoch" in fact.model_fields_set:
        raise InvalidFact(f"/{EPOCH_FIELD}: the contract knows no such member")
    if against := [*_not_to_be_kept(document, fact), *find_unknown_codes(fact), *find_contradictions(fact)]:
        raise InvalidFact(join_reasons(against))
    return fact


def _not_to_be_kept(document: bytes, fact: Fact) -> Iterator[ValidationReason]:
    # Most documents are plain ASCII, where the models refuse control characters themselves.
    if document.isascii() and b"\\u" not in document:
        return
    texts: list[tuple[Location, object]] = [((), fact.model_dump(mode="json"))]
    for location, value in texts:
        if isinstance(value, dict):
            texts += [((*location, name), member) for name, member in value.items()]
        elif isinstance(value, list):
            texts += [((*location, place), entry) for place, entry in enumerate(value)]
        elif isinstance(value, str) and not is_storable_text(value, len(value)):
            yield pointer(location), "a character that controls terminals, or turns the direction of writing"


def _require_single_members(document: bytes) -> None:
    try:
        read_json(document)
    except RepeatedMember as error:
        raise InvalidFact(f"{pointer(error.location)}: the member stands twice") from error
    except InvalidJson as error:
        raise InvalidFact(f"Invalid JSON: {error}") from error


def _read(document: bytes, kind: FactKind | None, ignored: Collection[str]) -> Fact:
    try:
        return _validated(document, kind)
    except ValidationError as error:
        passed_over = [
            detail["loc"] if kind else detail["loc"][1:]
            for detail in error.errors(include_url=False, include_context=False)
            if detail["type"] == "extra_forbidden" and detail["loc"][-1] in ignored
        ]
        if not passed_over:
            raise
    content = from_json(document)
    for location in passed_over:
        _remove(content, location)
    return _validated(json.dumps(content).encode(), kind)


def _validated(document: bytes, kind: FactKind | None) -> Fact:
    if kind is None:
        return FACT.validate_json(document, **_STRICTLY)
    return FACT_MODELS[kind].model_validate_json(document, **_STRICTLY)


def _remove(content: Any, location: tuple[str | int, ...]) -> None:
    for part in location[:-1]:
        content = content[part]
    del content[location[-1]]
