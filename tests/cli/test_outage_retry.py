"""How a long run waits for whoever is away."""

from __future__ import annotations

import asyncio

import pytest

from adapters.encryption.keys import MasterKeyMissing
from cli.outage_retry import OutageRetry
from cli.signals import Interrupted
from domain.shared.errors import BrokerUnavailable, LeadershipLost, StoreUnavailable


class FlakyServer:
    """Fails so often, each time in its way, before it answers."""

    def __init__(self, *failures: Exception) -> None:
        self._failures = [*failures]
        self.asked = 0

    async def answer(self) -> int:
        self.asked += 1
        if self._failures:
            raise self._failures.pop(0)
        return 42


async def under_way(patience: float = 60.0) -> OutageRetry:
    retrying = OutageRetry(asyncio.Event(), patience)
    assert await retrying.do(FlakyServer().answer) == 42
    return retrying


async def test_a_step_is_repeated_until_it_succeeds_and_an_outage_is_printed_once(
    capsys: pytest.CaptureFixture[str],
) -> None:
    server = FlakyServer(StoreUnavailable("gone"), BrokerUnavailable("gone"))
    assert await (await under_way()).do(server.answer) == 42
    assert server.asked == 3
    told = capsys.readouterr().err.splitlines()
    assert told == [
        "checkout: the event store is unavailable: gone; waiting for it, at most 60 s",
        "checkout: it is there again, and the run goes on",
    ]


async def test_a_run_does_not_wait_for_a_part_that_is_away_at_its_start() -> None:
    server = FlakyServer(StoreUnavailable("gone"))
    with pytest.raises(StoreUnavailable):
        await OutageRetry(asyncio.Event(), 60.0).do(server.answer)
    assert server.asked == 1


async def test_permanent_errors_are_raised_at_once() -> None:
    taken = LeadershipLost("republish-1", "another producer took over")
    for failure in (MasterKeyMissing("no key"), taken, ValueError("a fault of ours")):
        server = FlakyServer(failure)
        with pytest.raises(type(failure)):
            await (await under_way()).do(server.answer)
        assert server.asked == 1


async def test_an_outage_longer_than_the_patience_is_an_error() -> None:
    server = FlakyServer(*[StoreUnavailable("gone")] * 9)
    with pytest.raises(StoreUnavailable):
        await (await under_way(patience=0.0)).do(server.answer)
    assert server.asked == 2


async def test_progress_within_a_step_restores_the_patience(
    capsys: pytest.CaptureFixture[str],
) -> None:
    retrying = await under_way()
    failures = [StoreUnavailable("once"), StoreUnavailable("twice")]

    async def step() -> str:
        if failures:
            retrying.under_way()
            raise failures.pop(0)
        return "done"

    assert await retrying.do(step) == "done"
    assert capsys.readouterr().err.count("waiting for it") == 2


async def test_a_stop_ends_the_waiting() -> None:
    stop = asyncio.Event()
    retrying = OutageRetry(stop, 60.0)
    retrying.under_way()

    async def step() -> None:
        stop.set()
        raise StoreUnavailable("gone")

    with pytest.raises(Interrupted):
        await retrying.do(step, stoppable=False)
    with pytest.raises(Interrupted):
        await retrying.do(FlakyServer().answer)


async def test_a_step_that_was_begun_is_finished_or_begun_again() -> None:
    retrying = await under_way()
    server = FlakyServer(StoreUnavailable("gone"))
    begun = asyncio.ensure_future(server.answer())
    assert await retrying.finish(begun, server.answer) == 42
    assert server.asked == 2
