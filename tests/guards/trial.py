"""Runs tests in a copy of the tree, and judges whether they noticed that a guard is gone."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from time import monotonic
from typing import Literal

from tests.guards.guard import Guard
from tests.guards.outcomes import FILE_VARIABLE, Outcome
from tests.guards.tree import TreeCopy

MAX_SECONDS = 900.0
"""Of one run. All tests together take half a minute, and ten times as long on a busy machine."""

_PATIENCE = {"CHECKOUT_TEST_PATIENCE": "15"}
"""Seconds that a test waits for what cannot come without its guard."""

Status = Literal["noticed", "not noticed", "broken", "failing before"]
"""`noticed`: each test failed by an assertion. `broken`: one ended otherwise, which proves nothing. `failing before`: it
fails, or is skipped, with the guard in place."""


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


async def run_tests(copy: TreeCopy, tests: Collection[str]) -> TestRun:
    """Runs these tests in a process of their own."""
    outcomes = copy.root.parent / f"{copy.root.name}.json"
    outcomes.unlink(missing_ok=True)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "pytest", "-q", "--no-header", "--tb=short", "-p", "no:cacheprovider"),
        *("-p", "tests.guards.outcomes", *sorted(tests)),
        cwd=copy.root,
        env={**os.environ, **_PATIENCE, **copy.environment, "PYTHONPATH": str(copy.root), FILE_VARIABLE: str(outcomes)},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        output, _ = await asyncio.wait_for(process.communicate(), MAX_SECONDS)
    except TimeoutError:
        return TestRun({}, f"it did not end within {MAX_SECONDS:.0f} s")
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    found = json.loads(outcomes.read_bytes()) if outcomes.exists() else {}
    return TestRun(found, output.decode(errors="replace"))


def judge_before(guard: Guard, run: TestRun) -> GuardVerdict | None:
    """None where all tests of the guard pass with the guard in place."""
    for test in guard.tests:
        cases = _cases(run, test)
        if not cases or set(cases.values()) != {"passed"}:
            wrong = {case: outcome for case, outcome in cases.items() if outcome != "passed"}
            return GuardVerdict(guard.name, "failing before", 0.0, f"{test}: {wrong or 'not run'}\n{run.output}")
    return None


async def try_without(guard: Guard, copy: TreeCopy) -> GuardVerdict:
    """Takes the guard out of the copy and runs its tests. Raises StaleGuard."""
    began = monotonic()
    with copy.without(guard):
        run = await run_tests(copy, guard.tests)
    seconds = round(monotonic() - began, 1)
    for test in guard.tests:
        ends = set(_cases(run, test).values())
        if "failed" not in ends:
            status: Status = "not noticed" if ends == {"passed"} else "broken"
            return GuardVerdict(guard.name, status, seconds, f"{test}: {', '.join(ends) or 'not run'}\n{run.output}")
    return GuardVerdict(guard.name, "noticed", seconds)


def _cases(run: TestRun, test: str) -> Mapping[str, Outcome]:
    """The cases of a parametrized test, or the test itself."""
    return {case: outcome for case, outcome in run.outcomes.items() if case == test or case.startswith(f"{test}[")}
