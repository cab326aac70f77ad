"""How far events are published, and whether that can be: the publisher's record beside the store."""

from __future__ import annotations

from collections.abc import Sequence

from domain.operators.verify.inconsistencies import Inconsistency
from domain.ports.event_store import EventFeed, StoredEvent
from domain.ports.messaging import PublisherCheckpoint
from domain.shared.errors import CheckoutError


class PublisherAheadOfStore(CheckoutError):
    """The store does not hold the event that was published last, or holds another one in its place."""


def event_name(event: StoredEvent) -> str:
    """What an event is called wherever it goes: `<basket>/<version>`, the `ce_id` of its messages."""
    return f"{event.stream_id}/{event.version}"


async def ahead_of_store(feed: EventFeed, published: PublisherCheckpoint) -> str | None:
    """Why the publisher's record cannot be of this store's history, in words; None: it can. Raises
    StoreUnavailable.

    After a restore from before the record, events that happen then are given positions that were published already:
    a publisher that went on after its record would never publish them.
    """
    if published.position == 0:
        return None
    there: Sequence[StoredEvent] = await feed.read(published.position - 1, 1)
    if not there:
        return (
            f"events were published up to position {published.position}, and the store ends before it: "
            "it was restored to an earlier moment"
        )
    found = there[0]
    if found.position != published.position:
        return (
            f"events were published up to position {published.position}, and the store has no event there: "
            "it has another history"
        )
    if published.event not in (None, event_name(found)):
        return (
            f"at position {published.position} {published.event} was published, and the store has "
            f"{event_name(found)} there: it has another history"
        )
    return None


async def check_publisher(
    feed: EventFeed, publisher_id: str, published: PublisherCheckpoint
) -> list[Inconsistency]:
    """Whether the publisher's record is beyond the store."""
    why = await ahead_of_store(feed, published)
    if why is None:
        return []
    return [
        Inconsistency(
            kind="publisher_beyond_store", subject=publisher_id, position=published.position, words=why
        )
    ]
