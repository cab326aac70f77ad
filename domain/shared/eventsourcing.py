"""The only door to the eventsourcing library.

The library defines how events and aggregates work together. An event knows its aggregate's id and version, and
mutates the aggregate. The aggregate triggers events and collects them. Here, events are frozen pydantic models: one
class is the stored form, the published schema and the change of state.

The library's recorders, application and mapper are not used. They are synchronous, and the mapper does not validate
the pydantic events that it builds.
"""

from __future__ import annotations

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
"""Immutable models with camelCase JSON. The text under a field is its description in the published schemas. Errors do
not quote their input: they go to logs and dead letters, and the input may be personal data."""


class Value(BaseModel):
    """A value object: immutable, compared by content."""

    model_config = FROZEN

    @classmethod
    def construct_trusted(cls, **fields: object) -> Self:
        """Makes a value without validation. `fields` must be valid, and complete. Validation takes most of the time
        where many values are made."""
        return _construct(cls, fields)

    def with_trusted(self, **changes: object) -> Self:
        """A copy with other values of some fields, which must be valid."""
        return _construct(type(self), {**self.__dict__, **changes})


# The setters of pydantic's own slots. `object.__setattr__` would look for them each time, which takes half of the time.
_set_fields, _set_fields_set, _set_extra, _set_private = (
    BaseModel.__dict__[slot].__set__
    for slot in ("__dict__", "__pydantic_fields_set__", "__pydantic_extra__", "__pydantic_private__")
)
M = TypeVar("M", bound=BaseModel)


def _construct(model: type[M], fields: dict[str, object]) -> M:
    made: M = object.__new__(model)
    _set_fields(made, fields)
    _set_fields_set(made, NO_FIELDS_SET)
    _set_extra(made, None)
    _set_private(made, None)
    return made


NO_FIELDS_SET: set[str] = set()
"""Shared by values that do not record which fields were given. That record takes two thirds of a small value's
memory, and nothing reads it."""


def trim(value: Value) -> None:
    """Drops the record of given fields from a value and from the values in it."""
    if value.__pydantic_fields_set__ is NO_FIELDS_SET:
        return
    _set_fields_set(value, NO_FIELDS_SET)
    for field in value.__dict__.values():
        for each in field if isinstance(field, tuple) else (field,):
            if isinstance(each, Value):
                trim(each)


class DomainEvent(BaseModel, CanMutateAggregate[str]):
    """Something that happened to an aggregate. Its JSON is stored and published.

    A subclass declares its stored name as the default of `type`. Rename the class if you like, never the name.
    """

    model_config = FROZEN

    TOPIC: ClassVar[str]

    originator_id: Annotated[str, Field(alias="basketId")]
    """The basket's id."""
    originator_version: Annotated[int, Field(alias="version", ge=1)]
    """The basket's version after this event; the versions of a basket have no gaps."""
    timestamp: Annotated[AwareDatetime, Field(alias="occurredAt")]
    """When it happened."""

    _blank: ClassVar[dict[str, object]]
    """All fields in their order, with their defaults, or a mark where they have none: it cannot be
    encoded."""

    @classmethod
    def construct_trusted(cls, **fields: object) -> Self:
        """As that of a value, but defaults are filled in, and the fields are in the order of the stored JSON."""
        return _construct(cls, {**cls._blank, **fields})

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        super().__pydantic_init_subclass__(**kwargs)
        cls._blank = {name: field.get_default() for name, field in cls.model_fields.items()}
        name = cls.model_fields["type"].default if "type" in cls.model_fields else None
        if isinstance(name, str):
            cls.TOPIC = name
            register_topic(name, cls)


class InitialEvent(DomainEvent, CanInitAggregate[str]):
    """The first event of an aggregate; it creates the aggregate that `originator_topic` names."""

    originator_topic: ClassVar[str]  # type: ignore[misc]  # the library declares it for instances


class Aggregate(BaseAggregate[str]):
    """Keeps a set of rules true. It changes by events only."""

    TOPIC: ClassVar[str]

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        register_topic(cls.TOPIC, cls)

    @classmethod
    def begin(cls, event: type[InitialEvent], *, id: str, now: datetime, **values: object) -> Self:
        """A new aggregate, whose first event waits to be collected. `values` as for `trigger_trusted`."""
        aggregate = cls.from_snapshot(id=id, version=0, created=now, modified=now)
        aggregate.trigger_trusted(event, now, **values)
        return aggregate

    @classmethod
    def from_snapshot(cls, *, id: str, version: int, created: datetime, modified: datetime) -> Self:
        """An aggregate at a version, as its `__init__` makes it: the caller sets its state."""
        aggregate = cls.__new__(cls)
        aggregate.__base_init__(id, version, created)
        aggregate.__init__()  # type: ignore[misc]
        aggregate.modified_on = modified
        return aggregate

    def trigger_trusted(self, event: type[DomainEvent], now: datetime, **values: object) -> None:
        """As `trigger_event`, without validation: `values` must be valid, and name all fields that have no default.
        Validation takes most of the time where an update has many actions."""
        version = self._version + 1
        happened = event.construct_trusted(originator_id=self._id, originator_version=version, timestamp=now, **values)
        # As `mutate`, without its checks: the event has the aggregate's id and next version.
        happened.apply(self)
        self._version = version
        self._modified_on = now
        self._pending_events.append(happened)

    def copy(self) -> Self:
        """A shallow copy with no events to collect."""
        other = object.__new__(type(self))
        other.__dict__.update(self.__dict__)
        other._pending_events = []
        return other

    def collect(self) -> tuple[DomainEvent, ...]:
        """The events since the last call, oldest first."""
        return tuple(cast("Iterable[DomainEvent]", self.collect_events()))


A = TypeVar("A", bound=Aggregate)


def fold(aggregate: A | None, events: Iterable[DomainEvent]) -> A | None:
    """The aggregate after `events`, which must follow its version without a gap."""
    for event in events:
        aggregate = event.mutate(aggregate)
    return aggregate
