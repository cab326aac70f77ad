"""The only door to the eventsourcing library.

The library gives aggregates their event protocol: an event knows its aggregate's id and version and
mutates the aggregate; the aggregate triggers events and collects them. Events are frozen pydantic
models, so that one class is the stored form, the published schema and the change of state.

The library's recorders, application and mapper are not used: they are synchronous, and the mapper
rebuilds pydantic events without validating them.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, Any, ClassVar, Self, TypeVar, cast

from eventsourcing.domain import BaseAggregate, CanInitAggregate, CanMutateAggregate
from eventsourcing.utils import register_topic
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

FROZEN = ConfigDict(
    frozen=True,
    alias_generator=to_camel,
    validate_by_name=True,
    validate_by_alias=True,
    serialize_by_alias=True,
    use_attribute_docstrings=True,
    hide_input_in_errors=True,
)
"""Immutable, camelCase in JSON, whole words in Python. The text under a field is its description in the
published schemas. Errors never quote what was read: they go to logs and dead letters, and it may be personal data."""


class Value(BaseModel):
    """A value object: equal by content, immutable, camelCase in JSON."""

    model_config = FROZEN

    @classmethod
    def made(cls, **fields: object) -> Self:
        """A value of parts that are right already, all fields by their names: to look at each part again takes
        most of the time of making many values."""
        value = cls.__new__(cls)
        _set(value, "__dict__", fields)
        _set(value, "__pydantic_fields_set__", NO_FIELDS_SET)
        _set(value, "__pydantic_extra__", None)
        _set(value, "__pydantic_private__", None)
        return value


_set = object.__setattr__

NO_FIELDS_SET: set[str] = set()
"""Which fields were said and which left out: nobody asks that of a value of ours, and of small values it takes two
thirds of the memory."""


def trim(value: Value) -> None:
    """Drops what nobody asks of a value, and of the values in it, that is to be kept for long."""
    if value.__pydantic_fields_set__ is NO_FIELDS_SET:
        return
    _set(value, "__pydantic_fields_set__", NO_FIELDS_SET)
    for part in value.__dict__.values():
        if isinstance(part, Value):
            trim(part)
        elif isinstance(part, tuple):
            for each in part:
                if isinstance(each, Value):
                    trim(each)


class DomainEvent(BaseModel, CanMutateAggregate[str]):
    """Something that happened to an aggregate; its JSON is what is stored and published.

    A subclass declares `type` with its stored name as default. Stored names are promises: a class may
    be renamed, its type name never.
    """

    model_config = FROZEN

    TOPIC: ClassVar[str]

    originator_id: Annotated[str, Field(alias="basketId")]
    """The basket's id."""
    originator_version: Annotated[int, Field(alias="version", ge=1)]
    """The basket's version after this event; the versions of a basket have no gaps."""
    timestamp: Annotated[AwareDatetime, Field(alias="occurredAt")]
    """When it happened."""

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        super().__pydantic_init_subclass__(**kwargs)
        name = cls.model_fields["type"].default if "type" in cls.model_fields else None
        if isinstance(name, str):
            cls.TOPIC = name
            register_topic(name, cls)


class InitialEvent(DomainEvent, CanInitAggregate[str]):
    """The first event of an aggregate: it makes the aggregate that `originator_topic` names."""

    originator_topic: ClassVar[str]  # type: ignore[misc]  # the library declares it for instances


class Aggregate(BaseAggregate[str]):
    """What keeps a set of rules true; every change of it is an event."""

    TOPIC: ClassVar[str]

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        register_topic(cls.TOPIC, cls)

    @classmethod
    def begin(cls, event: type[InitialEvent], *, id: str, now: datetime, **values: object) -> Self:
        """A new aggregate that begins with `event`, which waits to be collected."""
        return cls._create(event, id=id, timestamp=now, **values)

    def copy(self) -> Self:
        """A shallow copy with no events to collect."""
        other = copy.copy(self)
        other._pending_events = []  # noqa: SLF001  (a copy of the same class)
        return other

    @classmethod
    def shell(cls, *, id: str, version: int, created: datetime, modified: datetime) -> Self:
        """An aggregate as of a version, for its state to be put back from a snapshot."""
        aggregate = cls.__new__(cls)
        aggregate.__base_init__(id, version, created)
        aggregate.modified_on = modified
        return aggregate

    def collect(self) -> tuple[DomainEvent, ...]:
        """The events since the last call, oldest first."""
        return tuple(cast("Iterable[DomainEvent]", self.collect_events()))


A = TypeVar("A", bound=Aggregate)


def fold(aggregate: A | None, events: Iterable[DomainEvent]) -> A | None:
    """The aggregate after `events`, which must follow its version without a gap."""
    for event in events:
        aggregate = event.mutate(aggregate)
    return aggregate
