"""A basket's history, event by event and as the basket was at any moment.

Everything is folded from stored events. Views and snapshots are not read.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from pydantic import AwareDatetime, JsonValue

from domain.basket.basket import Basket
from domain.basket.codec import UnreadableEvent, decode_all
from domain.basket.events import BasketValidated
from domain.basket.personal_fields import parse_document
from domain.operators.history.event_descriptions import describe_event
from domain.ports.event_store import EventStore, StoredEvent
from domain.shared.errors import BasketNotFound, CheckoutError
from domain.shared.eventsourcing import DomainEvent, Value, fold
from domain.validation.revalidate_as_of import NotFoundAsOf, StoredVerdict


class HistoryUnreadable(CheckoutError):
    """This release cannot read a stored event, or cannot apply it to the basket."""

    def __init__(self, basket_id: str, version: int, why: str) -> None:
        super().__init__(f"version {version} of {basket_id} cannot be read: {why}")
        self.version = version


class HistoryEntry(Value):
    """One event of a basket, for people and programs."""

    basket_id: str
    version: int
    """The basket's version after the event."""
    type: str
    position: int
    """Its place in the order of all events of the store."""
    occurred_at: AwareDatetime | None
    """When it happened, by the clock of the process that decided it. Null where the event cannot be read."""
    recorded_at: AwareDatetime
    """When the store recorded it."""
    words: str
    """What changed, in one sentence."""
    actor: str | None
    """Who asked for it."""
    correlation_id: str | None
    causation_id: str | None
    traceparent: str | None
    data: JsonValue
    """The stored event. Null where it is not JSON."""


@dataclass(frozen=True, slots=True)
class BasketState:
    """A basket at a moment, and the last verdict recorded by then."""

    basket: Basket
    verdict: StoredVerdict | None = None

    def seen_at(self, moment: datetime) -> BasketState:
        return BasketState(self.basket.as_seen_at(moment), self.verdict)


class BasketHistory:
    """Reads histories. Every method raises StoreUnavailable, and BasketNotFound.

    The methods that return a BasketState also raise HistoryUnreadable.
    """

    def __init__(self, store: EventStore) -> None:
        self._store = store

    async def entries(self, basket_id: str, after_version: int = 0) -> Sequence[HistoryEntry]:
        """The events after a version, oldest first. The entry of an unreadable event says why."""
        entries = await HistoryReader(self._store, basket_id).read_new()
        if not entries:
            raise BasketNotFound(basket_id)
        return [entry for entry in entries if entry.version > after_version]

    async def last(self, basket_id: str) -> BasketState:
        """The basket after its last event."""
        return _fold(await self._events(basket_id))

    async def now(self, basket_id: str, moment: datetime) -> BasketState:
        """The basket after its last event, expired if its time is over at `moment`, which is the present."""
        return (await self.last(basket_id)).seen_at(moment)

    async def at_version(self, basket_id: str, version: int) -> BasketState:
        """The basket right after the event of this version. Raises NotFoundAsOf."""
        stored = await self._stored(basket_id)
        if not 1 <= version <= stored[-1].version:
            raise NotFoundAsOf(basket_id, f"at version {version}; its last is {stored[-1].version}")
        return _fold([_decode(event) for event in stored if event.version <= version])

    async def as_of(self, basket_id: str, moment: datetime) -> BasketState:
        """The basket after all that had happened by a moment, expired if its time was over by then. Raises
        NotFoundAsOf."""
        events = await self._events(basket_id)
        # A basket's events are in order of time: the first later one ends what had happened.
        count = next((i for i, event in enumerate(events) if event.timestamp > moment), len(events))
        if not count:
            raise NotFoundAsOf(basket_id, f"at {moment.isoformat()}")
        return _fold(events[:count]).seen_at(moment)

    async def _events(self, basket_id: str) -> Sequence[DomainEvent]:
        return [_decode(event) for event in await self._stored(basket_id)]

    async def _stored(self, basket_id: str) -> Sequence[StoredEvent]:
        stored = await self._store.read_events(basket_id)
        if not stored:
            raise BasketNotFound(basket_id)
        return stored


class HistoryReader:
    """Describes a basket's events from the first on. Each call continues after the last event described."""

    def __init__(self, store: EventStore, basket_id: str) -> None:
        self._store = store
        self._basket_id = basket_id
        self._describer = EventDescriber()

    async def read_new(self) -> Sequence[HistoryEntry]:
        """The entries since the last call. Raises StoreUnavailable; the next call then continues."""
        stored = await self._store.read_events(self._basket_id, self._describer.version)
        return [*map(self._describer.describe, stored)]


class EventDescriber:
    """Describes a basket's stored events, one after the other."""

    def __init__(self) -> None:
        self.version = 0
        """That of the last event described."""
        self._basket: Basket | None = None
        self._foldable = True
        """False after an unreadable event: then descriptions name lines by their ids only."""

    def describe(self, stored: StoredEvent) -> HistoryEntry:
        self.version = stored.version
        try:
            event = _decode(stored)
        except HistoryUnreadable as error:
            self._foldable, self._basket = False, None
            return _entry(stored, None, str(error))
        words = describe_event(event, self._basket)
        if self._foldable:
            try:
                self._basket = fold(self._basket, [event])
            except Exception:  # noqa: BLE001  (an event that does not fit can fail in any way)
                self._foldable, self._basket = False, None
                words = f"{words} (it does not fit the events before it)"
        return _entry(stored, event, words)


def _entry(stored: StoredEvent, event: DomainEvent | None, words: str) -> HistoryEntry:
    parsed = parse_document(stored.metadata)
    metadata = parsed if isinstance(parsed, dict) else {}
    return HistoryEntry.model_validate(
        {
            "basket_id": stored.stream_id,
            "version": stored.version,
            "type": stored.type,
            "position": stored.position,
            "occurred_at": event.timestamp if event is not None else None,
            "recorded_at": stored.recorded_at,
            "words": words,
            "actor": metadata.get("actor"),
            "correlation_id": metadata.get("correlationId"),
            "causation_id": metadata.get("causationId"),
            "traceparent": metadata.get("traceparent"),
            "data": parse_document(stored.data),
        }
    )


def _decode(stored: StoredEvent) -> DomainEvent:
    """Raises HistoryUnreadable."""
    try:
        (event,) = decode_all(b"[" + stored.data + b"]")
    except UnreadableEvent as error:
        raise HistoryUnreadable(stored.stream_id, stored.version, str(error)) from error
    return event


def _fold(events: Sequence[DomainEvent]) -> BasketState:
    """The state after these events, at least one. Raises HistoryUnreadable."""
    basket: Basket | None = None
    verdict: StoredVerdict | None = None
    for event in events:
        try:
            basket = fold(basket, [event])
        except Exception as error:
            # An event that does not fit can fail in any way.
            why = f"{type(error).__name__}: {error}"
            raise HistoryUnreadable(event.originator_id, event.originator_version, why) from error
        if isinstance(event, BasketValidated):
            verdict = StoredVerdict.of(event)
    assert basket is not None  # noqa: S101  (there are events)
    return BasketState(basket, verdict)
