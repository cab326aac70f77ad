"""Everything that happened to a basket, and the basket as it was at any moment.

All of it is folded from the basket's stored events: neither views nor snapshots are needed for the past.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from pydantic import AwareDatetime, JsonValue
from pydantic_core import from_json

from domain.basket.basket import Basket
from domain.basket.codec import UnreadableEvent, decode_all
from domain.basket.events import BasketValidated
from domain.operators.history.event_descriptions import describe_event
from domain.ports.event_store import EventStore, StoredEvent
from domain.shared.errors import BasketNotFound, CheckoutError
from domain.shared.eventsourcing import DomainEvent, Value, fold
from domain.validation.revalidate_as_of import NotFoundAsOf, StoredVerdict


class HistoryUnreadable(CheckoutError):
    """A stored event cannot be read by this release, or fits no basket."""

    def __init__(self, basket_id: str, version: int, why: str) -> None:
        super().__init__(f"version {version} of {basket_id} cannot be read: {why}")
        self.version = version


class HistoryEntry(Value):
    """One event of a basket, as people and programs are told of it."""

    basket_id: str
    version: int
    """The basket's version after it."""
    type: str
    position: int
    """Where it lies in the order of all events."""
    occurred_at: AwareDatetime | None
    """When it happened, by the clock of who decided it; null where the event cannot be read."""
    recorded_at: AwareDatetime
    """When the store took it in."""
    words: str
    """What changed."""
    actor: str | None
    """Who asked for it."""
    correlation_id: str | None
    causation_id: str | None
    traceparent: str | None
    data: JsonValue
    """The event as it is stored; null where it is no JSON."""


@dataclass(frozen=True, slots=True)
class BasketState:
    """A basket as it was at a moment, and the last verdict on it by then."""

    basket: Basket
    verdict: StoredVerdict | None = None

    def seen_at(self, moment: datetime) -> BasketState:
        return BasketState(self.basket.as_seen_at(moment), self.verdict)


class BasketHistory:
    """Reads histories, and appends nothing. Every method raises StoreUnavailable."""

    def __init__(self, store: EventStore) -> None:
        self._store = store

    async def entries(self, basket_id: str, after_version: int = 0) -> Sequence[HistoryEntry]:
        """The events after a version, oldest first; raises BasketNotFound. An event that cannot be read is
        told as such."""
        telling = HistoryReader(self._store, basket_id)
        entries = await telling.more()
        if not entries:
            raise BasketNotFound(basket_id)
        return [entry for entry in entries if entry.version > after_version]

    async def last(self, basket_id: str) -> BasketState:
        """The basket after its last event. Raises BasketNotFound and HistoryUnreadable."""
        return _standing(basket_id, await self._stored(basket_id))

    async def now(self, basket_id: str, moment: datetime) -> BasketState:
        """The basket after its last event as it is seen at `moment`, the present: expired where its time is
        over. Raises BasketNotFound and HistoryUnreadable."""
        return (await self.last(basket_id)).seen_at(moment)

    async def state_at_version(self, basket_id: str, version: int) -> BasketState:
        """The basket right after the event of this version. Raises BasketNotFound, NotFoundAsOf and
        HistoryUnreadable."""
        stored = await self._stored(basket_id)
        if not 1 <= version <= stored[-1].version:
            raise NotFoundAsOf(basket_id, f"at version {version}; its last is {stored[-1].version}")
        return _standing(basket_id, [event for event in stored if event.version <= version])

    async def state_as_of(self, basket_id: str, moment: datetime) -> BasketState:
        """The basket as it was at a moment: after all that had happened by then, and expired where its time
        was over. Raises BasketNotFound, NotFoundAsOf and HistoryUnreadable."""
        by_then: list[DomainEvent] = []
        # Its own events are in order; one that happened later ends what had happened by then.
        for event in _decoded(basket_id, await self._stored(basket_id)):
            if event.timestamp > moment:
                break
            by_then.append(event)
        if not by_then:
            raise NotFoundAsOf(basket_id, f"at {moment.isoformat()}")
        return _folded(basket_id, by_then).seen_at(moment)

    async def at_version(self, basket_id: str, version: int) -> Basket:
        """The basket of `standing_at`."""
        return (await self.state_at_version(basket_id, version)).basket

    async def as_of(self, basket_id: str, moment: datetime) -> Basket:
        """The basket of `standing_as_of`."""
        return (await self.state_as_of(basket_id, moment)).basket

    async def _stored(self, basket_id: str) -> Sequence[StoredEvent]:
        stored = await self._store.read_events(basket_id)
        if not stored:
            raise BasketNotFound(basket_id)
        return stored


