"""Compares the publisher's checkpoint with the event store."""

from __future__ import annotations

from domain.ports.event_store import EventFeed, StoredEvent
from domain.ports.messaging import PublisherCheckpoint
from domain.shared.errors import CheckoutError


class PublisherBeyondStore(CheckoutError):
    """The store lacks the event that was published last, or has another one in its place. Status reports show this
    name as the publisher's fault, so it stays."""


def event_name(event: StoredEvent) -> str:
    """The event's name in messages and checkpoints, `<basket>/<version>`: the `ce_id`."""
    return f"{event.stream_id}/{event.version}"


async def ahead_of_store(feed: EventFeed, published: PublisherCheckpoint) -> str | None:
    """Says why a checkpoint cannot belong to this store's history; None: it can. Raises StoreUnavailable.

    After a restore to an earlier moment, new events take positions that were published already. A publisher that
    went on from its checkpoint would never publish them.
    """
    if published.position == 0:
        return None
    up_to = f"events were published up to position {published.position}, and the store"
    found = next(iter(await feed.read(published.position - 1, 1)), None)
    if found is None:
        return f"{up_to} ends before it: it was restored to an earlier moment"
    if found.position != published.position:
        return f"{up_to} has no event there: it has another history"
    if published.event not in (None, event_name(found)):
        return (
            f"at position {published.position} {published.event} was published, and the store has "
            f"{event_name(found)} there: it has another history"
        )
    return None
