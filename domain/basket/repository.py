"""Baskets out of the event store and back into it.

Baskets that were used lately stay in memory as they were last acknowledged. They make deciding quick and
are never the last word: an append checks the version, and a read asks the store for what came after.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from weakref import WeakValueDictionary

from cachetools import LRUCache
from pydantic_core import to_json

from domain.basket.basket import Basket
from domain.basket.codec import UnreadableEvent, decode_all, encode
from domain.basket.commands import Caller
from domain.basket.snapshot import UnreadableSnapshot, restore
from domain.ports.event_store import (
    Append,
    Appended,
    AppendOutcome,
    EventStore,
    IdempotencyKey,
    NewEvent,
    RenderedResponse,
    StoredStream,
)
from domain.shared.errors import BasketNotFound
from domain.shared.eventsourcing import fold, trim


class BasketRepository:
    """Loads and saves baskets. One object serves all callers of a process."""

    def __init__(self, store: EventStore, cache_lines: int = 30_000) -> None:
        """Keeps baskets of so many lines in memory: it is lines that take it, about 3 KB each."""
        self._store = store
        self._recent: LRUCache[str, Basket] = LRUCache(cache_lines, getsizeof=_size)
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    @asynccontextmanager
    async def turn(self, basket_id: str) -> AsyncIterator[None]:
        """Callers of one basket in this process take turns: they would only conflict with each other."""
        lock = self._turns.get(basket_id)
        if lock is None:
            lock = self._turns[basket_id] = asyncio.Lock()
        async with lock:
            yield

    def remembered(self, basket_id: str) -> Basket | None:
        """The basket as last acknowledged in this process; other processes may have gone on since."""
        return self._recent.get(basket_id)

    def drop(self) -> None:
        """Keeps no basket in memory any longer."""
        self._recent.clear()

    async def load(self, basket_id: str) -> Basket:
        """The basket with everything that was acknowledged before this call; raises BasketNotFound.

        Not to be changed: decide on a fork.
        """
        known = self._recent.get(basket_id)
        stream = await self._store.read_stream(basket_id, known.version if known else 0)
        try:
            known = restore(stream.snapshot) if stream.snapshot is not None else known
            events = decode_all(stream.events)
        except UnreadableSnapshot:
            # A view never stands between callers and the truth: it may be another release's.
            stored = await self._store.read_events(basket_id)
            known, events = None, decode_all(b"[" + b",".join(event.data for event in stored) + b"]")
        basket = fold(known.fork() if known and events else known, events)
        if basket is None:
            raise BasketNotFound(basket_id)
        self._remember(basket)
        return basket

    async def load_many(self, basket_ids: Sequence[str]) -> Sequence[Basket | None]:
        """Baskets as `load` gives them, in one look and without remembering them; None for one that is not
        there or cannot be read."""
        streams = await self._store.read_streams(basket_ids)
        return [await self._folded(id, stream) for id, stream in zip(basket_ids, streams, strict=True)]

    async def _folded(self, basket_id: str, stream: StoredStream) -> Basket | None:
        try:
            known = restore(stream.snapshot) if stream.snapshot is not None else None
            return fold(known, decode_all(stream.events)) if stream.events != b"[]" else known
        except (UnreadableSnapshot, UnreadableEvent):
            try:
                return await self.load(basket_id)
            except (BasketNotFound, UnreadableEvent):
                return None

    async def save(
        self,
        basket: Basket,
        caller: Caller,
        *,
        claims: Sequence[str] = (),
        releases: Sequence[str] = (),
        answer: tuple[IdempotencyKey, RenderedResponse] | None = None,
    ) -> AppendOutcome:
        """Appends what happened to the fork since it was loaded, and forgets the basket where that
        was refused."""
        # The organisation is the basket's, also where a worker or an order service speaks of it.
        metadata = to_json(
            {
                "partner": basket.partner,
                "actor": caller.actor,
                "correlationId": caller.correlation_id,
                "causationId": caller.causation_id,
                "traceparent": caller.traceparent,
            }
        )
        events = basket.collect()
        outcome = await self._store.append(
            Append(
                stream_id=basket.id,
                expected_version=basket.version - len(events),
                events=[NewEvent(event.TOPIC, encode(event), metadata) for event in events],
                claims=claims,
                releases=releases,
                response=answer,
            )
        )
        if isinstance(outcome, Appended):
            self._remember(basket)
        else:
            self._recent.pop(basket.id, None)
        return outcome

    def _remember(self, basket: Basket) -> None:
        held = self._recent.get(basket.id)
        if held is not None and held.version >= basket.version:
            return
        if _size(basket) <= self._recent.maxsize:
            for item in basket.items.values():
                trim(item)
            self._recent[basket.id] = basket
        else:
            self._recent.pop(basket.id, None)


def _size(basket: Basket) -> int:
    # An empty basket is not nothing.
    return 1 + len(basket.items)
