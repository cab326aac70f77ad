"""Reads the feed of events by whole requests."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from domain.basket.request_spans import RequestSpanReader
from domain.ports.event_store import EventFeed, EventStore, StoredEvent
from domain.shared.request_span import RequestSpan


@dataclass(frozen=True, slots=True)
class StoredRequest:
    """The events that one request appended, oldest first. Where the feed was entered in the middle of a request, its
    first events are missing."""

    span: RequestSpan
    events: list[StoredEvent] = field(default_factory=list)

    @property
    def last(self) -> StoredEvent:
        return self.events[-1]

    @property
    def complete(self) -> bool:
        return self.last.version >= self.span.last

    def continues_with(self, event: StoredEvent, span: RequestSpan) -> bool:
        last = self.last
        return event.stream_id == last.stream_id and event.version == last.version + 1 and span == self.span


class RequestFeed:
    """Gives out requests whole, however its pages cut them: a request is one append, and the positions of its events
    follow each other."""

    def __init__(self, feed: EventFeed, store: EventStore) -> None:
        self._feed = feed
        self._spans = RequestSpanReader(store)

    async def read(self, after_position: int, limit: int) -> Sequence[StoredRequest]:
        """The next requests after a position, with at most `limit` events, or one request that has more. Raises
        StoreUnavailable."""
        requests = await self._page((), after_position, limit)
        while requests and not requests[-1].complete:
            if len(requests) > 1:
                return requests[:-1]  # the next read begins with it
            known = len(requests[0].events)
            requests = await self._page(requests, requests[0].last.position, limit)
            if len(requests) > 1 or len(requests[0].events) == known:
                return requests[:1]  # its metadata promise more events than it has
        return requests

    async def _page(self, begun: Sequence[StoredRequest], after: int, limit: int) -> list[StoredRequest]:
        events = await self._feed.read(after, limit)
        return group_requests(events, await self._spans.of(events), begun)


def group_requests(
    events: Iterable[StoredEvent], spans: Iterable[RequestSpan], begun: Sequence[StoredRequest] = ()
) -> list[StoredRequest]:
    """The requests of events in the order of their positions, each given with its span, after those that `begun`."""
    requests = [*begun]
    for event, span in zip(events, spans, strict=True):
        if not requests or not requests[-1].continues_with(event, span):
            requests.append(StoredRequest(span))
        requests[-1].events.append(event)
    return requests
