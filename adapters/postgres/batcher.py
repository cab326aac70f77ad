"""Natural batching: calls that wait are carried out together, while the next ones gather.

Nothing is held back to make a batch larger; a call that comes alone goes alone.
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
    """What someone asks for, and where they wait for the answer."""

    request: Q
    answer: asyncio.Future[R]


Take = Callable[[deque[PendingCall[Q, R]]], list[PendingCall[Q, R]]]
"""Takes the calls of the next batch out of those that wait."""

Run = Callable[[Sequence[Q], bool], Awaitable[Sequence[R]]]
"""Carries out requests and returns their results in order. The flag says that the same requests may have
been carried out before: an earlier run ended with StoreUnavailable."""


class Batcher(Generic[Q, R]):
    """A queue of calls and the lanes that empty it, batch by batch.

    A batch that ends with StoreUnavailable is run again, for as long as someone waits for it. One that ends
    with another error is run again in halves, so that the error reaches those alone whose it is. A caller
    that is cancelled leaves its batch, if that has not begun, and harms nobody.
    """

    def __init__(self, run: Run[Q, R], take: Take[Q, R], *, timeout: float, lanes: int = 1) -> None:
        """A call waits at most `timeout` seconds; `lanes` batches run at the same time."""
        self._run = run
        self._take = take
        self._timeout = timeout
        self._deadlines = TimeoutQueue(timeout)
        self._most_lanes = lanes
        self._lanes: set[asyncio.Task[None]] = set()
        self._lane_is_starting = False
        self._waiting: deque[PendingCall[Q, R]] = deque()
        self._closed = False

    async def call(self, request: Q) -> R:
        """The result of the request; raises StoreUnavailable where there is none in time."""
        if self._closed:
            raise StoreUnavailable("this process is stopping")
        answer: asyncio.Future[R] = asyncio.get_running_loop().create_future()
        self._waiting.append(PendingCall(request, answer))
        self._deadlines.watch(answer)
        if not self._lane_is_starting and len(self._lanes) < self._most_lanes:
            self._start_lane()
        return await answer

    async def close(self) -> None:
        """Refuses new calls and finishes those that wait, or refuses them where that takes too long."""
        self._closed = True
        try:
            if self._lanes:
                await asyncio.wait(self._lanes, timeout=self._timeout)
        finally:
            for lane in self._lanes:
                lane.cancel()
            await asyncio.gather(*self._lanes, return_exceptions=True)
            _refuse(self._waiting)
            self._waiting.clear()
            self._deadlines.close()

    def _start_lane(self) -> None:
        # The lane begins once this turn of the event loop is over: whoever calls in the same turn is with it.
        self._lane_is_starting = True
        # It works for many: what it logs is not to bear the basket and the trace of whoever called first.
        self._lanes.add(
            asyncio.create_task(self._empty_the_queue(), name="store batches", context=contextvars.Context())
        )

    async def _empty_the_queue(self) -> None:
        self._lane_is_starting = False
        calls: list[PendingCall[Q, R]] = []
        try:
            while self._waiting:
                calls = self._take(self._waiting)
                await self._carry_out(calls, repeated=False)
        finally:
            # At once: whoever calls next must not count on a lane that has seen the queue empty.
            self._lanes.discard(cast("asyncio.Task[None]", asyncio.current_task()))
            _refuse(calls)

    async def _carry_out(self, calls: list[PendingCall[Q, R]], *, repeated: bool) -> None:
        pause = _FIRST_PAUSE
        while calls := [call for call in calls if not call.answer.done()]:
            try:
                results = await self._run([call.request for call in calls], repeated)
            except StoreUnavailable as error:
                if pause == _FIRST_PAUSE:
                    _log.warning("PostgreSQL is away; what waits is tried again", why=str(error))
                repeated = True
                await asyncio.sleep(pause)
                pause = min(2 * pause, _LONGEST_PAUSE)
            except Exception as error:  # noqa: BLE001  whatever it is, it is for the callers to know
                if len(calls) == 1:
                    calls[0].answer.set_exception(error)
                    return
                half = len(calls) // 2
                await self._carry_out(calls[:half], repeated=repeated)
                await self._carry_out(calls[half:], repeated=repeated)
                return
            else:
                for call, result in zip(calls, results, strict=True):
                    if not call.answer.done():
                        call.answer.set_result(result)
                return


def take_up_to(limit: int) -> Take[Q, R]:
    """Batches of at most `limit` calls, in the order in which they came."""

    def take(waiting: deque[PendingCall[Q, R]]) -> list[PendingCall[Q, R]]:
        return [waiting.popleft() for _ in range(min(limit, len(waiting)))]

    return take


def _refuse(calls: Sequence[PendingCall[Q, R]] | deque[PendingCall[Q, R]]) -> None:
    for call in calls:
        if not call.answer.done():
            call.answer.set_exception(StoreUnavailable("this process is stopping"))
