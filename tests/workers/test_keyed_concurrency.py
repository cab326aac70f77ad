from __future__ import annotations

import asyncio

import pytest

from workers.keyed_concurrency import run_keyed


class Recorder:
    """Runs work that is named by its letters, and records what ran at the same time."""

    def __init__(self) -> None:
        self.begun: list[str] = []
        self.running: set[str] = set()
        self.most_at_once = 0
        self.clashes: list[str] = []

    async def __call__(self, work: str) -> str:
        self.clashes += [f"{work} beside {other}" for other in self.running if set(work) & set(other)]
        self.begun.append(work)
        self.running.add(work)
        self.most_at_once = max(self.most_at_once, len(self.running))
        for _ in range(len(work)):
            await asyncio.sleep(0)
        self.running.remove(work)
        return work.upper()


async def test_results_come_in_the_order_of_the_work() -> None:
    assert await run_keyed(["aaaa", "b", "cc"], set, Recorder(), at_once=3) == ["AAAA", "B", "CC"]


async def test_work_with_a_common_name_runs_in_its_order() -> None:
    recorder = Recorder()
    work = ["aaaa", "ab", "b", "bcc", "d", "ca"]

    await run_keyed(work, set, recorder, at_once=10)

    assert recorder.clashes == []
    assert recorder.begun.index("aaaa") < recorder.begun.index("ab") < recorder.begun.index("b")
    assert recorder.begun.index("bcc") < recorder.begun.index("ca")
    assert recorder.begun.index("d") < recorder.begun.index("ab"), "d waits for nobody"


async def test_concurrency_is_limited() -> None:
    recorder = Recorder()

    await run_keyed([*"abcdefgh"], set, recorder, at_once=3)

    assert recorder.most_at_once == 3


async def test_work_without_a_name_waits_for_nothing() -> None:
    recorder = Recorder()

    await run_keyed(["a", "b", "c"], lambda _: (), recorder, at_once=3)

    assert recorder.most_at_once == 3


async def test_an_error_ends_all_work_and_is_raised() -> None:
    ended: list[str] = []

    async def do(work: str) -> None:
        if work == "b":
            raise ValueError(work)
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(work)

    with pytest.raises(ValueError, match="b"):
        await run_keyed(["a", "b", "c"], set, do, at_once=3)
    assert "a" in ended
