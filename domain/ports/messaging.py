"""Publishing events, and dead letters: messages that could not be understood."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol

from msgspec import Struct

from domain.ports.event_store import StoredEvent
from domain.shared.request_span import RequestSpan
from domain.shared.values import MessageSource


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A message that could not be understood, and why."""

    source: MessageSource
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes]]
    code: str
    error: str
    basket_id: str | None = None


class DeadLetters(Protocol):
    """Where messages go that could not be understood."""

    async def record(self, letters: Sequence[DeadLetter]) -> None:
        """Keeps the letters. A letter from a known source changes nothing. A letter with a basket id blocks that
        basket's view until it is released."""


class Publication(Struct, frozen=True):
    """An event to publish, with its request. A basket-validated event comes with the whole verdict, as JSON.

    The last event of a request comes with the basket as of it: its `state` as JSON, or `retired` where the basket is
    over and its retention has passed. It has neither where the basket cannot be folded.
    """

    event: StoredEvent
    request: RequestSpan
    verdict: bytes | None = None
    state: bytes | None = None
    retired: bool = False

    @property
    def size(self) -> int:
        """The bytes of what is published."""
        return len(self.event.data) + len(self.verdict or b"") + len(self.state or b"")


@dataclass(frozen=True, slots=True)
class PublisherCheckpoint:
    """The position of the last event that a publisher published (0: none), and the event's name,
    `<basket>/<version>`. None: an older release published it and did not record the name."""

    position: int = 0
    event: str | None = None


MorePublications = Callable[[], Awaitable[Sequence[Publication]]]


class PublisherSession(Protocol):
    """One publisher at work. An error ends the session; the next session looks up what was published."""

    @property
    def published(self) -> PublisherCheckpoint:
        """Everything up to this checkpoint is published."""

    async def publish(self, publications: Sequence[Publication]) -> None:
        """Publishes the events after `published`, in order, and records the last of them.

        Raises BrokerUnavailable, and LeadershipLost if another publisher took over.
        """

    async def publish_until_settled(
        self, publications: Sequence[Publication], reached: PublisherCheckpoint, more: MorePublications
    ) -> None:
        """As `publish`, in one transaction where there are transactions, with a checkpoint of the caller's own. Asks for
        `more` once the broker has all that was given, until there is none."""

    async def retired(self) -> int:
        """Every basket that ended up to this position has its tombstone, unless it was reopened. Raises as
        `publish`."""

    async def retire(self, publications: Sequence[Publication], up_to: int) -> None:
        """Publishes the tombstones of these baskets, each given by its last event, and records that all up to this
        position are retired. Raises as `publish`."""

    async def go_on_after(self, published: PublisherCheckpoint) -> None:
        """Records this checkpoint, whatever was recorded before, and publishes nothing. Baskets that ended after it
        count as not retired. Raises as `publish`."""


class Publisher(Protocol):
    """Where events are published."""

    def session(self) -> AbstractAsyncContextManager[PublisherSession]:
        """Takes over from the publisher before; raises BrokerUnavailable."""


class PublisherCheckpoints(Protocol):
    """The publishers' progress, for a broker that cannot keep it."""

    async def read(self, publisher_id: str) -> PublisherCheckpoint:
        """The last checkpoint."""

    async def write(self, publisher_id: str, published: PublisherCheckpoint) -> None:
        """Records a checkpoint, unless a later one is recorded."""

    async def put_back(self, publisher_id: str, published: PublisherCheckpoint) -> None:
        """Records a checkpoint, whatever is recorded."""
