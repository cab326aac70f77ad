"""Basket views and dead letters in memory, for tests."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from domain.ports.event_store import EventFeed
from domain.ports.messaging import DeadLetter
from domain.ports.read_models import BasketView
from domain.shared.values import MessageSource


class InMemoryBasketViews:
    """BasketViews, durable as long as the process."""

    def __init__(self) -> None:
        self.rows: dict[str, BasketView] = {}
        """The views themselves. Tests of verify and repair may move them backward."""
        self.used: dict[str, frozenset[str]] = {}

    async def versions(self, basket_ids: Collection[str]) -> Mapping[str, int]:
        return {id: self.rows[id].version for id in basket_ids if id in self.rows}

    async def snapshots(self, basket_ids: Collection[str]) -> Mapping[str, bytes]:
        found = {id: self.rows[id].snapshot for id in basket_ids if id in self.rows}
        await asyncio.sleep(0)
        return found

    async def advance(self, views: Sequence[tuple[int, BasketView]]) -> Collection[str]:
        moved = set()
        for began, view in views:
            held = self.rows.get(view.basket_id)
            if (held.version if held else 0) == began:
                self.rows[view.basket_id] = view
                if view.uses is not None:
                    self.used[view.basket_id] = view.uses
                moved.add(view.basket_id)
        return moved

    def using(self, names: Collection[str], after: str) -> list[str]:
        """The ids after `after`, in order, of the views with any of these references."""
        return sorted(id for id, uses in self.used.items() if id > after and not uses.isdisjoint(names))

    def all(self) -> list[BasketView]:
        """All views, in any order."""
        return [*self.rows.values()]

    async def due(self, now: datetime, limit: int) -> Sequence[str]:
        due = [view for view in self.rows.values() if view.status == "open" and view.expires_at <= now]
        return [view.basket_id for view in sorted(due, key=lambda view: view.expires_at)[:limit]]


class InMemoryOpenBaskets:
    """OpenBaskets, over views and events in memory."""

    def __init__(self, views: InMemoryBasketViews, feed: EventFeed) -> None:
        self._views = views
        self._feed = feed

    async def using(self, names: Collection[str], after: str, limit: int) -> Sequence[str]:
        return self._views.using(names, after)[:limit]

    async def count(self, name: str) -> int:
        return len(self._views.using([name], ""))

    async def behind(self, events: int) -> Collection[str]:
        newest = (await self._feed.read(0, sys.maxsize))[-events:]
        versions = await self._views.versions({event.stream_id for event in newest})
        return {event.stream_id for event in newest if event.version > versions.get(event.stream_id, 0)}


class InMemoryCatalogueCheckpoints:
    """CatalogueCheckpoints, durable as long as the process."""

    def __init__(self) -> None:
        self._positions: dict[str, int] = {}

    async def read(self, reader: str) -> int | None:
        return self._positions.get(reader)

    async def write(self, reader: str, position: int) -> None:
        self._positions[reader] = max(position, self._positions.get(reader, 0))


class InMemoryDeadLetters:
    """DeadLetters and BlockedBaskets, durable as long as the process."""

    def __init__(self) -> None:
        self.letters: dict[MessageSource, DeadLetter] = {}

    async def record(self, letters: Sequence[DeadLetter]) -> None:
        for letter in letters:
            self.letters.setdefault(letter.source, letter)

    async def blocked(self, basket_ids: Collection[str]) -> Collection[str]:
        return {
            letter.basket_id
            for letter in self.letters.values()
            if letter.basket_id is not None and letter.basket_id in basket_ids
        }
