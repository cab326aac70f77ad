"""Separates the members of a body that a request model knows from those that it does not.

The body and the model are walked side by side, before pydantic: a body of 22,000 unknown members costs no
more than reading it. Open maps are taken whole.
"""

from __future__ import annotations

from collections.abc import Mapping
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

    def is_known(self, value: JsonValue) -> bool:
        """Whether the value holds no unknown member. Most bodies hold none, so this is the fast way."""
        ...

    def prune(self, value: JsonValue, location: Location, ignored: IgnoredMembers) -> JsonValue:
        """The value without unknown members."""
        ...


@dataclass(frozen=True, slots=True)
class _Object:
    """`names` are the members that a model knows; `nested` has the forms of those that may hold unknown ones."""

    names: frozenset[str]
    nested: Mapping[str, _Form]

    def is_known(self, value: JsonValue) -> bool:
        if type(value) is not dict:
            return True
        if not value.keys() <= self.names:
            return False
        for name, form in self.nested.items():  # noqa: SIM110  (a generator costs more than the rest)
            if name in value and not form.is_known(value[name]):
                return False
        return True

    def prune(self, value: JsonValue, location: Location, ignored: IgnoredMembers) -> JsonValue:
        if type(value) is not dict:
            return value
        kept: dict[str, JsonValue] = {}
        for name, each in value.items():
            if name not in self.names:
                ignored.add((*location, name))
            elif name in self.nested:
                kept[name] = self.nested[name].prune(each, (*location, name), ignored)
            else:
                kept[name] = each
        return kept


@dataclass(frozen=True, slots=True)
class _List:
    entry: _Form

    def is_known(self, value: JsonValue) -> bool:
        return type(value) is not list or all(map(self.entry.is_known, value))

    def prune(self, value: JsonValue, location: Location, ignored: IgnoredMembers) -> JsonValue:
        if type(value) is not list:
            return value
        return [self.entry.prune(each, (*location, index), ignored) for index, each in enumerate(value)]


@dataclass(frozen=True, slots=True)
class _Choice:
    """One of several objects; the value of `member` says which."""

    member: str
    objects: Mapping[object, _Object]

    def is_known(self, value: JsonValue) -> bool:
        chosen = self._chosen(value)
        return chosen is None or chosen.is_known(value)

    def prune(self, value: JsonValue, location: Location, ignored: IgnoredMembers) -> JsonValue:
        chosen = self._chosen(value)
        return value if chosen is None else chosen.prune(value, location, ignored)

    def _chosen(self, value: JsonValue) -> _Object | None:
        kind = value.get(self.member) if type(value) is dict else None
        return self.objects.get(kind) if type(kind) is str else None


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

    def to_members(self) -> dict[str, JsonValue]:
        """What an answer says of them; nothing if nothing was ignored."""
        if not self:
            return {}
        more: dict[str, JsonValue] = {"ignoredMore": self.more} if self.more else {}
        return {"ignored": [*self.pointers], **more}


def keep_known(model: type[BaseModel], content: JsonValue) -> tuple[JsonValue, IgnoredMembers]:
    """The content without the members that the model does not know, and their topmost pointers. `content` itself stays
    as it is; one without unknown members is not copied."""
    form, ignored = _object_of(model), IgnoredMembers()
    return (content if form.is_known(content) else form.prune(content, (), ignored)), ignored


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
