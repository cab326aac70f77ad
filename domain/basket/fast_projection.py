"""Views straight from stored documents, for rebuilds of millions of events.

There is one fold: the events' own `apply`. Here the events are msgspec structs, which are generated from the pydantic
models, with their methods, and decode at a multiple of the speed (decision 0036). A history that the structs do not
take goes through the models: an unknown or newer type, an odd value, an event that does not fit.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import cache, reduce
from operator import or_
from types import FunctionType, UnionType
from typing import Annotated, Any, Union, cast, get_args, get_origin

import msgspec
from pydantic import AwareDatetime, BaseModel
from pydantic.fields import FieldInfo

from domain.basket.basket import Basket
from domain.basket.basket_view import to_view
from domain.basket.codec import decode_all
from domain.basket.events import (
    OPEN_MAPS,
    BasketDetails,
    BasketDetailsChanged,
    BasketEvent,
    BasketInitiated,
    BasketValidated,
    OrderItemAdded,
    OrderItemPriceExpected,
    OrderItemQuantityChanged,
    OrderItemRemoved,
    OrderItemRepriced,
    OrderItemSwapped,
)
from domain.basket.snapshot import BasketSnapshot, restore, snapshot_fields
from domain.ports.read_models import BasketView
from domain.shared.eventsourcing import DomainEvent, fold
from domain.shared.findings import Finding

_TIME = Annotated[datetime, msgspec.Meta(tz=True)]
_AMOUNT = Annotated[str, msgspec.Meta(pattern=r"^(?:0|[1-9][0-9]{0,11})(?:\.[0-9]{1,4})?\Z")]
_LEAVES: dict[object, object] = {AwareDatetime: _TIME, datetime: _TIME, Decimal: _AMOUNT}
"""An amount stays text, in the form in which a decimal writes itself."""


def catch_up(snapshot: bytes, documents: bytes) -> BasketView | None:
    """The view after the documents that follow a view's snapshot, as a JSON array's inside; None if they cannot be
    folded onto it."""
    try:
        return to_view(cast("Basket", fold(restore(snapshot), decode_all(b"[" + documents + b"]"))))
    except Exception:  # noqa: BLE001  (events that fit no basket may fail in any way)
        return None


def project_canonical(stream_id: str, documents: bytes) -> BasketView | None:
    """The view of a basket's stored documents, as a JSON array's inside; None if `project` must do it.

    A basket-validated document may end after its findings.
    """
    try:
        events = _EVENTS.decode(b"[" + documents + b"]")
        basket = Basket.from_snapshot(
            id=stream_id, version=len(events), created=events[0].timestamp, modified=events[-1].timestamp
        )
        for version, event in enumerate(events, 1):
            if event.originator_version != version or event.originator_id != stream_id:
                return None
            if (type(event) is _INITIATED) != (version == 1):
                return None
            event.apply(basket)
    except (msgspec.MsgspecError, ValueError, LookupError, TypeError, RecursionError, OverflowError):
        return None
    if not basket.partner or not _are_canonical(basket.details):
        return None
    return to_view(basket, _encode_snapshot(basket))


@dataclass(frozen=True, slots=True)
class ArrivedEvents:
    """Events of one basket as they arrived: the stored documents, and the same as structs."""

    documents: Sequence[bytes]
    structs: Sequence[Any]


def decode_structs(documents: Sequence[bytes]) -> Sequence[Any] | None:
    """The events of these documents as structs; None if the models must read them."""
    try:
        structs = _EVENTS.decode(_array(documents))
        # A document may be blank, or hold two events.
        return structs if len(structs) == len(documents) else None
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return None


def advance(stream_id: str, snapshot: bytes | None, events: Iterable[Any]) -> tuple[int, BasketView] | None:
    """A basket's view after those of the events that follow its snapshot, and the snapshot's version, 0 without one.

    None if nothing follows, or if the models must fold: there is a gap, or the history is odd.
    """
    basket: Basket | None = None
    keeps_references = snapshot is not None
    try:
        if snapshot is not None:
            basket = _SNAPSHOTS.decode(snapshot).restore()
        began = version = basket.version if basket is not None else 0
        details = basket.details if basket is not None else None
        for event in events:
            if event.originator_version <= version:
                continue
            version += 1
            if event.originator_version != version or (type(event) is _INITIATED) != (version == 1):
                return None
            if basket is None:
                basket = Basket.from_snapshot(
                    id=stream_id, version=1, created=event.timestamp, modified=event.timestamp
                )
            event.apply(basket)
            basket.version, basket.modified_on = version, event.timestamp
            keeps_references = keeps_references and type(event) in _KEEPING_REFERENCES
    except (msgspec.MsgspecError, ValueError, LookupError, TypeError, RecursionError, OverflowError):
        return None
    if basket is None or version == began or basket.id != stream_id or not basket.partner:
        return None
    if basket.details is not details and not _are_canonical(basket.details):
        return None
    return began, to_view(basket, _encode_snapshot(basket), keeps_references=keeps_references)


def _array(documents: Iterable[bytes]) -> bytes:
    return b"[" + b",".join(documents) + b"]"


def _encode_snapshot(basket: Basket) -> bytes:
    return msgspec.json.encode(_SNAPSHOT(**snapshot_fields(basket)))


def _are_canonical(details: BasketDetails) -> bool:
    return all(_is_canonical(getattr(details, name)) for name in OPEN_MAPS)


def read_line_event(document: bytes) -> Any:
    """An event about lines as a struct; None if its model must read it. Baskets may hold lines of both kinds."""
    try:
        return _LINE_EVENT.decode(document)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return None


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
_INITIATED = EVENT_STRUCTS[BasketInitiated]
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
_KEEPING_REFERENCES = frozenset(
    EVENT_STRUCTS[event]
    for event in (
        OrderItemQuantityChanged,
        OrderItemPriceExpected,
        OrderItemRepriced,
        BasketDetailsChanged,
        BasketValidated,
    )
)
"""After these a basket rests on the same offers, products and policies."""

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
