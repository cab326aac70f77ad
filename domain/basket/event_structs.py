"""Basket events and snapshots as msgspec structs, for views and for what is published.

The structs are generated from the pydantic models, with their methods, and decode at a multiple of the speed (decision
0036). So there is one fold: the events' own `apply`. The structs do not take an unknown or newer type, nor an odd value.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from functools import cache, reduce
from operator import or_
from types import FunctionType, UnionType
from typing import Annotated, Any, Union, get_args, get_origin

import msgspec
from pydantic import AwareDatetime, BaseModel
from pydantic.fields import FieldInfo

from domain.basket.basket import Basket
from domain.basket.events import (
    OPEN_MAPS,
    BasketDetails,
    BasketEvent,
    BasketValidated,
    OrderItemAdded,
    OrderItemPriceExpected,
    OrderItemQuantityChanged,
    OrderItemRemoved,
    OrderItemRepriced,
    OrderItemSwapped,
)
from domain.basket.snapshot import BasketSnapshot, snapshot_fields
from domain.shared.eventsourcing import DomainEvent
from domain.shared.findings import Finding

_TIME = Annotated[datetime, msgspec.Meta(tz=True)]
_AMOUNT = Annotated[str, msgspec.Meta(pattern=r"^(?:0|[1-9][0-9]{0,11})(?:\.[0-9]{1,4})?\Z")]
_LEAVES: dict[object, object] = {AwareDatetime: _TIME, datetime: _TIME, Decimal: _AMOUNT}
"""An amount stays text, in the form in which a decimal writes itself."""


def decode_structs(documents: bytes) -> Sequence[Any] | None:
    """The events of stored documents, given as a JSON array's inside, as structs; None if the models must read them.

    A basket-validated document may end after its findings.
    """
    try:
        return _EVENTS.decode(b"[" + documents + b"]")
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return None


def read_line_event(document: bytes) -> Any:
    """An event about lines as a struct; None if its model must read it. Baskets may hold lines of both kinds."""
    try:
        return _LINE_EVENT.decode(document)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return None


def restore_structs(snapshot: bytes) -> Basket:
    """The basket of a view's JSON, of structs. Raises msgspec.MsgspecError or ValueError if a model must read it."""
    basket: Basket = _SNAPSHOTS.decode(snapshot).restore()
    return basket


def encode_snapshot(basket: Basket) -> bytes:
    """A view's JSON of a basket of structs."""
    return msgspec.json.encode(_SNAPSHOT(**snapshot_fields(basket)))


def are_canonical(details: BasketDetails) -> bool:
    """Whether the open maps of details of structs are written as a model writes them."""
    return all(_is_canonical(getattr(details, name)) for name in OPEN_MAPS)


class _Struct(msgspec.Struct):
    """What `apply` needs of a model."""

    def with_trusted(self, **changes: object) -> Any:
        return msgspec.structs.replace(self, **changes)


_UNREAD: dict[type[BaseModel], frozenset[str]] = {
    # A rebuild reads these documents as far as the findings.
    BasketValidated: frozenset({"evidence", "passed", "catalogue_position", "promise", "remedy"}),
    Finding: frozenset(Finding.model_fields) - {"code"},
}


@cache
def struct_of(model: type[BaseModel]) -> type[Any]:
    """A struct with the fields and the methods of a model."""
    is_event = issubclass(model, DomainEvent)
    unread = _UNREAD.get(model, frozenset()) | ({"type"} if is_event else frozenset())
    fields = [
        (name, _struct_type(field.annotation, field.metadata), _struct_field(name, field))
        for name, field in model.model_fields.items()
        if name not in unread
    ]
    return msgspec.defstruct(
        model.__name__,
        fields,
        bases=(_Struct,),
        namespace={name: each for name, each in vars(model).items() if isinstance(each, FunctionType)},
        tag_field="type" if is_event else None,
        tag=model.TOPIC if issubclass(model, DomainEvent) else None,
        kw_only=True,
        gc=False,
    )


def _struct_field(name: str, field: FieldInfo) -> Any:
    if field.is_required():
        return msgspec.field(name=field.alias or name)
    if field.default_factory is not None:  # only open maps have one
        return msgspec.field(name=field.alias or name, default=msgspec.Raw(b"{}"))
    return msgspec.field(name=field.alias or name, default=field.default)


def _struct_type(annotation: Any, metadata: Iterable[object] = ()) -> Any:
    """Open maps stay bytes. Of the constraints, lower bounds are checked."""
    arguments = get_args(annotation)
    match get_origin(annotation):
        case None if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            return struct_of(annotation)
        case origin if origin is Annotated:
            return _struct_type(arguments[0], arguments[1:])
        case origin if origin in (Union, UnionType):
            return _union(_struct_type(each) for each in arguments)
        case origin if origin is tuple:
            return tuple[_struct_type(arguments[0]), ...]  # type: ignore[misc]
        case origin if origin is dict:
            return msgspec.Raw
    for constraint in metadata:
        if (least := getattr(constraint, "ge", None)) is not None:
            return Annotated[annotation, msgspec.Meta(ge=least)]
    return _LEAVES.get(annotation, annotation)


def _union(types: Iterable[Any]) -> Any:
    return reduce(or_, types)


EVENT_STRUCTS = {event: struct_of(event) for event in BasketEvent.__args__}
_EVENTS: msgspec.json.Decoder[list[Any]] = msgspec.json.Decoder(list[_union(EVENT_STRUCTS.values())])  # type: ignore[misc]
_LINE_EVENTS = (
    OrderItemAdded,
    OrderItemRemoved,
    OrderItemQuantityChanged,
    OrderItemPriceExpected,
    OrderItemSwapped,
    OrderItemRepriced,
)
LINE_EVENT_TYPES: frozenset[str] = frozenset(event.TOPIC for event in _LINE_EVENTS)
_LINE_EVENT: msgspec.json.Decoder[Any] = msgspec.json.Decoder(_union(EVENT_STRUCTS[event] for event in _LINE_EVENTS))
_SNAPSHOT = struct_of(BasketSnapshot)
_SNAPSHOTS: msgspec.json.Decoder[Any] = msgspec.json.Decoder(_SNAPSHOT)
_EXPONENT = re.compile(rb"[0-9][eE]")


def _is_canonical(open_map: object) -> bool:
    """Whether the bytes of an open map may stay as they are: a compact object in UTF-8. Releases write exponents in
    different ways."""
    if not isinstance(open_map, msgspec.Raw):  # an erasure left an empty one
        return True
    content = bytes(open_map)
    if content == b"{}":
        return True
    if content[:1] != b"{" or _EXPONENT.search(content) is not None:
        return False
    try:
        return msgspec.json.format(content.decode(), indent=-1).encode() == content
    except (ValueError, msgspec.MsgspecError, RecursionError):
        return False
