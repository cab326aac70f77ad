"""Loads baskets from the event store, and appends their events.

Recently used baskets stay in memory as they were last acknowledged. They make decisions quick, and they are never the
last word: an append checks the version, and a read asks the store for later events.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque
from collections.abc import Sequence

from msgspec.json import Encoder

from domain.basket.basket import Basket
from domain.basket.codec import UnreadableEvent, decode_all, encode
from domain.basket.commands import Caller
from domain.basket.snapshot import UnreadableSnapshot, restore
from domain.basket.weight import weigh
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
from domain.shared.errors import BasketArchived, BasketNotFound, InvalidCommand, Violation
from domain.shared.eventsourcing import fold, trim
from domain.shared.request_span import RequestSpan

MAX_EVENT_BYTES = 15 * 1024 * 1024
"""A message of Kafka takes a little more. Only a verdict on hundreds of lines of many products comes near it."""

_encode_metadata = Encoder().encode


class BasketRepository:
    """One object serves all callers of a process."""

    def __init__(self, store: EventStore, cache_lines: int = 30_000) -> None:
        """Keeps baskets that weigh up to `cache_lines` lines in total (`weight.py`)."""
        self._store = store
        self._cache = _RecentBaskets(cache_lines)
        self._turns: dict[str, deque[asyncio.Future[None]]] = {}

    async def wait_for_turn(self, basket_id: str) -> None:
        """One caller of this process at a time changes a basket: two would only conflict. Each turn needs its
        `end_turn`."""
        waiting = self._turns.get(basket_id)
        if waiting is None:
            self._turns[basket_id] = deque()
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        waiting.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if not turn.cancelled():  # it came in the same moment
                self.end_turn(basket_id)
            raise

    def end_turn(self, basket_id: str) -> None:
        """The next caller's turn, in the order in which they came."""
        waiting = self._turns[basket_id]
        while waiting:
            turn = waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        del self._turns[basket_id]

    def cached(self, basket_id: str) -> Basket | None:
        """The basket as last acknowledged in this process. Other processes may have changed it since."""
        return self._cache.get(basket_id)

    def drop(self) -> None:
        """Empties the cache."""
        self._cache.clear()

    async def load(self, basket_id: str) -> Basket:
        """The basket with everything acknowledged before this call; raises BasketNotFound. Fork it to decide."""
        cached = self._cache.get(basket_id)
        stream = await self._store.read_stream(basket_id, cached.version if cached else 0)
        try:
            known = restore(stream.snapshot) if stream.snapshot is not None else cached
            events = decode_all(stream.events)
        except UnreadableSnapshot:
            # Another release may have written the view. The events tell the truth.
            try:
                stored = await self._store.read_events(basket_id)
            except BasketArchived as error:
                raise BasketNotFound(basket_id) from error  # callers are not told of files
            known, events = None, decode_all(b"[" + b",".join(event.data for event in stored) + b"]")
        basket = fold(known.fork() if known and events else known, events)
        if basket is None:
            raise BasketNotFound(basket_id)
        if basket is not cached:
            for item in basket.items.values():
                trim(item)
            self._cache.put(basket)
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
        claims, releases = _claim_changes(loaded, basket)
        events = new_events(basket, caller)
        outcome = await self._store.append(
            Append(
                stream_id=basket.id,
                expected_version=basket.version - len(events),
                events=events,
                claims=claims,
                releases=releases,
                response=(key, response) if key and isinstance(response, RenderedResponse) else None,
            )
        )
        if isinstance(outcome, Appended):
            self._cache.put(basket)
        else:
            self._cache.remove(basket.id)
        return outcome


class _RecentBaskets:
    """Baskets that weigh up to so many lines in total. Those that were not used for the longest time leave first."""

    def __init__(self, max_lines: int) -> None:
        self._max_size = max_lines
        self._size = 0
        self._baskets: OrderedDict[str, tuple[Basket, int]] = OrderedDict()
        """Each with its weight."""

    def get(self, basket_id: str) -> Basket | None:
        kept = self._baskets.get(basket_id)
        if kept is None:
            return None
        self._baskets.move_to_end(basket_id)
        return kept[0]

    def put(self, basket: Basket) -> None:
        """Keeps the basket instead of an earlier version, unless it is too large."""
        basket_id, size = basket.id, weigh(basket)
        former = self._baskets.get(basket_id)
        if former is not None:
            if former[0].version >= basket.version:
                return
            self._size -= former[1]
        self._baskets[basket_id] = basket, size
        # One that is too large is the first to leave again.
        self._baskets.move_to_end(basket_id, last=size <= self._max_size)
        self._size += size
        while self._size > self._max_size:
            _, (_, unused) = self._baskets.popitem(last=False)
            self._size -= unused

    def remove(self, basket_id: str) -> None:
        kept = self._baskets.pop(basket_id, None)
        if kept is not None:
            self._size -= kept[1]

    def clear(self) -> None:
        self._baskets.clear()
        self._size = 0


def _claim_changes(loaded: Basket | None, basket: Basket) -> tuple[Sequence[str], Sequence[str]]:
    """The names to claim and those to release. Most changes leave both alone."""
    if loaded is not None and loaded.details is basket.details and loaded.status == basket.status:
        return (), ()
    held, wanted = external_id_claim(loaded) if loaded else None, external_id_claim(basket)
    if held == wanted:
        return (), ()
    return (wanted,) if wanted else (), (held,) if held else ()


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
    new: list[NewEvent] = []
    for event in events:
        data = encode(event)
        if len(data) > MAX_EVENT_BYTES:
            message = f"an event would have more than {MAX_EVENT_BYTES} bytes"
            raise InvalidCommand((Violation((), "event_too_large", message),))
        new.append(NewEvent(event.TOPIC, data, metadata))
    return new


def _metadata(basket: Basket, caller: Caller, request: RequestSpan) -> bytes:
    # `partner` is the basket's organisation, also where a worker or an order service is the caller.
    return _encode_metadata(
        {
            "partner": basket.partner,
            "actor": caller.actor,
            "correlationId": caller.correlation_id,
            "causationId": caller.causation_id,
            "traceparent": caller.traceparent,
            **request.to_metadata(),
        }
    )
