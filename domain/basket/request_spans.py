"""Finds which events one request appended."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import groupby

from domain.basket.personal_fields import parse_document
from domain.ports.event_store import EventStore, StoredEvent
from domain.shared.request_span import RequestSpan, read_request_span

CONCURRENCY = 8


class RequestSpanReader:
    """Reads the spans of requests from metadata. Earlier releases stored none. There, events of one basket that follow
    each other with the same metadata are one request, because each command has a causation id of its own."""

    def __init__(self, store: EventStore, concurrency: int = CONCURRENCY) -> None:
        """Reads `concurrency` streams at a time."""
        self._store = store
        self._semaphore = asyncio.Semaphore(concurrency)

    async def of(self, events: Sequence[StoredEvent]) -> Sequence[RequestSpan]:
        """The span of each event's request. Raises StoreUnavailable."""
        named = [_named(event) for event in events]
        unnamed = {event.stream_id for event, span in zip(events, named, strict=True) if span is None}
        streams = await asyncio.gather(*map(self._of_stream, unnamed))
        derived = dict(zip(unnamed, streams, strict=True))
        return [
            span or derived[event.stream_id].get(event.version) or RequestSpan(event.version, event.version)
            for event, span in zip(events, named, strict=True)
        ]

    async def _of_stream(self, stream_id: str) -> Mapping[int, RequestSpan]:
        async with self._semaphore:
            return dict(_derived(await self._store.read_events(stream_id)))


def _named(event: StoredEvent) -> RequestSpan | None:
    span = _read_span(event.metadata)
    return span if span is not None and event.version in span else None


@lru_cache(maxsize=1_024)
def _read_span(metadata: bytes) -> RequestSpan | None:
    """All events of a request have the same metadata."""
    return read_request_span(parse_document(metadata))


def _derived(stream: Iterable[StoredEvent]) -> Iterator[tuple[int, RequestSpan]]:
    """The spans of a stream's events whose metadata names a command."""
    for metadata, events in groupby(stream, key=lambda event: event.metadata):
        match parse_document(metadata):
            case {"causationId": str()}:
                versions = [event.version for event in events]
                for version in versions:
                    yield version, RequestSpan(versions[0], versions[-1])
