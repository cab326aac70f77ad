"""Every guard can be taken out, and names tests that exist. Whether they notice, `make guards` tries."""

from __future__ import annotations

import ast
import re
from collections import Counter
from functools import cache
from pathlib import Path

import pytest

from tests.guards.guard import Guard, StaleGuard
from tests.guards.page import PAGE, page_with_table
from tests.guards.register import GUARDS
from tests.guards.tree import ROOT

MIN_GUARDS = 25

guards = pytest.mark.parametrize("guard", GUARDS, ids=[guard.name for guard in GUARDS])


@cache
def functions(path: Path) -> frozenset[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return frozenset(node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


@guards
def test_a_guard_can_be_taken_out(guard: Guard) -> None:
    text = (ROOT / guard.file).read_text(encoding="utf-8")
    without = guard.take_out(text)
    assert without != text
    if guard.file.endswith(".py"):
        ast.parse(without)


@guards
def test_the_tests_of_a_guard_exist(guard: Guard) -> None:
    assert guard.tests
    for node in guard.tests:
        file, *_, name = node.split("::")
        assert name.partition("[")[0] in functions(ROOT / file)


def test_names_are_unique_and_there_are_enough() -> None:
    assert [name for name, count in Counter(guard.name for guard in GUARDS).items() if count > 1] == []
    assert len(GUARDS) >= MIN_GUARDS


def test_the_page_lists_every_guard() -> None:
    """`make guards ARGS=--page` writes it."""
    page = PAGE.read_text(encoding="utf-8")
    assert page == page_with_table(page)


def test_every_guard_stands_beside_its_threat() -> None:
    threats, _, _ = PAGE.read_text(encoding="utf-8").partition("# What is left")
    named = re.findall(r"`([a-z]+(?:-[a-z]+)+)`", threats)
    assert Counter(named) == Counter(guard.name for guard in GUARDS)


@pytest.mark.parametrize("text", ["", "a guard, and a guard"])
def test_a_guard_that_moved_is_told(text: str) -> None:
    guard = Guard("one", "something happens", "a.py", "a guard", "", ("tests/a.py::test_a",))
    with pytest.raises(StaleGuard, match=r"one: a\.py holds [02] times"):
        guard.take_out(text)
