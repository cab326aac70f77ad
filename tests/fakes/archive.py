"""The archive in memory: its index, over a store and views in memory, and its files."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from hashlib import sha256
from itertools import groupby

from domain.ports.archive import (
    ArchiveCandidate,
    ArchiveDamaged,
    ArchivedBasket,
    ArchiveLimits,
    ArchiveManifest,
    ArchiveSelection,
    ManifestBasket,
    Obstacle,
    digest_of,
)
from domain.ports.event_store import StoredEvent
from domain.ports.read_models import BasketView
from domain.shared.values import Clock
from tests.fakes.basket_views import InMemoryBasketViews, InMemoryDeadLetters
from tests.fakes.event_store import InMemoryEventStore
from tests.fakes.republications import InMemoryRepublications


class InMemoryArchiveIndex:
    """ArchiveIndex, durable as long as the process. It knows of no rebuilds and no partitions."""

    def __init__(
        self,
        store: InMemoryEventStore,
        views: InMemoryBasketViews,
        letters: InMemoryDeadLetters,
        runs: InMemoryRepublications,
        clock: Clock,
    ) -> None:
        self._store = store
        self._views = views
        self._letters = letters
        self._runs = runs
        self._clock = clock
        self._rows: dict[str, ArchivedBasket] = {}
        self._abandoned: set[str] = set()

    async def candidates(
        self, limits: ArchiveLimits, after: tuple[datetime, str] | None, limit: int
    ) -> Sequence[ArchiveCandidate]:
        over = [view for view in self._views.all() if view.status != "open" and view.modified <= limits.before]
        later = [view for view in over if after is None or (view.modified, view.basket_id) > after]
        later.sort(key=lambda view: (view.modified, view.basket_id))
        return [
            ArchiveCandidate(
                view.basket_id, view.partner, view.modified, view.version, await self._obstacle(view, limits)
            )
            for view in later[:limit]
        ]

    async def read(self, basket_ids: Collection[str]) -> Sequence[StoredEvent]:
        return [event for basket_id in sorted(basket_ids) for event in await self._store.read_events(basket_id)]

    async def move(self, file: str, versions: Mapping[str, int]) -> Collection[str]:
        moved = set()
        for basket_id, version in versions.items():
            view, stored = self._views.rows.get(basket_id), await self._store.read_events(basket_id)
            if (
                file not in self._abandoned
                and view is not None
                and view.status != "open"
                and view.version == version == len(stored)
                and not await self._letters.blocked([basket_id])
                and not self._republished(view, stored)
            ):
                self._store.take_out(basket_id)
                del self._views.rows[basket_id]
                self._rows[basket_id] = ArchivedBasket(
                    basket_id,
                    view.partner,
                    file,
                    version,
                    stored[0].position,
                    stored[-1].position,
                    digest_of(stored),
                    self._clock(),
                    None,
                )
                moved.add(basket_id)
        return moved

    async def abandon(self, file: str) -> bool:
        if file in await self.files():
            return False
        self._abandoned.add(file)
        return True

    async def restore(self, events: Sequence[StoredEvent]) -> Collection[str]:
        streams = {
            basket_id: sorted(stored, key=lambda event: event.version)
            for basket_id, stored in groupby(events, lambda event: event.stream_id)
        }
        archived = {row.basket_id for row in self._archived()}
        brought_back = {basket_id: stored for basket_id, stored in streams.items() if basket_id in archived}
        for basket_id, stored in brought_back.items():
            if digest_of(stored) != self._rows[basket_id].digest:
                raise ArchiveDamaged(f"the events of {basket_id} are not those that were archived")
        for basket_id, stored in brought_back.items():
            self._store.put_back(stored)
            self._rows[basket_id] = replace(self._rows[basket_id], restored_at=self._clock())
        return brought_back.keys()

    async def find(self, basket_ids: Collection[str]) -> Mapping[str, ArchivedBasket]:
        return {basket_id: self._rows[basket_id] for basket_id in basket_ids if basket_id in self._rows}

    async def page(self, selection: ArchiveSelection, after: str, limit: int) -> Sequence[ArchivedBasket]:
        return [row for row in self._selected(selection) if row.basket_id > after][:limit]

    async def count(self, selection: ArchiveSelection) -> int:
        return len(self._selected(selection))

    async def of_file(self, file: str) -> Sequence[ArchivedBasket]:
        return sorted((row for row in self._rows.values() if row.file == file), key=lambda row: row.basket_id)

    async def files(self) -> Collection[str]:
        return {row.file for row in self._archived()}

    async def in_store(self, basket_ids: Collection[str]) -> Collection[str]:
        return {basket_id for basket_id in basket_ids if await self._store.read_events(basket_id)}

    async def drop_empty_partition(self) -> str | None:
        return None

    def _archived(self) -> Iterable[ArchivedBasket]:
        return (row for row in self._rows.values() if row.restored_at is None)

    def _selected(self, selection: ArchiveSelection) -> list[ArchivedBasket]:
        chosen = [
            row
            for row in self._archived()
            if selection.partner in (None, row.partner)
            and row.last_position >= (selection.from_position or 0)
            and (selection.to_position is None or row.first_position <= selection.to_position)
        ]
        return sorted(chosen, key=lambda row: row.basket_id)

    async def _obstacle(self, view: BasketView, limits: ArchiveLimits) -> Obstacle | None:
        stored = await self._store.read_events(view.basket_id)
        if not stored or stored[-1].version != view.version:
            return "view_behind"
        last = stored[-1]
        if last.position >= limits.published or last.position > limits.retired or last.recorded_at > limits.before:
            return "unpublished"
        if await self._letters.blocked([view.basket_id]):
            return "dead_letter"
        row = self._rows.get(view.basket_id)
        if row is not None and row.restored_at is not None and row.restored_at > limits.restored_before:
            return "restored"
        return "republishing" if self._republished(view, stored) else None

    def _republished(self, view: BasketView, stored: Sequence[StoredEvent]) -> bool:
        return any(
            run.partner in (None, view.partner)
            and run.basket_id in (None, view.basket_id)
            and run.from_position <= stored[-1].position
            and run.to_position >= stored[0].position
            for run in self._runs.running()
        )


class InMemoryArchiveFiles:
    """ArchiveFiles, durable as long as the process."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._files: dict[str, tuple[ArchiveManifest, Sequence[StoredEvent]]] = {}

    async def write(self, name: str, events: Sequence[StoredEvent], partners: Mapping[str, str]) -> ArchiveManifest:
        content = repr(events).encode()
        baskets = [
            ManifestBasket(basket_id, partners[basket_id], len(stored), stored[0].position, stored[-1].position)
            for basket_id, stored in ((id, [*found]) for id, found in groupby(events, lambda event: event.stream_id))
        ]
        manifest = ArchiveManifest(
            format=1,
            file=name,
            sha256=sha256(content).hexdigest(),
            bytes=len(content),
            events=len(events),
            first_position=min(basket.first_position for basket in baskets),
            last_position=max(basket.last_position for basket in baskets),
            written_at=self._clock(),
            release="test",
            baskets=baskets,
        )
        self._files[name] = (manifest, [*events])
        return manifest

    async def read(self, name: str) -> tuple[ArchiveManifest, Sequence[StoredEvent]]:
        if name not in self._files:
            raise ArchiveDamaged(f"{name} is not in the archive: bring it from a backup")
        return self._files[name]

    async def names(self) -> Collection[str]:
        return set(self._files)

    async def manifest(self, name: str) -> ArchiveManifest | None:
        return self._files[name][0] if name in self._files else None

    async def delete(self, name: str) -> None:
        self._files.pop(name, None)
