"""Basket views and dead letters in a process's memory: for tests, and the plain statement of their promises."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from domain.ports import BasketView, DeadLetter, Source


class MemoryBasketViews:
    """BasketViews, durable as long as the process."""

    def __init__(self) -> None:
        self._views: dict[str, BasketView] = {}

    async def versions(self, basket_ids: Collection[str]) -> Mapping[str, int]:
        return {id: self._views[id].version for id in basket_ids if id in self._views}

    async def snapshots(self, basket_ids: Collection[str]) -> Mapping[str, bytes]:
        found = {id: self._views[id].snapshot for id in basket_ids if id in self._views}
        await asyncio.sleep(0)
        return found

    async def advance(self, views: Sequence[tuple[int, BasketView]]) -> Collection[str]:
        moved = set()
        for began, view in views:
            held = self._views.get(view.basket_id)
            if (held.version if held else 0) == began:
                self._views[view.basket_id] = view
                moved.add(view.basket_id)
        return moved

    async def due(self, now: datetime, limit: int) -> Sequence[str]:
        due = [view for view in self._views.values() if view.status == "open" and view.expires_at <= now]
        return [view.basket_id for view in sorted(due, key=lambda view: view.expires_at)[:limit]]


class MemoryDeadLetters:
    """DeadLetters and ParkedBaskets, durable as long as the process."""

    def __init__(self) -> None:
        self.letters: dict[Source, DeadLetter] = {}
        self._settled: set[Source] = set()

    async def record(self, letters: Sequence[DeadLetter]) -> None:
        for letter in letters:
            self.letters.setdefault(letter.source, letter)

    async def parked(self, basket_ids: Collection[str]) -> Collection[str]:
        return {
            letter.basket_id
            for source, letter in self.letters.items()
            if letter.basket_id is not None and letter.basket_id in basket_ids and source not in self._settled
        }

    async def release(self, basket_id: str) -> None:
        self._settled.update(
            source for source, letter in self.letters.items() if letter.basket_id == basket_id
        )
