"""Runs tests in a copy of the tree, and judges whether they noticed that a guard is gone."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from time import monotonic
from types import MappingProxyType
from typing import Literal

from tests.guards.guard import Guard, StaleGuard
from tests.guards.outcomes import FILE_VARIABLE, Outcome
from tests.guards.tree import TreeCopy

MAX_SECONDS = 900.0
"""Of one run. All tests together take half a minute, and ten times as long on a busy machine."""

HURRY = {"CHECKOUT_TEST_PATIENCE": "15"}
"""Seconds that a test waits for what cannot come without its guard. They suffice with the guard in place, or the run
before says so."""

Status = Literal["noticed", "not noticed", "broken", "failing before", "stale"]
"""`noticed`: each test failed by an assertion. `broken`: one ended otherwise, which proves nothing. `failing before`: it
fails, or is skipped, with the guard in place. `stale`: the guard's text is no longer in its file."""


@dataclass(frozen=True, slots=True)
class TestRun:
    """How each test case ended, and pytest's output."""

    __test__ = False

    outcomes: Mapping[str, Outcome]
    output: str


@dataclass(frozen=True, slots=True)
class GuardVerdict:
    guard: str
    status: Status
    seconds: float
    detail: str = ""
    """What to look at, unless it was noticed."""


class Stage:
    """Runs tests in a copy of the tree, one run at a time. See `stage.py`."""

    def __init__(self, copy: TreeCopy) -> None:
        self.copy = copy
        self.environment: dict[str, str] = {}
        """What tests find in their environment."""
        self._process: asyncio.subprocess.Process | None = None

    async def run(self, tests: Collection[str], environment: Mapping[str, str] = MappingProxyType({})) -> TestRun:
        folder, name = self.copy.root.parent, self.copy.root.name
        outcomes, output = folder / f"{name}.json", folder / f"{name}.txt"
        outcomes.unlink(missing_ok=True)
        environment = {**self.environment, **environment, FILE_VARIABLE: str(outcomes)}
        asked = {"tests": sorted(tests), "output": str(output), "environment": environment}
        try:
            await asyncio.wait_for(self._ask(asked), MAX_SECONDS)
        except TimeoutError:
            self.close()
            return TestRun({}, f"it did not end within {MAX_SECONDS:.0f} s")
        found = json.loads(outcomes.read_bytes()) if outcomes.exists() else {}
        return TestRun(found, output.read_text(encoding="utf-8", errors="replace"))

    async def _ask(self, asked: Mapping[str, object]) -> None:
        if self._process is None:
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "tests.guards.stage"),
                cwd=self.copy.root,
                env={**os.environ, "PYTHONPATH": str(self.copy.root)},
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                start_new_session=True,
            )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(asked).encode() + b"\n")
        if not await self._process.stdout.readline():
            raise RuntimeError("the process that runs tests has ended; its error stands above")

    def close(self) -> None:
        """Ends the process, and whatever a test left behind."""
        if self._process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process = None


def judge_before(guard: Guard, run: TestRun) -> GuardVerdict | None:
    """None where all tests of the guard pass with the guard in place."""
    for test in guard.tests:
        cases = _cases(run, test)
        if not cases or set(cases.values()) != {"passed"}:
            wrong = {case: outcome for case, outcome in cases.items() if outcome != "passed"}
            return GuardVerdict(guard.name, "failing before", 0.0, f"{test}: {wrong or 'not run'}\n{run.output}")
    return None


async def try_without(guard: Guard, stage: Stage) -> GuardVerdict:
    """Takes the guard out of the copy and runs its tests."""
    began = monotonic()
    try:
        with stage.copy.without(guard):
            run = await stage.run(guard.tests, HURRY)
    except StaleGuard as error:
        return GuardVerdict(guard.name, "stale", 0.0, str(error))
    return judge_without(guard, run, round(monotonic() - began, 1))


def judge_without(guard: Guard, run: TestRun, seconds: float = 0.0) -> GuardVerdict:
    """What a run without the guard proves. Of a parametrized test one case is enough."""
    for test in guard.tests:
        ends = set(_cases(run, test).values())
        if "failed" not in ends:
            status: Status = "not noticed" if ends == {"passed"} else "broken"
            detail = f"{test}: {', '.join(sorted(ends)) or 'not run'}\n{run.output}"
            return GuardVerdict(guard.name, status, seconds, detail)
    return GuardVerdict(guard.name, "noticed", seconds)


def _cases(run: TestRun, test: str) -> Mapping[str, Outcome]:
    """The cases of a parametrized test, or the test itself."""
    return {case: outcome for case, outcome in run.outcomes.items() if case == test or case.startswith(f"{test}[")}
