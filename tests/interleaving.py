"""Runs tasks that share a store one step at a time: a task that waits for the store continues when it is chosen.

Time is virtual: sleeping tasks wake in the order of their times, without waiting.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Any, Literal, TypeVar

from domain.ports.event_store import (
    Append,
    AppendOutcome,
    IdempotencyKey,
    RenderedResponse,
    StoredEvent,
    StoredResponse,
)
from domain.shared.errors import StoreUnavailable
from tests.fakes.event_store import InMemoryEventStore

R = TypeVar("R")

Fate = Literal["done", "reply lost", "never arrives", "arrives late"]
"""The fate of a call to the store. All but the first raise StoreUnavailable."""

Choose = Callable[[str, Sequence[Any]], Any]
"""Chooses one of several; the text says what for."""

LONG_ENOUGH = 1.0
"""Virtual seconds until every task has ended or waits for the store."""


class _VirtualTime(asyncio.SelectorEventLoop):
    now = 0.0

    def time(self) -> float:
        return self.now


class _NoWait(selectors.DefaultSelector):
    loop: _VirtualTime

    def select(self, timeout: float | None = None) -> Any:
        if timeout is None:
            raise RuntimeError("all tasks wait, and nothing will wake them")
        self.loop.now += max(timeout, 0)
        return super().select(0)


def run_in_virtual_time(work: Coroutine[Any, Any, R]) -> R:
    selector = _NoWait()
    selector.loop = loop = _VirtualTime(selector)
    try:
        return loop.run_until_complete(work)
    finally:
        # A choice may end the work at any point; tasks that still wait must not wake later.
        for task in asyncio.all_tasks(loop):
            task.cancel()
            loop.run_until_complete(asyncio.wait([task]))
        loop.close()


class Interleaving:
    """Chooses the task that continues, and the fate of each call."""

    def __init__(self, choose: Choose) -> None:
        self._choose = choose
        self._waiting: list[tuple[str, bool, asyncio.Future[Fate]]] = []
        self._late: list[Callable[[], Awaitable[object]]] = []

    async def turn(self, what: str, *, may_fail: bool) -> Fate:
        """Waits until it is chosen."""
        chosen: asyncio.Future[Fate] = asyncio.get_running_loop().create_future()
        self._waiting.append((what, may_fail, chosen))
        return await chosen

    def arrives_late(self, call: Callable[[], Awaitable[object]]) -> None:
        self._late.append(call)

    async def run(self, tasks: Sequence[asyncio.Task[Any]]) -> None:
        """Runs until all tasks have ended; late calls may still be on their way."""
        while True:
            await asyncio.sleep(LONG_ENOUGH)
            if all(task.done() for task in tasks):
                return
            here = [what for what, _, _ in self._waiting] + ["a late call"] * len(self._late)
            index = self._choose("who continues", range(len(here)))
            if index >= len(self._waiting):
                await self._late.pop(index - len(self._waiting))()
                continue
            what, may_fail, chosen = self._waiting.pop(index)
            fates: list[Fate] = ["done"]
            if may_fail:
                fates = ["done", "done", "done", "reply lost", "never arrives", "arrives late"]
            chosen.set_result(self._choose(what, fates))

    async def deliver_late(self) -> None:
        """Lets the late calls arrive."""
        while self._late:
            await self._late.pop(0)()


class InterleavedStore(InMemoryEventStore):
    """A store in which every call waits for its turn, if there is an interleaving."""

    interleaving: Interleaving | None = None

    async def append(self, append: Append) -> AppendOutcome:
        return await self._in_turn("append", lambda: super(InterleavedStore, self).append(append))

    async def store_response(self, key: IdempotencyKey, answer: RenderedResponse) -> bool:
        return await self._in_turn("store an answer", lambda: super(InterleavedStore, self).store_response(key, answer))

    async def read_events(self, stream_id: str, after_version: int = 0) -> Sequence[StoredEvent]:
        return await self._in_turn("read", lambda: super(InterleavedStore, self).read_events(stream_id, after_version))

    async def find_claim(self, name: str) -> str | None:
        return await self._in_turn("find a claim", lambda: super(InterleavedStore, self).find_claim(name))

    async def find_response(self, scope: str, key: str) -> StoredResponse | None:
        return await self._in_turn("find an answer", lambda: super(InterleavedStore, self).find_response(scope, key))

    async def _in_turn(self, what: str, call: Callable[[], Awaitable[R]]) -> R:
        interleaving = self.interleaving
        if interleaving is None:
            return await call()
        fate = await interleaving.turn(what, may_fail=True)
        if fate == "never arrives":
            raise StoreUnavailable(what)
        if fate == "arrives late":
            interleaving.arrives_late(call)
            raise StoreUnavailable(what)
        result = await call()
        # The reply takes its time, too.
        await interleaving.turn(f"{what}: the reply", may_fail=False)
        if fate == "reply lost":
            raise StoreUnavailable(what)
        return result
