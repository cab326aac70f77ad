"""Natural batching: calls that wait run together, while the next ones gather.

Nothing waits to make a batch larger: a call that comes alone runs alone.
"""

from __future__ import annotations

import asyncio
import contextvars
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar, cast

import structlog

from adapters.postgres.timeout_queue import TimeoutQueue
from domain.shared.errors import StoreUnavailable

Q = TypeVar("Q")
R = TypeVar("R")

_FIRST_PAUSE = 0.02
_LONGEST_PAUSE = 0.5
_log = structlog.get_logger("store")


@dataclass(slots=True, eq=False)
class PendingCall(Generic[Q, R]):
    """A request, and the future that its caller awaits."""

    request: Q
    result: asyncio.Future[R]


Take = Callable[[deque[PendingCall[Q, R]]], list[PendingCall[Q, R]]]
"""Takes the next batch out of the calls that wait."""

Run = Callable[[Sequence[Q], bool], Awaitable[Sequence[R]]]
"""Runs requests and returns their results in order. The flag says that they may have run before: an earlier run
ended with StoreUnavailable."""


class Batcher(Generic[Q, R]):
    """A queue of calls, and tasks that run them batch by batch.

    A batch that ends with StoreUnavailable runs again, for as long as somebody waits for it. After another error it
    runs again in halves, so that the error reaches its own caller only. A cancelled caller leaves a batch that has
    not begun, and harms nobody.
    """

    def __init__(self, run: Run[Q, R], take: Take[Q, R], *, timeout: float, concurrency: int = 1) -> None:
        """A call waits at most `timeout` seconds; `concurrency` batches run at the same time."""
        self._run = run
        self._take = take
        self._timeout = timeout
        self._timeouts = TimeoutQueue(timeout)
        self._concurrency = concurrency
        self._tasks: set[asyncio.Task[None]] = set()
        self._task_is_starting = False
        self._waiting: deque[PendingCall[Q, R]] = deque()
        self._closed = False

    async def call(self, request: Q) -> R:
        """The result of the request. Raises StoreUnavailable after the timeout."""
        if self._closed:
            raise StoreUnavailable("this process is stopping")
        result: asyncio.Future[R] = asyncio.get_running_loop().create_future()
        self._waiting.append(PendingCall(request, result))
        self._timeouts.watch(result)
        if not self._task_is_starting and len(self._tasks) < self._concurrency:
            # It begins after this turn of the event loop, so that all calls of the turn are in its first batch.
            self._task_is_starting = True
            # It works for many callers, so its log lines must not have the basket and trace of the first one.
            context = contextvars.Context()
            self._tasks.add(asyncio.create_task(self._empty_the_queue(), name="store batches", context=context))
        try:
            return await result
        finally:
            del result  # an error would stay in a circle with this frame, and keep the caller's request

    async def close(self) -> None:
        """Refuses new calls and finishes those that wait, or refuses them after the timeout."""
        self._closed = True
        try:
            if self._tasks:
                await asyncio.wait(self._tasks, timeout=self._timeout)
        finally:
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            _refuse(self._waiting)
            self._waiting.clear()
            self._timeouts.close()

    async def _empty_the_queue(self) -> None:
        self._task_is_starting = False
        calls: list[PendingCall[Q, R]] = []
        try:
            while self._waiting:
                calls = self._take(self._waiting)
                await self._run_batch(calls, repeated=False)
        finally:
            # At once: the next caller must not count on a task that saw the queue empty.
            self._tasks.discard(cast("asyncio.Task[None]", asyncio.current_task()))
            _refuse(calls)

    async def _run_batch(self, calls: list[PendingCall[Q, R]], *, repeated: bool) -> None:
        # No retry library: every append and read passes here, and calls leave the batch between two attempts.
        pause = _FIRST_PAUSE
        while calls := [call for call in calls if not call.result.done()]:
            try:
                results = await self._run([call.request for call in calls], repeated)
            except StoreUnavailable as error:
                if pause == _FIRST_PAUSE:
                    _log.warning("PostgreSQL is away; what waits is tried again", why=str(error))
                repeated = True
                await asyncio.sleep(pause)
                pause = min(2 * pause, _LONGEST_PAUSE)
                continue
            except Exception as error:  # noqa: BLE001  (any error is for the callers)
                if len(calls) == 1:
                    only = calls.pop().result
                    if not only.done():  # a caller may leave at any time
                        only.set_exception(error)
                    del only  # as in `call`
                    return
            else:
                for call, result in zip(calls, results, strict=True):
                    if not call.result.done():
                        call.result.set_result(result)
                return
            # Outside of the handler, so that the error of the whole is no part of theirs.
            half = len(calls) // 2
            await self._run_batch(calls[:half], repeated=repeated)
            await self._run_batch(calls[half:], repeated=repeated)
            return


def take_up_to(limit: int) -> Take[Q, R]:
    """Batches of at most `limit` calls, in the order in which they came."""

    def take(waiting: deque[PendingCall[Q, R]]) -> list[PendingCall[Q, R]]:
        return [waiting.popleft() for _ in range(min(limit, len(waiting)))]

    return take


def _refuse(calls: Sequence[PendingCall[Q, R]] | deque[PendingCall[Q, R]]) -> None:
    for call in calls:
        if not call.result.done():
            call.result.set_exception(StoreUnavailable("this process is stopping"))
