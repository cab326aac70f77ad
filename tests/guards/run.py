"""A whole run: every guard's tests with the guards in place, then each guard taken out, in several copies at once."""

from __future__ import annotations

import asyncio
import json
import tempfile
from collections.abc import Callable, Collection, Sequence
from contextlib import AsyncExitStack
from dataclasses import asdict
from pathlib import Path

from tests.guards.guard import Guard
from tests.guards.tree import ROOT, TreeCopy
from tests.guards.trial import HURRY, GuardVerdict, Stage, TestRun, judge_before, try_without
from tests.servers.postgres import running_postgres

STATE = ROOT / ".cache" / "guards.json"
"""The guards that were noticed in this tree; the next run passes them over."""

Report = Callable[[GuardVerdict], None]


async def prove(
    guards: Sequence[Guard], report: Report, *, processes: int, state: Path = STATE
) -> Sequence[GuardVerdict]:
    """Reports each guard as soon as it is judged. Resumes a run of the same tree: noticed guards are not tried again."""
    with tempfile.TemporaryDirectory(prefix="guards-") as folder:
        stages = [Stage(TreeCopy(Path(folder) / f"tree-{number}")) for number in range(processes)]
        run = _Run(stages[0].copy.digest(), state, report)
        waiting = [guard for guard in guards if not run.is_known(guard)]
        if waiting:
            async with AsyncExitStack() as stack:
                for stage in stages:
                    stack.callback(stage.close)
                    if any(guard.database for guard in waiting):
                        # Roles belong to a server, so each copy has its own.
                        server = await stack.enter_async_context(running_postgres())
                        stage.environment["CHECKOUT_TEST_DATABASE_URL"] = server.url
                await run.prove(waiting, stages)
    return [run.verdicts[guard.name] for guard in guards]


class _Run:
    def __init__(self, digest: str, state: Path, report: Report) -> None:
        self._digest = digest
        self._state = state
        self._report = report
        self.verdicts: dict[str, GuardVerdict] = {}
        known = json.loads(state.read_bytes()) if state.exists() else {}
        self._known = {each["guard"]: GuardVerdict(**each) for each in known.get(digest, ())}

    def is_known(self, guard: Guard) -> bool:
        known = self._known.get(guard.name)
        if known is not None:
            self._judged(known)
        return known is not None

    async def prove(self, guards: Sequence[Guard], stages: Sequence[Stage]) -> None:
        parts = [_tests_of(guards[number :: len(stages)]) for number in range(len(stages))]
        runs = await asyncio.gather(
            *(stage.run(part, HURRY) for stage, part in zip(stages, parts, strict=True) if part)
        )
        before = TestRun(
            {test: outcome for run in runs for test, outcome in run.outcomes.items()},
            "\n".join(run.output for run in runs),
        )
        waiting: asyncio.Queue[Guard] = asyncio.Queue()
        for guard in guards:
            if (failing := judge_before(guard, before)) is not None:
                self._judged(failing)
            else:
                waiting.put_nowait(guard)

        async def work(stage: Stage) -> None:
            while not waiting.empty():
                self._judged(await try_without(waiting.get_nowait(), stage))

        async with asyncio.TaskGroup() as group:
            for stage in stages:
                group.create_task(work(stage))

    def _judged(self, verdict: GuardVerdict) -> None:
        self.verdicts[verdict.guard] = verdict
        if verdict.status == "noticed":
            self._known[verdict.guard] = verdict
            self._state.parent.mkdir(parents=True, exist_ok=True)
            kept = {self._digest: [asdict(each) for each in self._known.values()]}
            self._state.write_text(json.dumps(kept, indent=1), encoding="utf-8")
        self._report(verdict)


def _tests_of(guards: Collection[Guard]) -> Collection[str]:
    return {test for guard in guards for test in guard.tests}
