"""Separates the members of a body that a request model knows from those that it does not.

The body and the model are walked side by side, once and before pydantic: a body of 22,000 unknown members costs no
more than reading it. Open maps are taken whole.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel, JsonValue

from adapters.wire.strict_json import Location, pointer

MAX_IGNORED = 100
"""So many ignored members are named; of the others the answer says how many there are."""


@dataclass(frozen=True, slots=True)
class _Object:
    """By its name each member that a model knows, with the form of its value. None: any value is taken whole."""

    members: dict[str, _Form | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _List:
    entry: _Form


@dataclass(frozen=True, slots=True)
class _Choice:
    """One of several objects; the value of `member` says which."""

    member: str
    objects: Mapping[object, _Object]


_Form = _Object | _List | _Choice


class IgnoredMembers:
    """Unknown members by their pointers: the first ones, and how many more there are."""

    def __init__(self) -> None:
        self.pointers: list[str] = []
        self.more = 0

    def add(self, location: Location) -> None:
        if len(self.pointers) < MAX_IGNORED:
            self.pointers.append(pointer(location))
        else:
            self.more += 1

    def __bool__(self) -> bool:
        return bool(self.pointers)


def keep_known(model: type[BaseModel], content: JsonValue) -> tuple[JsonValue, IgnoredMembers]:
    """The content without the members that the model does not know, and their topmost pointers. `content` itself stays
    as it is; what has no unknown member is not copied."""
    ignored = IgnoredMembers()
    return _known(_object_of(model), content, (), ignored), ignored


def _known(form: _Form | None, value: JsonValue, location: Location, ignored: IgnoredMembers) -> JsonValue:
    match form:
        case _Object(members) if isinstance(value, dict):
            return _known_members(members, value, location, ignored)
        case _List(entry) if isinstance(value, list):
            known = [_known(entry, each, (*location, index), ignored) for index, each in enumerate(value)]
            return known if any(one is not other for one, other in zip(known, value, strict=True)) else value
        case _Choice(member, objects) if isinstance(value, dict) and isinstance(kind := value.get(member), str):
            return _known(objects.get(kind), value, location, ignored)
        case _:
            return value


def _known_members(
    members: Mapping[str, _Form | None], value: dict[str, JsonValue], location: Location, ignored: IgnoredMembers
) -> JsonValue:
    changed: dict[str, JsonValue] = {}
    unknown = False
    for name, each in value.items():
        if name not in members:
            ignored.add((*location, name))
            unknown = True
        elif (form := members[name]) is not None:
            known = _known(form, each, (*location, name), ignored)
            if known is not each:
                changed[name] = known
    if unknown:
        return {name: changed.get(name, each) for name, each in value.items() if name in members}
    return {**value, **changed} if changed else value


@cache
def _object_of(model: type[BaseModel]) -> _Object:
    members = {each.alias or name: _form_of(each.annotation) for name, each in model.model_fields.items()}
    return _Object(members)


def _form_of(annotation: Any) -> _Form | None:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return _object_of(annotation)
    if origin is Annotated:
        return _form_of(arguments[0])
    if origin is list:
        entry = _form_of(arguments[0])
        return None if entry is None else _List(entry)
    if origin in (Union, UnionType):
        choices = [each for each in arguments if each is not type(None)]
        return _form_of(choices[0]) if len(choices) == 1 else _choice_of(choices)
    return None


def _choice_of(models: list[Any]) -> _Form | None:
    """Models that a member of literal type tells apart, as pydantic's discriminated unions do."""
    objects: dict[object, _Object] = {}
    for model in models:
        if not (isinstance(model, type) and issubclass(model, BaseModel)):
            return None
        for each in model.model_fields.values():
            if each.is_required() and get_origin(each.annotation) is Literal:
                objects |= dict.fromkeys(get_args(each.annotation), _object_of(model))
                member = str(each.alias)
    return _Choice(member, objects) if objects else None
