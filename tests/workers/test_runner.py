from __future__ import annotations

import asyncio
from collections.abc import Callable
from itertools import pairwise

import pytest

from domain.shared.errors import StoreUnavailable
from tests.servers.waiting import eventually
from tests.workers.worker_processes import running_worker
from workers.heartbeat import Heartbeat


class Script:
    """A worker that plays one turn of its script on each run, and then waits to be cancelled."""

    name = "script"

    def __init__(self, *turns: Callable[[Heartbeat], None]) -> None:
        self._turns = list(turns)
        self.runs = 0

    async def run(self, heartbeat: Heartbeat) -> None:
        self.runs += 1
        if self._turns:
            self._turns.pop(0)(heartbeat)
            return
        heartbeat.ready(True)
        await asyncio.Event().wait()


def fails(error: BaseException) -> Callable[[Heartbeat], None]:
    def turn(_: Heartbeat) -> None:
        raise error

    return turn


async def test_a_worker_is_run_again_after_any_fault() -> None:
    worker = Script(fails(StoreUnavailable("gone fishing")), fails(ZeroDivisionError("a mistake")))
    async with running_worker(worker) as heartbeat:
        await eventually(lambda: "gone fishing" in (heartbeat.last_error or ""))
        await eventually(lambda: "ZeroDivisionError: a mistake" in (heartbeat.last_error or ""))
        assert not heartbeat.is_ready
        await eventually(lambda: heartbeat.is_ready)
        assert worker.runs == 3
        assert heartbeat.last_error is None


async def test_a_worker_that_stops_by_itself_is_run_again() -> None:
    worker = Script(lambda _: None)
    async with running_worker(worker) as heartbeat:
        await eventually(lambda: heartbeat.is_ready)
        assert worker.runs == 2


async def test_an_unrequested_cancellation_is_a_fault_like_any_other() -> None:
    worker = Script(fails(asyncio.CancelledError()))
    async with running_worker(worker) as heartbeat:
        await eventually(lambda: heartbeat.is_ready)
        assert worker.runs == 2


async def test_pauses_grow_until_the_worker_was_ready_again() -> None:
    began: list[float] = []
    clock = asyncio.get_running_loop().time

    def note(then: Callable[[Heartbeat], None]) -> Callable[[Heartbeat], None]:
        def turn(heartbeat: Heartbeat) -> None:
            began.append(clock())
            then(heartbeat)

        return turn

    def works_and_fails(heartbeat: Heartbeat) -> None:
        heartbeat.ready(True)
        raise StoreUnavailable("later")

    turns = [fails(StoreUnavailable("1")), fails(StoreUnavailable("2")), works_and_fails, works_and_fails]
    worker = Script(*map(note, turns), note(lambda _: None))
    async with running_worker(worker):
        await eventually(lambda: len(began) == 5)
    pauses = [later - earlier for earlier, later in pairwise(began)]
    assert pauses[0] < pauses[1]
    assert pauses[2] < pauses[1]
    assert pauses[3] < pauses[1]


async def test_a_cancelled_worker_is_not_run_again() -> None:
    worker = Script()
    async with running_worker(worker) as heartbeat:
        await eventually(lambda: heartbeat.is_ready)
    assert worker.runs == 1


def test_a_heartbeat_knows_how_long_it_has_been_silent() -> None:
    now = [100.0]
    heartbeat = Heartbeat("worker", lambda: now[0])
    now[0] = 107.5
    assert heartbeat.silent_seconds == pytest.approx(7.5)
    heartbeat.beat()
    assert heartbeat.silent_seconds == 0
