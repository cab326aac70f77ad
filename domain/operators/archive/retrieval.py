"""Finds baskets in the archive, verifies its files, and brings baskets back."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass
from itertools import groupby

from domain.operators.history.as_of import EventDescriber, HistoryEntry
from domain.ports.archive import WAY_OUT, ArchiveDamaged, ArchivedBasket, ArchiveFiles, ArchiveIndex, digest_of
from domain.ports.event_store import StoredEvent
from domain.shared.errors import BasketNotFound

Decrypt = Callable[[Sequence[StoredEvent]], Awaitable[Sequence[StoredEvent]]]
"""Decrypts stored events."""

Refold = Callable[[str], Awaitable[object]]
"""Moves a basket's view to its last event."""


@dataclass(frozen=True, slots=True)
class FileReport:
    """What verifying one file found: what is wrong with it in words, if anything, and what it holds."""

    file: str
    baskets: int
    events: int
    problems: Sequence[str]


class Archive:
    """Every method raises StoreUnavailable and ArchiveUnavailable."""

    def __init__(self, index: ArchiveIndex, files: ArchiveFiles, decrypt: Decrypt, refold: Refold) -> None:
        self._index = index
        self._files = files
        self._decrypt = decrypt
        self._refold = refold

    async def history(self, basket_id: str) -> tuple[ArchivedBasket, Sequence[HistoryEntry]]:
        """A basket in the archive, and its events in words. Raises BasketNotFound and ArchiveDamaged."""
        row = (await self._index.find([basket_id])).get(basket_id)
        if row is None or row.restored_at is not None:
            raise BasketNotFound(basket_id)
        _, events = await self._files.read(row.file)
        stored = await self._decrypt(_of_basket(row, events))
        return row, [*map(EventDescriber().describe, stored)]

    async def restore(self, basket_ids: Collection[str]) -> Collection[str]:
        """Brings these baskets back, with their views, and returns those that came. Baskets that are not in the archive
        stay as they are; the same call again goes on where another was cut off. Raises ArchiveDamaged; a file that is
        damaged brings nothing back."""
        found = await self._index.find(basket_ids)
        archived = sorted((row for row in found.values() if row.restored_at is None), key=lambda row: row.file)
        restored: set[str] = set()
        for name, rows in groupby(archived, lambda row: row.file):
            _, events = await self._files.read(name)
            restored.update(await self._index.restore([each for row in rows for each in _of_basket(row, events)]))
        for basket_id in found:
            # Also of one that came back before: a crash may have kept its view from coming.
            await self._refold(basket_id)
        return restored

    async def verify(self, name: str) -> FileReport:
        """Reads a file, and compares it with its manifest and the index."""
        rows = await self._index.of_file(name)
        try:
            manifest, events = await self._files.read(name)
        except ArchiveDamaged as error:
            return FileReport(name, len(rows), sum(row.version for row in rows), [str(error)])
        problems = []
        for row in rows:
            try:
                stored = _of_basket(row, events)
            except ArchiveDamaged as error:
                problems.append(str(error))
            else:
                if digest_of(stored) != row.digest:
                    problems.append(
                        f"{name}: the events of {row.basket_id} are not those that were archived; {WAY_OUT}"
                    )
        return FileReport(name, len(manifest.baskets), manifest.events, problems)

    async def files(self) -> Sequence[str]:
        """The files that hold a basket of the archive, also where they are not in the folder."""
        return sorted(await self._index.files())


def _of_basket(row: ArchivedBasket, events: Sequence[StoredEvent]) -> Sequence[StoredEvent]:
    """The events of one basket. Raises ArchiveDamaged where they are not all there."""
    found = [event for event in events if event.stream_id == row.basket_id]
    if [event.version for event in found] != [*range(1, row.version + 1)]:
        raise ArchiveDamaged(f"{row.file} has {len(found)} of the {row.version} events of {row.basket_id}; {WAY_OUT}")
    return found
