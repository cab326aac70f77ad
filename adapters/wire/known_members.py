"""Separates the members of a body that a request model knows from those that it does not.

The body and the model are walked side by side, once and before pydantic: a body of 22,000 unknown members costs no
more than reading it. Open maps are taken whole.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from types import UnionType
from typing import Annotated, Any, Literal, Protocol, Union, get_args, get_origin

from pydantic import BaseModel, JsonValue

from adapters.wire.strict_json import Location, pointer

MAX_IGNORED = 100
"""So many ignored members are named; of the others the answer says how many there are."""


class _Form(Protocol):
    """The form of a value that a model knows."""

    def known(self, value: JsonValue, location: Location, ignored: IgnoredMembers) -> JsonValue:
        """The value without unknown members: the same object, if it has none."""
        ...


@dataclass(frozen=True, slots=True)
class _Object:
    """`names` are the members that a model knows; `nested` has the forms of those that may hold unknown ones."""

    names: frozenset[str]
    nested: Mapping[str, _Form]

    def known(self, value: JsonValue, location: Location, ignored: IgnoredMembers) -> JsonValue:
        if type(value) is not dict:
            return value
        if value.keys() <= self.names:  # the usual case
            changed = dict(self._changed_members(value, self.nested.keys(), location, ignored))
            return {**value, **changed} if changed else value
        kept: dict[str, JsonValue] = {}
        for name, each in value.items():
            if name in self.names:
                kept[name] = each
                kept.update(self._changed_members(value, (name,), location, ignored))
            else:
                ignored.add((*location, name))
        return kept

    def _changed_members(
        self, value: dict[str, JsonValue], names: Collection[str], location: Location, ignored: IgnoredMembers
    ) -> Iterator[tuple[str, JsonValue]]:
        for name in names:
            if name in value and (form := self.nested.get(name)) is not None:
                known = form.known(value[name], (*location, name), ignored)
                if known is not value[name]:
                    yield name, known


@dataclass(frozen=True, slots=True)
class _List:
    entry: _Form

    def known(self, value: JsonValue, location: Location, ignored: IgnoredMembers) -> JsonValue:
        if type(value) is not list:
            return value
        before = len(ignored)
        known = [self.entry.known(each, (*location, index), ignored) for index, each in enumerate(value)]
        return value if len(ignored) == before else known


@dataclass(frozen=True, slots=True)
class _Choice:
    """One of several objects; the value of `member` says which."""

    member: str
    objects: Mapping[object, _Object]

    def known(self, value: JsonValue, location: Location, ignored: IgnoredMembers) -> JsonValue:
        kind = value.get(self.member) if type(value) is dict else None
        meant = self.objects.get(kind) if type(kind) is str else None
        return value if meant is None else meant.known(value, location, ignored)


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

    def __len__(self) -> int:
        return len(self.pointers) + self.more


def keep_known(model: type[BaseModel], content: JsonValue) -> tuple[JsonValue, IgnoredMembers]:
    """The content without the members that the model does not know, and their topmost pointers. `content` itself stays
    as it is; what has no unknown member is not copied."""
    ignored = IgnoredMembers()
    return _object_of(model).known(content, (), ignored), ignored


@cache
def _object_of(model: type[BaseModel]) -> _Object:
    forms = {each.alias or name: _form_of(each.annotation) for name, each in model.model_fields.items()}
    return _Object(frozenset(forms), {name: form for name, form in forms.items() if form is not None})


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
