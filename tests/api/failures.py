"""Handlers that fail, and a store that waits or is away."""

from __future__ import annotations

import asyncio
from typing import NoReturn

from domain.ports.event_store import Append, AppendOutcome
from domain.shared.errors import StoreUnavailable
from domain.shared.values import Clock
from domain.validation.handlers import CheckoutHandlers
from tests.fakes.event_store import InMemoryEventStore


class FailingHandlers(CheckoutHandlers):
    """Handlers that fail alike, whatever they are asked."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    async def _fail(self, *_: object) -> NoReturn:
        raise self.error

    initiate = update = validate = get = _fail  # type: ignore[assignment]


class HeldStore(InMemoryEventStore):
    """Appends wait until the test releases them, or the store is unavailable."""

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock)
        self.go = asyncio.Event()
        self.reached = asyncio.Event()
        self.away = False

    async def append(self, append: Append) -> AppendOutcome:
        self.reached.set()
        await self.go.wait()
        if self.away:
            raise StoreUnavailable("10.1.2.3:5432 refused")
        return await super().append(append)
