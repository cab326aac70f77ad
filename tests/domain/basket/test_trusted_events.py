"""Events that are made without validation are those that validation would make, down to the bytes that are stored."""

from __future__ import annotations

from hypothesis import given, settings

from domain.basket.codec import encode
from domain.shared.eventsourcing import DomainEvent
from domain.validation.remedy.finder import find_remedy
from domain.validation.validate import NO_POLICY_TERMS, build_context, run_checks
from tests.builders import NOW
from tests.domain.basket.test_action_properties import LIMITS, Applied, applied
from tests.domain.validation.remedy.random_cases import RandomCase, cases


def is_as_validated(event: DomainEvent) -> bool:
    validated = type(event).model_validate(dict(vars(event)), strict=True)
    return event == validated and encode(event) == encode(validated) and repr(event) == repr(validated)


@given(applied())
@settings(max_examples=200)
def test_the_events_of_actions(given: Applied) -> None:
    assert all(map(is_as_validated, given.events))


@given(cases())
def test_a_verdict_with_its_remedy(case: RandomCase) -> None:
    held = case.basket
    context = build_context(held, case.catalogue, NOW, NO_POLICY_TERMS)
    verdict = run_checks(context)
    remedy = find_remedy(context, case.catalogue, verdict.findings, LIMITS).remedy
    held.record_verdict(verdict, NOW, 7, "a.b.c", remedy)
    held.record_verdict(verdict, NOW)
    assert all(map(is_as_validated, held.collect()))
