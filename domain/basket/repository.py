"""Loads baskets from the event store, and appends their events.

Recently used baskets stay in memory as they were last acknowledged. They make decisions quick, and they are never the
last word: an append checks the version, and a read asks the store for later events.
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
from domain.shared.errors import BasketNotFound, InvalidCommand, Violation
from domain.shared.eventsourcing import fold, trim
from domain.shared.request_span import RequestSpan

MAX_EVENT_BYTES = 15 * 1024 * 1024
"""A message of Kafka takes a little more. Only a verdict on hundreds of lines of many products comes near it."""


class BasketRepository:
    """One object serves all callers of a process."""

    def __init__(self, store: EventStore, cache_lines: int = 30_000) -> None:
        """Keeps baskets with up to `cache_lines` lines in total; a line takes about 3 KB."""
        self._store = store
        self._cache: LRUCache[str, Basket] = LRUCache(cache_lines, getsizeof=_size)
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    @asynccontextmanager
    async def lock(self, basket_id: str) -> AsyncIterator[None]:
        """One caller of this process at a time: two on one basket would only conflict."""
        lock = self._locks.get(basket_id)
        if lock is None:
            lock = self._locks[basket_id] = asyncio.Lock()
        async with lock:
            yield

    def cached(self, basket_id: str) -> Basket | None:
        """The basket as last acknowledged in this process. Other processes may have changed it since."""
        return self._cache.get(basket_id)

    def drop(self) -> None:
        """Empties the cache."""
        self._cache.clear()

    async def load(self, basket_id: str) -> Basket:
        """The basket with everything acknowledged before this call; raises BasketNotFound. Fork it to decide."""
        known = self._cache.get(basket_id)
        stream = await self._store.read_stream(basket_id, known.version if known else 0)
        try:
            known = restore(stream.snapshot) if stream.snapshot is not None else known
            events = decode_all(stream.events)
        except UnreadableSnapshot:
            # Another release may have written the view. The events tell the truth.
            stored = await self._store.read_events(basket_id)
            known, events = None, decode_all(b"[" + b",".join(event.data for event in stored) + b"]")
        basket = fold(known.fork() if known and events else known, events)
        if basket is None:
            raise BasketNotFound(basket_id)
        self._keep(basket)
        return basket

    async def load_owned(self, basket_id: str, partner: str) -> Basket:
        """As `load`. Another organisation's basket does not exist."""
        basket = await self.load(basket_id)
        if basket.partner != partner:
            raise BasketNotFound(basket_id)
        return basket

    async def load_many(self, basket_ids: Sequence[str]) -> Sequence[Basket | None]:
        """Baskets as `load` gives them, in one read and past the cache. None if a basket is missing or unreadable."""
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
        loaded: Basket | None,
        caller: Caller,
        key: IdempotencyKey | None = None,
        response: object = None,
    ) -> AppendOutcome:
        """Appends the events since `loaded` (None: a new basket), moves the claim on the external id, and stores
        the key's response. A refused append drops the basket from the cache."""
        held, wanted = external_id_claim(loaded) if loaded else None, external_id_claim(basket)
        events = new_events(basket, caller)
        outcome = await self._store.append(
            Append(
                stream_id=basket.id,
                expected_version=basket.version - len(events),
                events=events,
                claims=[wanted] if wanted and wanted != held else [],
                releases=[held] if held and wanted != held else [],
                response=(key, response) if key and isinstance(response, RenderedResponse) else None,
            )
        )
        if isinstance(outcome, Appended):
            self._keep(basket)
        else:
            self._cache.pop(basket.id, None)
        return outcome

    def _keep(self, basket: Basket) -> None:
        cached = self._cache.get(basket.id)
        if cached is not None and cached.version >= basket.version:
            return
        if _size(basket) <= self._cache.maxsize:
            for item in basket.items.values():
                trim(item)
            self._cache[basket.id] = basket
        else:
            self._cache.pop(basket.id, None)


def external_id_claim(basket: Basket) -> str | None:
    """An open basket claims its external id: one basket of an organisation at a time holds it."""
    external_id = basket.details.external_id
    if basket.status != "open" or external_id is None:
        return None
    return claim_name(basket.partner, external_id)


def claim_name(partner: str, external_id: str) -> str:
    return f"{partner}\x1f{external_id}"


def new_events(basket: Basket, caller: Caller) -> Sequence[NewEvent]:
    """The events that one request stores: those of the basket that were not collected yet. Raises InvalidCommand where
    one is too large to be published."""
    events = basket.collect()
    metadata = _metadata(basket, caller, RequestSpan(basket.version - len(events) + 1, basket.version))
    new = [NewEvent(event.TOPIC, encode(event), metadata) for event in events]
    if any(len(event.data) > MAX_EVENT_BYTES for event in new):
        raise InvalidCommand(
            (Violation((), "event_too_large", f"an event would have more than {MAX_EVENT_BYTES} bytes"),)
        )
    return new


def _metadata(basket: Basket, caller: Caller, request: RequestSpan) -> bytes:
    # `partner` is the basket's organisation, also where a worker or an order service is the caller.
    return to_json(
        {
            "partner": basket.partner,
            "actor": caller.actor,
            "correlationId": caller.correlation_id,
            "causationId": caller.causation_id,
            "traceparent": caller.traceparent,
            **request.to_metadata(),
        }
    )


def _size(basket: Basket) -> int:
    # An empty basket takes memory too.
    return 1 + len(basket.items)
