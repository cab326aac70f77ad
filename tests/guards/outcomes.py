"""A pytest plugin for the runs of guards: notes how each test ended, in the file that the environment names."""

from __future__ import annotations

import json
import os
from collections.abc import Generator
from pathlib import Path
from traceback import walk_tb
from typing import Literal

import pytest

FILE_VARIABLE = "CHECKOUT_GUARDS_OUTCOMES"
_ROOT = Path(__file__).parents[2]

Outcome = Literal["passed", "failed", "broken", "skipped"]
"""`failed`: by an assertion of a test, in its own phase. `broken`: by anything else, such as an import or a fixture."""

_outcomes: dict[str, Outcome] = {}


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.failed:
        asserted = call.when == "call" and call.excinfo is not None and is_assertion(call.excinfo.value)
        # What a test asserted counts, even if clearing up after it fails too.
        if _outcomes.get(item.nodeid) != "failed":
            _outcomes[item.nodeid] = "failed" if asserted else "broken"
    elif report.skipped:
        _outcomes[item.nodeid] = "skipped"
    elif call.when == "call":
        _outcomes[item.nodeid] = "passed"
    return report


def pytest_sessionfinish() -> None:
    Path(os.environ[FILE_VARIABLE]).write_text(json.dumps(_outcomes), encoding="utf-8")


def is_assertion(error: BaseException) -> bool:
    """Whether a test's assertion raised it, not one in the code under test. `pytest.raises` and a time limit fail by
    `pytest.fail`."""
    if isinstance(error, BaseExceptionGroup):  # hypothesis found several
        return any(map(is_assertion, error.exceptions))
    return isinstance(error, AssertionError | pytest.fail.Exception) and not _of_tested_code(error)


def _of_tested_code(error: BaseException) -> bool:
    frames = [frame for frame, _ in walk_tb(error.__traceback__)]
    if not frames:
        return False
    raised_in = Path(frames[-1].f_code.co_filename)
    return raised_in.is_relative_to(_ROOT) and not raised_in.is_relative_to(_ROOT / "tests")
