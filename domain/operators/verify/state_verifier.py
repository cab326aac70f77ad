"""Verifies the compacted topic of states: compares the last record of each basket with the basket's events."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import blake2b
from typing import Protocol

from pydantic_core import to_json

from domain.basket.personal_fields import clear_personal_fields, parse_document
from domain.operators.verify.inconsistencies import Inconsistency, InconsistencyKind
from domain.ports.event_store import EventStore, StoredEvent
from domain.shared.errors import BasketArchived
from domain.shared.values import Clock
from domain.validation.stream_fold import StreamFold, UnfoldableBasket

CONCURRENCY = 8
MAX_MISSING = 20
"""More baskets without a state than this are reported as one inconsistency: somebody must republish."""
MARGIN = timedelta(hours=1)
"""Around the end of its retention a basket may have a state, a tombstone or, after compaction, nothing."""


@dataclass(frozen=True, slots=True)
class StateRecord:
    """The last record of a basket. `digest` is that of the state, None for a tombstone; `version` is None where the
    record names none."""

    version: int | None
    digest: bytes | None
    place: str


class StateTopic(Protocol):
    name: str

    async def last_records(self, basket_ids: Collection[str] | None) -> Mapping[str, StateRecord]:
        """The last record of each of these baskets, or of all. Raises BrokerUnavailable."""


@dataclass(frozen=True, slots=True)
class PublishedStates:
    """What was published: events up to `published`, tombstones up to `retired`, and the records after that was read.
    Baskets whose last event is not after `begins_after` may be missing."""

    published: int
    retired: int
    begins_after: int
    records: Mapping[str, StateRecord]


class StateVerifier:
    """Reads only. Methods raise BrokerUnavailable and StoreUnavailable."""

    def __init__(
        self,
        store: EventStore,
        topic: StateTopic,
        read_retired: Callable[[], Awaitable[int]],
        clock: Clock,
        retention: timedelta,
    ) -> None:
        """`store` holds the events as they are published."""
        self.topic = topic.name
        self._store = store
        self._topic = topic
        self._read_retired = read_retired
        self._clock = clock
        self._retention = retention

    async def read(self, published: int, begins_after: int, basket_ids: Collection[str] | None) -> PublishedStates:
        retired = await self._read_retired()
        return PublishedStates(published, retired, begins_after, await self._topic.last_records(basket_ids))

    async def compare(self, states: PublishedStates, basket_ids: Collection[str]) -> list[Inconsistency]:
        """What is wrong with the last records of these baskets, as of the events that the store has now."""
        turns = asyncio.Semaphore(CONCURRENCY)

        async def compare_one(basket_id: str) -> Inconsistency | None:
            async with turns:
                try:
                    events = await self._store.read_events(basket_id)
                except BasketArchived:  # since a moment
                    return None
            return self._check(basket_id, events, states)

        compared = await asyncio.gather(*map(compare_one, sorted(basket_ids)))
        found = [each for each in compared if each is not None]
        missing = [each for each in found if each.kind == "message_missing" and each.subject not in states.records]
        if len(missing) <= MAX_MISSING:
            return found
        words = (
            f"{len(missing):,} baskets have no state there. `checkout republish --state --live` writes them; after the"
            " upgrade that brought the topic it is run once"
        )
        rest = [each for each in found if each not in missing]
        return [Inconsistency(kind="message_missing", subject=self.topic, topic=self.topic, words=words), *rest]

    def _check(self, basket_id: str, events: Sequence[StoredEvent], states: PublishedStates) -> Inconsistency | None:
        record = states.records.get(basket_id)
        published = max((event.version for event in events if event.position <= states.published), default=0)

        def report(kind: InconsistencyKind, version: int | None, words: str) -> Inconsistency:
            return Inconsistency(kind=kind, subject=basket_id, version=version, topic=self.topic, words=words)

        if record is None:
            folded = _fold(basket_id, events, published)
            lost = not published or events[published - 1].position <= states.begins_after or not folded.basket
            if lost or self._may_be_retired(folded, states):
                return None
            return report("message_missing", published, f"the state of version {published} is not there")
        version = record.version
        if version is None:
            return report("message_not_understood", None, f"the record at {record.place} says no version")
        if version > len(events):
            words = f"the record at {record.place} is of version {version}, and the store has {len(events)}"
            return report("message_without_event", version, words)
        folded = _fold(basket_id, events, version)
        if not folded.basket or not _fold(basket_id, events, published).basket:
            return None  # a dead letter tells
        if version < published:
            words = f"the last record, at {record.place}, is of version {version}, and version {published} is published"
            return report("message_missing", published, words)
        if record.digest is None:
            if self._may_be_retired(folded, states):
                return None
            return report("message_differs", version, f"a tombstone is at {record.place}, and its time has not come")
        if folded.ended is not None and folded.ended.position <= states.retired:
            return report("message_missing", version, f"a state is at {record.place}, and its tombstone is not there")
        state = folded.state()
        if isinstance(state, UnfoldableBasket) or state_digest(state) == record.digest:
            return None
        return report("message_differs", version, f"the state at {record.place} is not what the events say")

    def _may_be_retired(self, folded: StreamFold, states: PublishedStates) -> bool:
        ended = folded.ended
        if ended is None:
            return False
        margin = min(MARGIN, self._retention / 2)
        return ended.position <= states.retired or _age(ended, self._clock()) > self._retention - margin


def _fold(basket_id: str, events: Sequence[StoredEvent], version: int) -> StreamFold:
    folded = StreamFold(basket_id)
    folded.advance(events[:version])
    return folded


def _age(event: StoredEvent, now: datetime) -> timedelta:
    return now - event.recorded_at


def state_digest(state: bytes) -> bytes:
    """The digest of a state without personal data, which may have been erased or encrypted since."""
    document = parse_document(state)
    order = document.get("order") if isinstance(document, dict) else None
    if isinstance(order, dict):
        clear_personal_fields(order)
        state = to_json(document)
    return blake2b(state, digest_size=16).digest()
