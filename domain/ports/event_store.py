"""The event store: the truth about baskets, claims on names, and the responses that idempotency keys replay.

They are structs: each request makes several, and a frozen dataclass takes fifteen times as long to make.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

from msgspec import Struct


class NewEvent(Struct, frozen=True):
    """An event to store: its type name and its JSON documents, UTF-8."""

    type: str
    data: bytes
    metadata: bytes


class StoredEvent(Struct, frozen=True):
    """An event in the store. `position` is the global order. Positions have gaps, but an event that commits
    later never has a smaller position."""

    position: int
    stream_id: str
    version: int
    type: str
    data: bytes
    metadata: bytes
    recorded_at: datetime


class StoredStream(Struct, frozen=True):
    """The end of a stream. `snapshot` is a basket view's JSON, if the view is newer than the version asked for.
    `events` is a JSON array of the documents after the snapshot, else after the version asked for."""

    snapshot: bytes | None
    events: bytes


class IdempotencyKey(Struct, frozen=True):
    """A caller's key, unique within `scope` (organisation and route). `fingerprint` is the digest of the request.
    `former_key` is another spelling of the key, under which an older release stored the response."""

    scope: str
    key: str
    fingerprint: bytes
    former_key: str | None = None


class RenderedResponse(Struct, frozen=True):
    """What a caller is sent: an HTTP status, headers, and the body."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class StoredResponse(Struct, frozen=True):
    """A response, and the fingerprint of the request that it answers."""

    fingerprint: bytes
    response: RenderedResponse


class Append(Struct, frozen=True):
    """Events for one stream, all or none. The stream's last version must be `expected_version`; 0 means a new stream.

    One stream at a time claims a name (the external id of an open basket); `releases` gives claims up. The same
    transaction stores `response`, if there is one.
    """

    stream_id: str
    expected_version: int
    events: Sequence[NewEvent]
    claims: Sequence[str] = ()
    releases: Sequence[str] = ()
    response: tuple[IdempotencyKey, RenderedResponse] | None = None


class Appended(Struct, frozen=True):
    """The append is durable. `last_position` is None if it had no events."""

    last_position: int | None


class Conflict(Struct, frozen=True):
    """The stream is at another version; nothing was stored."""


class ClaimTaken(Struct, frozen=True):
    """Another stream holds one of the claimed names; nothing was stored."""


class AlreadyAnswered(Struct, frozen=True):
    """The idempotency key has a response already; nothing was stored."""


AppendOutcome = Appended | Conflict | ClaimTaken | AlreadyAnswered


class EventStore(Protocol):
    """Every method raises StoreUnavailable, within the time limit of the settings, if the store does not answer."""

    async def append(self, append: Append) -> AppendOutcome:
        """Stores the append durably, or says why not.

        A conflict concerns its own caller only. A cancelled caller harms nobody else, but its append may have
        been stored. After a lost connection the store looks the outcome up; it does not guess.
        """

    async def read_stream(self, stream_id: str, after_version: int = 0) -> StoredStream:
        """The events after a version, or a newer basket view and the events after that."""

    async def read_streams(self, stream_ids: Sequence[str]) -> Sequence[StoredStream]:
        """Each stream as a whole, in this order, from its basket view if it has one. A missing stream has no events."""

    async def read_events(self, stream_id: str, after_version: int = 0) -> Sequence[StoredEvent]:
        """The stored events of one stream after a version, oldest first. Raises BasketArchived for version 0 where the
        stream is in the archive."""

    async def find_claim(self, name: str) -> str | None:
        """The stream that claims this name."""

    async def find_response(self, scope: str, key: str) -> StoredResponse | None:
        """The response stored under this key, unless its time is over."""

    async def store_response(self, key: IdempotencyKey, response: RenderedResponse) -> bool:
        """Stores a response to a command without events; False if the key has one already."""


class EventFeed(Protocol):
    """All events in their global order, for tails such as the publisher."""

    async def read(self, after_position: int, limit: int) -> Sequence[StoredEvent]:
        """The next events after a position, at most `limit`, and fewer where they are large. None: there are no more."""

    async def last_position(self) -> int:
        """The position of the last event; 0 if there is none."""

    async def wait(self, after_position: int, timeout: float) -> None:
        """Returns as soon as there may be events after a position, at the latest after `timeout` seconds."""


class EndedBaskets(Struct, frozen=True):
    """Baskets that are over, each by its last event, and the position up to which ending events were looked at. `more`:
    others may follow at once."""

    position: int
    last_events: Sequence[StoredEvent]
    more: bool


class EndedBasketFeed(Protocol):
    """Baskets in the order in which they ended."""

    async def read_ended(self, after_position: int, up_to: int, before: datetime, limit: int) -> EndedBaskets:
        """The baskets that ended by one of the next `limit` events after a position, and recorded before a moment, each
        once. It shows the store as of the position `up_to`: a basket that was reopened until then, or ended again,
        is left out. Raises StoreUnavailable."""
