"""Moves baskets that are over into files, page by page.

The order makes it safe: a file is written, flushed and read back before the store deletes anything of it, and each basket
leaves the store in the transaction that notes its file. A crash leaves a basket wholly in the store or wholly in the
archive. At worst a file stays that nobody needs; the next run finds and deletes it.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import groupby

from domain.ports.archive import ArchiveCandidate, ArchiveFiles, ArchiveIndex, ArchiveLimits, Obstacle
from domain.ports.event_store import StoredEvent
from domain.shared.values import Clock, NewId

PAGE_BASKETS = 1_000
"""The baskets of a file, at most."""
MOVED_AT_ONCE = 100
"""The baskets of a transaction. Nobody appends meanwhile, so it must be short."""

HoldsPersonalData = Callable[[bytes], bool]
"""Whether an event holds personal data that no key encrypts."""


@dataclass(slots=True)
class ArchiveRound:
    """What a round did so far. `waiting` counts the baskets that stay for now, by the reason."""

    baskets: int = 0
    events: int = 0
    bytes: int = 0
    seen: int = 0
    files: list[str] = field(default_factory=list)
    waiting: Counter[Obstacle] = field(default_factory=Counter)


class Archiver:
    """One process at a time runs it. Every method raises StoreUnavailable, BrokerUnavailable, ArchiveUnavailable and
    ArchiveDamaged; the store then still has every basket that did not move."""

    def __init__(
        self,
        index: ArchiveIndex,
        files: ArchiveFiles,
        read_published: Callable[[], Awaitable[int]],
        read_retired: Callable[[], Awaitable[int]],
        holds_personal_data: HoldsPersonalData,
        clock: Clock,
        new_id: NewId,
        after: timedelta,
    ) -> None:
        """Baskets move once nothing happened to them for as long as `after`, all of their events are published, and
        their tombstones too."""
        self._index = index
        self._files = files
        self._read_published = read_published
        self._read_retired = read_retired
        self._holds_personal_data = holds_personal_data
        self._clock = clock
        self._new_id = new_id
        self._after = after

    async def delete_leftovers(self) -> Sequence[str]:
        """Deletes the files of runs that were cut off before the store noted them, and returns their names. A file is
        deleted only if the store, or another file, has each of its baskets."""
        deleted = []
        known = set(await self._index.files())
        for name in sorted(set(await self._files.names()) - known):
            manifest = await self._files.manifest(name)
            # Without a manifest it was cut off while it was written: nothing was deleted because of it.
            ids = [basket.basket_id for basket in manifest.baskets] if manifest else []
            elsewhere = {id for id, row in (await self._index.find(ids)).items() if row.restored_at is None}
            if not set(ids) <= elsewhere | {*await self._index.in_store(ids)}:
                continue
            # Another archiver may be about to use the file: then nothing moves to it any more.
            if await self._index.abandon(name):
                await self._files.delete(name)
                deleted.append(name)
        return deleted

    async def limits(self) -> ArchiveLimits:
        """Which baskets may move now."""
        now = self._clock()
        published, retired = await self._read_published(), await self._read_retired()
        return ArchiveLimits(now - self._after, published, retired, now - self._after)

    async def next_page(
        self, round: ArchiveRound, after: tuple[datetime, str] | None, limit: int, *, dry: bool
    ) -> tuple[datetime, str] | None:
        """Looks at the next `limit` baskets that are over, at most, and moves those that may, unless it is `dry`.
        Returns where the page after that begins; None: there is none."""
        page = min(limit, PAGE_BASKETS)
        # For each page anew: a round may take hours, and an operator may put the publisher back meanwhile.
        candidates = await self._index.candidates(await self.limits(), after, page)
        round.seen += len(candidates)
        round.waiting.update(each.obstacle for each in candidates if each.obstacle is not None)
        chosen = {each.basket_id: each for each in candidates if each.obstacle is None}
        if chosen:
            await self._archive(round, chosen, dry=dry)
        last = candidates[-1] if len(candidates) == page else None
        return (last.modified, last.basket_id) if last else None

    async def _archive(self, round: ArchiveRound, chosen: Mapping[str, ArchiveCandidate], *, dry: bool) -> None:
        streams = {
            basket_id: [*events]
            for basket_id, events in groupby(await self._index.read(chosen.keys()), lambda event: event.stream_id)
        }
        ready: dict[str, list[StoredEvent]] = {}
        for basket_id, stored in streams.items():
            if any(self._holds_personal_data(event.data) for event in stored):
                round.waiting["personal_data"] += 1
            elif stored[-1].version == chosen[basket_id].version == len(stored):
                ready[basket_id] = stored
            else:
                round.waiting["view_behind"] += 1
        if not ready:
            return
        if dry:
            self._count(round, ready, ready)
            return
        name = f"baskets-{self._clock():%Y-%m-%d}-{self._new_id()}"
        events = [event for stored in ready.values() for event in stored]
        manifest = await self._files.write(name, events, {id: chosen[id].partner for id in ready})
        round.files.append(name)
        round.bytes += manifest.bytes
        ids = [*ready]
        for at in range(0, len(ids), MOVED_AT_ONCE):
            part = {id: len(ready[id]) for id in ids[at : at + MOVED_AT_ONCE]}
            moved = await self._index.move(name, part)
            self._count(round, moved, ready)
            if len(moved) < len(part):
                round.waiting["view_behind"] += len(part) - len(moved)
            await asyncio.sleep(0)

    @staticmethod
    def _count(round: ArchiveRound, moved: Collection[str], ready: Mapping[str, list[StoredEvent]]) -> None:
        round.baskets += len(moved)
        round.events += sum(len(ready[id]) for id in moved)
