"""The event store and its feed in memory, for tests of handlers. It states plainly what every store
promises."""

from __future__ import annotations

import asyncio
import contextlib
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta
from operator import attrgetter

from domain.basket.events import ENDING_TYPES, BasketReopened
from domain.ports.event_store import (
    AlreadyAnswered,
    Append,
    Appended,
    AppendOutcome,
    ClaimTaken,
    Conflict,
    EndedBaskets,
    IdempotencyKey,
    RenderedResponse,
    StoredEvent,
    StoredResponse,
    StoredStream,
)
from domain.shared.values import Clock

_position = attrgetter("position")


class InMemoryEventStore:
    """EventStore, EventFeed and EndedBasketFeed. Durable as long as the process."""

    def __init__(self, clock: Clock, answers_kept: timedelta = timedelta(hours=24)) -> None:
        self._clock = clock
        self._kept = answers_kept
        self._log: list[StoredEvent] = []
        self._last = 0
        """The last position, also where its event is in an archive."""
        self._streams: dict[str, list[StoredEvent]] = defaultdict(list)
        self.claims: dict[str, str] = {}
        """Who holds each name."""
        self._answers: dict[tuple[str, str], tuple[datetime, StoredResponse]] = {}
        self._grown = asyncio.Event()

    async def append(self, append: Append) -> AppendOutcome:
        await asyncio.sleep(0)
        stream = self._streams[append.stream_id]
        if append.response is not None and self._live_answer(append.response[0]) is not None:
            return AlreadyAnswered()
        if len(stream) != append.expected_version:
            return Conflict()
        if any(self.claims.get(name, append.stream_id) != append.stream_id for name in append.claims):
            return ClaimTaken()
        for event in append.events:
            self._last += 1
            stored = StoredEvent(
                position=self._last,
                stream_id=append.stream_id,
                version=len(stream) + 1,
                type=event.type,
                data=event.data,
                metadata=event.metadata,
                recorded_at=self._clock(),
            )
            self._log.append(stored)
            stream.append(stored)
        for name in append.releases:
            if self.claims.get(name) == append.stream_id:
                del self.claims[name]
        for name in append.claims:
            self.claims[name] = append.stream_id
        if append.response is not None:
            self._put_answer(*append.response)
        self._grown.set()
        return Appended(self._last if append.events else None)

    async def read_stream(self, stream_id: str, after_version: int = 0) -> StoredStream:
        events = await self.read_events(stream_id, after_version)
        return StoredStream(None, b"[" + b",".join(event.data for event in events) + b"]")

    async def read_streams(self, stream_ids: Sequence[str]) -> Sequence[StoredStream]:
        return [await self.read_stream(stream_id) for stream_id in stream_ids]

    async def read_events(self, stream_id: str, after_version: int = 0) -> Sequence[StoredEvent]:
        await asyncio.sleep(0)
        return self._streams[stream_id][after_version:]

    async def find_claim(self, name: str) -> str | None:
        await asyncio.sleep(0)
        return self.claims.get(name)

    async def find_response(self, scope: str, key: str) -> StoredResponse | None:
        await asyncio.sleep(0)
        return self._live_answer(IdempotencyKey(scope, key, b""))

    async def store_response(self, key: IdempotencyKey, answer: RenderedResponse) -> bool:
        await asyncio.sleep(0)
        if self._live_answer(key) is not None:
            return False
        self._put_answer(key, answer)
        return True

    async def read(self, after_position: int, limit: int) -> Sequence[StoredEvent]:
        return self._after(after_position)[:limit]

    async def read_ended(self, after_position: int, up_to: int, before: datetime, limit: int) -> EndedBaskets:
        position, found = after_position, []
        for event in self._after(after_position)[:limit]:
            if event.position > up_to or event.recorded_at >= before:
                break
            position = event.position
            later = [each for each in self._streams[event.stream_id][event.version :] if each.position <= up_to]
            if event.type in ENDING_TYPES and not any(
                each.type in (*ENDING_TYPES, BasketReopened.TOPIC) for each in later
            ):
                found.append([event, *later][-1])
        return EndedBaskets(position, found, position == after_position + limit)

    async def last_position(self) -> int:
        return self._last

    async def wait(self, after_position: int, timeout: float) -> None:
        self._grown.clear()
        if self._last <= after_position:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._grown.wait(), timeout)

    def take_out(self, stream_id: str) -> Sequence[StoredEvent]:
        """Deletes a stream and returns its events, as an archive does."""
        taken = self._streams.pop(stream_id, [])
        self._log = [event for event in self._log if event.stream_id != stream_id]
        return taken

    def put_back(self, events: Sequence[StoredEvent]) -> None:
        """Brings events back at their old positions."""
        self._log = sorted([*self._log, *events], key=_position)
        for event in events:
            self._streams[event.stream_id].append(event)

    def _after(self, position: int) -> list[StoredEvent]:
        return self._log[bisect_right(self._log, position, key=_position) :]

    def _live_answer(self, key: IdempotencyKey) -> StoredResponse | None:
        at, stored = self._answers.get((key.scope, key.key), (None, None))
        return stored if at is not None and self._clock() - at < self._kept else None

    def _put_answer(self, key: IdempotencyKey, answer: RenderedResponse) -> None:
        self._answers[key.scope, key.key] = (self._clock(), StoredResponse(key.fingerprint, answer))
