"""What the domain needs from outside. Each port has one contract suite, and every adapter passes it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from domain.catalogue.catalogue import Catalogue
from domain.catalogue.epochs import CatalogueMessage, Tombstone
from domain.catalogue.facts import Fact
from domain.shared.values import Source as Source

Clock = Callable[[], datetime]
"""The present as an aware datetime in UTC."""

NewId = Callable[[], str]
"""A new UUID, version 7, in its usual 36-character form."""


@dataclass(frozen=True, slots=True)
class NewEvent:
    """An event to store: its type name and its JSON documents, UTF-8."""

    type: str
    data: bytes
    metadata: bytes


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """An event as it lies in the store. `position` is the global order; it has gaps, but an event that
    is committed later never has a smaller one."""

    position: int
    stream_id: str
    version: int
    type: str
    data: bytes
    metadata: bytes
    recorded_at: datetime


@dataclass(frozen=True, slots=True)
class StoredStream:
    """A stream from some version on.

    `snapshot` is a basket view's JSON where one was newer than asked for; `events` is a JSON array of
    the documents after it (after the version asked for, where there is no snapshot).
    """

    snapshot: bytes | None
    events: bytes


@dataclass(frozen=True, slots=True)
class IdempotencyKey:
    """An idempotency key: unique within `scope` (organisation and route); `fingerprint` is the digest of
    the request that it stands for. `formerly` is another spelling, under which its answer may lie too."""

    scope: str
    key: str
    fingerprint: bytes
    formerly: str | None = None


@dataclass(frozen=True, slots=True)
class RenderedResponse:
    """What a caller was told: a status as in HTTP, headers, and the body."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class StoredResponse:
    fingerprint: bytes
    answer: RenderedResponse


@dataclass(frozen=True, slots=True)
class Append:
    """Events for one stream, all or nothing, if the stream's last version is `expected_version` (0: it
    does not exist).

    A claim is a name that one stream holds at a time (an open basket's external id); releases give such
    names back. The answer, if any, is stored in the same transaction.
    """

    stream_id: str
    expected_version: int
    events: Sequence[NewEvent]
    claims: Sequence[str] = ()
    releases: Sequence[str] = ()
    answer: tuple[IdempotencyKey, RenderedResponse] | None = None


@dataclass(frozen=True, slots=True)
class Appended:
    """All of it is durable. `last_position` is None where there was no event to store."""

    last_position: int | None


@dataclass(frozen=True, slots=True)
class Conflict:
    """The stream is at another version; nothing was stored."""


@dataclass(frozen=True, slots=True)
class ClaimTaken:
    """Another stream holds one of the claimed names; nothing was stored."""


@dataclass(frozen=True, slots=True)
class AlreadyAnswered:
    """The idempotency key has an answer already; nothing was stored."""


AppendOutcome = Appended | Conflict | ClaimTaken | AlreadyAnswered


class EventStore(Protocol):
    """The truth. Every method raises StoreUnavailable, within the time limit of its settings, where the
    store cannot be reached."""

    async def append(self, append: Append) -> AppendOutcome:
        """Stores the append durably or says why not. A conflict is the caller's alone, whoever else
        appends at the same time. A caller that is cancelled while it waits leaves others unharmed; its
        own append may then have been stored. After a lost connection the outcome is found out, not guessed."""

    async def read_stream(self, stream_id: str, after_version: int = 0) -> StoredStream:
        """What happened after a version, from the newest basket view where that is later."""

    async def read_streams(self, stream_ids: Sequence[str]) -> Sequence[StoredStream]:
        """The whole of each stream, in this order, from the basket view where there is one; without events
        where there is no such stream."""

    async def read_events(self, stream_id: str, after_version: int = 0) -> Sequence[StoredEvent]:
        """The stored events of one stream after a version, oldest first."""

    async def find_claim(self, name: str) -> str | None:
        """The stream that holds this name."""

    async def find_response(self, scope: str, key: str) -> StoredResponse | None:
        """The answer that was stored under this key, unless it is older than answers are kept."""

    async def store_response(self, key: IdempotencyKey, answer: RenderedResponse) -> bool:
        """Stores an answer to a command that made no events; False where the key has one already."""


