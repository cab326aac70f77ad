"""What a run of tests proves about a guard."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from tests.guards.guard import Guard
from tests.guards.outcomes import Outcome, is_assertion
from tests.guards.tree import ROOT
from tests.guards.trial import Status, TestRun, judge_before, judge_without

GUARD = Guard("one", "something happens", "a.py", "old", "new", ("t.py::test_a", "t.py::test_b"))
PASSED: Mapping[str, Outcome] = {"t.py::test_a": "passed", "t.py::test_b[1]": "passed", "t.py::test_b[2]": "passed"}


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({}, "not noticed"),
        ({"t.py::test_a": "failed"}, "not noticed"),
        ({"t.py::test_a": "failed", "t.py::test_b[2]": "failed"}, "noticed"),
        ({"t.py::test_a": "failed", "t.py::test_b[1]": "broken", "t.py::test_b[2]": "failed"}, "noticed"),
        ({"t.py::test_a": "broken", "t.py::test_b[1]": "failed"}, "broken"),
        ({"t.py::test_a": "failed", "t.py::test_b[1]": "broken"}, "broken"),
        ({"t.py::test_a": "skipped", "t.py::test_b[1]": "failed"}, "broken"),
        ({"t.py::test_a_longer_name": "failed", "t.py::test_b[1]": "failed"}, "not noticed"),
    ],
)
def test_only_assertions_of_every_test_prove_a_guard(changes: Mapping[str, Outcome], status: Status) -> None:
    assert judge_without(GUARD, TestRun({**PASSED, **changes}, "what pytest wrote")).status == status


def test_a_run_that_ran_nothing_proves_nothing() -> None:
    verdict = judge_without(GUARD, TestRun({}, "ImportError"))
    assert verdict.status == "broken"
    assert verdict.detail == "t.py::test_a: not run\nImportError"


@pytest.mark.parametrize("outcome", ["failed", "broken", "skipped"])
def test_with_the_guard_in_place_every_case_must_pass(outcome: Outcome) -> None:
    assert judge_before(GUARD, TestRun(PASSED, "")) is None
    for test in PASSED:
        failing = judge_before(GUARD, TestRun({**PASSED, test: outcome}, ""))
        assert failing is not None
        assert failing.status == "failing before"
    assert judge_before(GUARD, TestRun({"t.py::test_a": "passed"}, "")) is not None


ASSERTED: tuple[BaseException, ...] = (
    AssertionError(),
    pytest.fail.Exception("DID NOT RAISE"),
    ExceptionGroup("of hypothesis", [ValueError(), AssertionError()]),
)
OTHERS: tuple[BaseException, ...] = (KeyError(), ImportError(), ExceptionGroup("", [KeyError()]))


@pytest.mark.parametrize(
    ("error", "asserted"), [*((each, True) for each in ASSERTED), *((each, False) for each in OTHERS)]
)
def test_assertions_are_told_from_other_errors(error: BaseException, asserted: bool) -> None:
    assert is_assertion(error) is asserted


@pytest.mark.parametrize(("file", "asserted"), [("adapters/some.py", False), ("tests/adapters/test_some.py", True)])
def test_an_assertion_of_the_code_under_test_proves_nothing(file: str, asserted: bool) -> None:
    """Without a guard, code may reach what it says cannot be: that is no test that noticed."""
    with pytest.raises(AssertionError) as raised:
        exec(compile("assert False", str(ROOT / file), "exec"), {})
    assert is_assertion(raised.value) is asserted
    assert is_assertion(ExceptionGroup("", [raised.value])) is asserted
