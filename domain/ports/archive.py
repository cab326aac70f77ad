"""The archive: files that hold the events of baskets that are over, and the index that says which file holds which."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Literal, Protocol

from msgspec import Struct

from domain.ports.event_store import StoredEvent
from domain.shared.errors import CheckoutError, Unavailable


class ArchiveUnavailable(Unavailable):
    """The folder of the archive cannot be read or written now. The message says what to do."""


WAY_OUT = "bring it from a backup of the folder, then run: checkout archive verify"


class ArchiveDamaged(CheckoutError):
    """A file of the archive is not there, or is not what was written. The message names it, and the way out."""


class ManifestBasket(Struct, frozen=True, rename="camel"):
    """A basket in a file: how many events it has, and their first and last position."""

    basket_id: str
    partner: str
    events: int
    first_position: int
    last_position: int


class ArchiveManifest(Struct, frozen=True, rename="camel"):
    """What is said about a file, in a file beside it. `sha256` and `bytes` are of the file as it lies there."""

    format: int
    file: str
    sha256: str
    bytes: int
    events: int
    first_position: int
    last_position: int
    written_at: datetime
    release: str
    baskets: Sequence[ManifestBasket]


@dataclass(frozen=True, slots=True)
class ArchivedBasket:
    """A row of the index. `version` is the basket's last one; `digest` is that of its events (`digest_of`). With a time
    of `restored_at` it was brought back, and is no longer in the archive."""

    basket_id: str
    partner: str
    file: str
    version: int
    first_position: int
    last_position: int
    digest: bytes
    archived_at: datetime
    restored_at: datetime | None


Obstacle = Literal["unpublished", "view_behind", "dead_letter", "restored", "republishing", "personal_data"]
"""Why a basket that is over for long enough stays in the store for now."""


@dataclass(frozen=True, slots=True)
class ArchiveCandidate:
    """A basket that is over, and what stands in the way, if anything."""

    basket_id: str
    partner: str
    modified: datetime
    version: int
    obstacle: Obstacle | None


@dataclass(frozen=True, slots=True)
class ArchiveLimits:
    """Which baskets may move: nothing happened to them since `before`; all of their events are before `published` and
    up to `retired`; they were not brought back since `restored_before`."""

    before: datetime
    published: int
    retired: int
    restored_before: datetime


@dataclass(frozen=True, slots=True)
class ArchiveSelection:
    """Baskets in the archive: those of an organisation, and those with an event from one position to another; None: no
    limit."""

    partner: str | None = None
    from_position: int | None = None
    to_position: int | None = None


class ArchiveIndex(Protocol):
    """The store's side. Every method raises StoreUnavailable."""

    async def candidates(
        self, limits: ArchiveLimits, after: tuple[datetime, str] | None, limit: int
    ) -> Sequence[ArchiveCandidate]:
        """The next baskets that are over, by the time and the id of the last one seen."""

    async def read(self, basket_ids: Collection[str]) -> Sequence[StoredEvent]:
        """All events of these baskets as they are stored, by basket and version."""

    async def move(self, file: str, versions: Mapping[str, int]) -> Collection[str]:
        """Deletes baskets from the store, of which the file holds the events up to these versions, and notes the file,
        in one transaction. Returns those that moved. A basket stays that changed since, or that a rebuild, a
        republication or a dead letter needs. All stay where the file was given up."""

    async def abandon(self, file: str) -> bool:
        """Gives up a file that holds no basket, for good: nothing moves to it any more. False: it holds one."""

    async def restore(self, events: Sequence[StoredEvent]) -> Collection[str]:
        """Brings baskets back, each with all its events, and returns those that came. Others are not in the archive.
        Raises ArchiveDamaged where the events are not those that were archived."""

    async def find(self, basket_ids: Collection[str]) -> Mapping[str, ArchivedBasket]:
        """Those of these baskets that ever were in the archive."""

    async def page(self, selection: ArchiveSelection, after: str, limit: int) -> Sequence[ArchivedBasket]:
        """The next baskets of a selection in the archive after an id, by id."""

    async def count(self, selection: ArchiveSelection) -> int:
        """How many baskets of a selection are in the archive."""

    async def of_file(self, file: str) -> Sequence[ArchivedBasket]:
        """The baskets that the file holds, by id, also those that were brought back."""

    async def files(self) -> Collection[str]:
        """The files that hold a basket."""

    async def in_store(self, basket_ids: Collection[str]) -> Collection[str]:
        """Those of these baskets that have events in the store."""

    async def drop_empty_partition(self) -> str | None:
        """Drops one partition of the events that holds nothing any more, and returns its name."""


class ArchiveFiles(Protocol):
    """The files. Every method raises ArchiveUnavailable."""

    async def write(self, name: str, events: Sequence[StoredEvent], partners: Mapping[str, str]) -> ArchiveManifest:
        """Writes a file and its manifest durably, and reads both back. Raises ArchiveDamaged where something else comes
        back. A file of this name is replaced."""

    async def read(self, name: str) -> tuple[ArchiveManifest, Sequence[StoredEvent]]:
        """What a file holds, once its checksum and counts agree with its manifest. Raises ArchiveDamaged."""

    async def names(self) -> Collection[str]:
        """The names of all files, with a manifest or without one."""

    async def manifest(self, name: str) -> ArchiveManifest | None:
        """What is said about a file; None where nothing is. Raises ArchiveDamaged where it cannot be read."""

    async def delete(self, name: str) -> None:
        """Deletes a file and its manifest."""


_EPOCH = datetime.fromisoformat("2000-01-01T00:00:00+00:00")


def digest_of(events: Sequence[StoredEvent]) -> bytes:
    """The digest of a basket's events, in the order of their versions: the SHA-256 of what `event_digest` in the
    database makes of each."""
    return sha256(b"".join(map(_event_digest, events))).digest()


def _event_digest(event: StoredEvent) -> bytes:
    since = event.recorded_at - _EPOCH
    microseconds = (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds
    parts = (event.type.encode(), event.data, event.metadata)
    return sha256(
        event.position.to_bytes(8)
        + event.version.to_bytes(4)
        + microseconds.to_bytes(8, signed=True)
        + b"".join(sha256(part).digest() for part in parts)
    ).digest()