class EventFeed(Protocol):
    """All events in their global order, for tails such as the publisher."""

    async def read(self, after_position: int, limit: int) -> Sequence[StoredEvent]:
        """The next events after a position, at most `limit`."""

    async def last_position(self) -> int:
        """The position of the last event; 0: there is none."""

    async def wait(self, after_position: int, timeout: float) -> None:
        """Returns as soon as there may be events after a position, or after `timeout` seconds."""


@dataclass(frozen=True, slots=True)
class BasketView:
    """A row of the basket views: the snapshot's JSON and the columns that views are found by."""

    basket_id: str
    version: int
    partner: str
    external_id: str | None
    status: str
    created: datetime
    modified: datetime
    expires_at: datetime
    snapshot: bytes
    uses: frozenset[str] | None = None
    """The names that an open basket is found by, none for another; None: as they were."""
    ready: bool | None = None
    """What the last verdict said; None: there was none."""
    offers: frozenset[str] = frozenset()
    """The ids of the offers that the basket holds, be it open or finished."""
    products: frozenset[str] = frozenset()
    """The codes of the products that its lines remember."""
    finding_codes: frozenset[str] = frozenset()
    """What the last verdict found."""


class BasketViews(Protocol):
    """The projection of baskets."""

    async def versions(self, basket_ids: Collection[str]) -> Mapping[str, int]:
        """The version of each view that exists."""

    async def snapshots(self, basket_ids: Collection[str]) -> Mapping[str, bytes]:
        """The snapshot JSON of each view that exists."""

    async def advance(self, views: Sequence[tuple[int, BasketView]]) -> Collection[str]:
        """Moves views forward in one transaction, each only from the version given with it (0: none
        yet); returns the ids of those that moved."""

    async def due(self, now: datetime, limit: int) -> Sequence[str]:
        """Open baskets whose `expires_at` has passed, the longest due first."""


class OpenBaskets(Protocol):
    """Finds open baskets by what a verdict on them rests on (`domain.basket.references`)."""

    async def using(self, names: Collection[str], after: str, limit: int) -> Sequence[str]:
        """The next baskets after an id, in the order of their ids, at most `limit`, whose views use any of
        these names."""

    async def count(self, name: str) -> int:
        """How many baskets there are whose views use this name."""

    async def behind(self, events: int) -> Collection[str]:
        """The baskets of the newest `events` events whose views do not hold these yet."""


@dataclass(frozen=True, slots=True)
class RecordingResult:
    """What became of messages. Of facts, `new` were recorded, `known` had been already (the same content), and
    `contradicts` bear an id that another content has, and were not recorded. Tombstones made `withdrawn` facts be
    withdrawn; those in `idle` withdrew nothing."""

    new: int = 0
    known: int = 0
    contradicts: Sequence[Fact] = field(default=())
    withdrawn: int = 0
    idle: Sequence[Tombstone] = field(default=())


class CatalogueFacts(Protocol):
    """Append-only facts of the catalogue and the projections of the newest of them."""

    async def learn(self, messages: Sequence[CatalogueMessage]) -> RecordingResult:
        """Records what messages say, in their order, and derives the projections in one transaction. A late, older
        fact is recorded but overwrites nothing newer. A tombstone withdraws; what is said after it counts again,
        whatever its sequence. Messages that were learned before change nothing."""

    async def catalogue(
        self,
        offer_ids: Collection[str],
        product_codes: Collection[str],
        *,
        fresh: bool,
        at: datetime | None = None,
        partner: str | None = None,
    ) -> Catalogue:
        """What is known now of these offers (with their products) and products, and the policies that hold
        for `partner`, where one is named. Where not `fresh`, an answer from a cache that follows the facts
        within moments will do; availability and policies, which are never cached, are then told of the
        products and the organisation that are named, and may be of no others.

        Prices that don't count `at` a moment may be left out: the answer is right about that moment and the
        minute after it, and about the end of each price that holds then; at None it is right about any time."""