class HistoryReader:
    """Tells a basket's events from the first on, as far as the store has come at each call."""

    def __init__(self, store: EventStore, basket_id: str) -> None:
        self._store = store
        self._basket_id = basket_id
        self._version = 0
        self._basket: Basket | None = None
        self._lost = False

    async def more(self) -> Sequence[HistoryEntry]:
        """What the store holds beyond what was told; raises StoreUnavailable, and goes on where it was."""
        return [self._tell(event) for event in await self._store.read_events(self._basket_id, self._version)]

    def _tell(self, stored: StoredEvent) -> HistoryEntry:
        self._version = stored.version
        try:
            (event,) = _decoded(self._basket_id, [stored])
        except HistoryUnreadable as error:
            self._lose()
            return _entry(stored, None, str(error))
        words = describe_event(event, self._basket)
        if not self._lost:
            try:
                self._basket = fold(self._basket, [event])
            except Exception:  # noqa: BLE001  (an event that fits no basket may fail in any way)
                self._lose()
                words = f"{words} (it does not fit the events before it)"
        return _entry(stored, event, words)

    def _lose(self) -> None:
        """From here on nothing is known of the lines that events name."""
        self._lost, self._basket = True, None


def _entry(stored: StoredEvent, event: DomainEvent | None, words: str) -> HistoryEntry:
    metadata = _json(stored.metadata)
    said = metadata if isinstance(metadata, dict) else {}
    return HistoryEntry.model_validate(
        {
            "basket_id": stored.stream_id,
            "version": stored.version,
            "type": stored.type,
            "position": stored.position,
            "occurred_at": event.timestamp if event is not None else None,
            "recorded_at": stored.recorded_at,
            "words": words,
            "actor": said.get("actor"),
            "correlation_id": said.get("correlationId"),
            "causation_id": said.get("causationId"),
            "traceparent": said.get("traceparent"),
            "data": _json(stored.data),
        }
    )


def _json(document: bytes) -> JsonValue:
    try:
        value: JsonValue = from_json(document)
    except ValueError:
        return None
    return value


def _decoded(basket_id: str, stored: Sequence[StoredEvent]) -> Sequence[DomainEvent]:
    try:
        return decode_all(b"[" + b",".join(event.data for event in stored) + b"]")
    except UnreadableEvent:
        for event in stored:
            try:
                decode_all(b"[" + event.data + b"]")
            except UnreadableEvent as error:
                raise HistoryUnreadable(basket_id, event.version, str(error)) from error
        raise


def _standing(basket_id: str, stored: Sequence[StoredEvent]) -> BasketState:
    return _folded(basket_id, _decoded(basket_id, stored))


def _folded(basket_id: str, events: Sequence[DomainEvent]) -> BasketState:
    basket: Basket | None = None
    for event in events:
        try:
            basket = fold(basket, [event])
        except Exception as error:
            # An event that fits no basket may fail in any way.
            why = f"{type(error).__name__}: {error}"
            raise HistoryUnreadable(basket_id, event.originator_version, why) from error
    assert basket is not None  # noqa: S101  (there are events)
    verdict = next((event for event in reversed(events) if isinstance(event, BasketValidated)), None)
    return BasketState(basket, StoredVerdict.of(verdict) if verdict else None)
