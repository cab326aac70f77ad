"""A validation that takes over lines of another one, or does not explain itself, finds the same."""

from __future__ import annotations

from hypothesis import given

from domain.validation.context import ValidationContext
from domain.validation.remedy.finder import find_remedy
from domain.validation.remedy.proposal import apply
from domain.validation.validate import NO_POLICY_TERMS, build_context, run_checks
from tests.builders import NOW, decision_context
from tests.domain.validation.remedy.random_cases import RandomCase, cases
from tests.domain.validation.remedy.remedies import LIMITS


@given(cases())
def test_lines_that_are_known_already_give_the_same_context(case: RandomCase) -> None:
    held, known = case.basket, case.catalogue
    before = build_context(held, known, NOW, NO_POLICY_TERMS)
    found = find_remedy(before, known, run_checks(before).findings, LIMITS).remedy
    if found is None:
        return
    after = apply(decision_context(held, known), found.order_item_actions)
    anew = ValidationContext.of(after, known, NOW, before.policy)
    assert ValidationContext.of(after, known, NOW, before.policy, before.lines) == anew
    assert run_checks(anew, explain=False).findings == run_checks(anew).findings