class CatalogueHistory(Protocol):
    """What was known of the catalogue at any moment. Facts have positions: the order in which they were
    learned, with gaps; a fact that is learned later never has a smaller one."""

    async def position_at(self, moment: datetime | None = None) -> int:
        """The position of the last fact learned by then (None: by now); 0: none."""

    async def catalogue_as_of(
        self,
        offer_ids: Collection[str],
        product_codes: Collection[str],
        position: int,
        partner: str | None = None,
    ) -> Catalogue:
        """What the facts up to a position say of these offers (with their products) and products, and the
        policies of an organisation."""

    async def learned_after(self, position: int, limit: int) -> Sequence[tuple[int, Fact]]:
        """The next facts after a position, at most `limit`, each with its own."""

    async def recorded_facts(self, fact_ids: Collection[str]) -> Sequence[Fact]:
        """Those of these facts that were ever learned."""

    async def offers_made_of(self, product_codes: Collection[str]) -> Collection[str]:
        """The ids of the offers of which some version, as it is known now, is made of any of these products."""


class CatalogueCheckpoints(Protocol):
    """How far those have come who read the facts in the order of their positions."""

    async def read(self, reader: str) -> int | None:
        """The last position recorded; None where there is none."""

    async def write(self, reader: str, position: int) -> None:
        """Records a position, unless a later one is recorded."""


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A message that could not be understood, and why."""

    source: Source
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes]]
    code: str
    error: str
    basket_id: str | None = None


class DeadLetters(Protocol):
    """Where messages go that could not be understood."""

    async def record(self, letters: Sequence[DeadLetter]) -> None:
        """Keeps the letters; the same one again (by its source) changes nothing. One with a basket id
        parks that basket: the projection waits with it until it is released."""


class BlockedBaskets(Protocol):
    """Baskets whose view waits because a message about them could not be understood."""

    async def parked(self, basket_ids: Collection[str]) -> Collection[str]:
        """Those of these baskets that are parked."""

    async def release(self, basket_id: str) -> None:
        """Settles the basket's dead letters, so that its view moves again."""


@dataclass(frozen=True, slots=True)
class Publication:
    """An event to publish; with a basket-validated event goes the whole verdict, as JSON."""

    event: StoredEvent
    verdict: bytes | None = None


@dataclass(frozen=True, slots=True)
class PublisherCheckpoint:
    """How far a publisher has come: the position of the last event that it published (0: none), and the name of that
    event, `<basket>/<version>` (None: a release that did not write it down published it)."""

    position: int = 0
    event: str | None = None


class PublisherSession(Protocol):
    """One publisher at work. After an error it is done for: what was published is found out by the next
    session, not guessed."""

    @property
    def position(self) -> int:
        """Everything up to this position has been published; 0: nothing yet."""

    @property
    def published(self) -> PublisherCheckpoint:
        """The same, with the event at that position."""

    async def publish(self, publications: Sequence[Publication]) -> None:
        """Publishes events, which follow `position` in the order of their positions, and records the
        last one's; raises BrokerUnavailable, and LeadershipLost where another publisher took over."""

    async def go_on_after(self, published: PublisherCheckpoint) -> None:
        """Records that so much counts as published, whatever was recorded, and publishes nothing; raises as
        `publish` does."""


class PublisherCheckpoints(Protocol):
    """How far publishers have come, for those whose broker cannot keep it."""

    async def read(self, publisher_id: str) -> PublisherCheckpoint:
        """What was recorded last."""

    async def write(self, publisher_id: str, published: PublisherCheckpoint) -> None:
        """Records how far it has come, unless a later position is recorded."""

    async def put_back(self, publisher_id: str, published: PublisherCheckpoint) -> None:
        """Records how far it counts as come, whatever is recorded."""


class Publisher(Protocol):
    """Where events are published."""

    def session(self) -> AbstractAsyncContextManager[PublisherSession]:
        """Takes over from whoever published before; raises BrokerUnavailable."""


class Lease(Protocol):
    """A role that is held."""

    async def confirm(self) -> None:
        """Raises LeadershipLost unless the role is still held."""


class Leadership(Protocol):
    """At most one process holds a role at a time; others stand by."""

    def hold(
        self, role: str, waiting: Callable[[], None] = lambda: None
    ) -> AbstractAsyncContextManager[Lease]:
        """Waits for the role, calling `waiting` about twice a second, and holds it until the end of the
        block; raises StoreUnavailable."""
