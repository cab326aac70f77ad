"""Validates a basket by facts, and checks what holds for every verdict."""

from __future__ import annotations

from datetime import datetime, timedelta

from jsonpath_rfc9535 import find
from jsonschema import Draft202012Validator
from pydantic_core import to_jsonable_python

from domain.basket.basket import Basket
from domain.basket.serialization import serialize_order
from domain.catalogue.facts import Fact
from domain.shared.findings import Finding, Verdict
from domain.validation.checks import CHECKS
from domain.validation.validate import validate_basket
from tests.builders import NOW, availability, catalogue, offer, price

TICK = timedelta(microseconds=1)
DATA = {
    check.code: Draft202012Validator(check.data_schema(), format_checker=Draft202012Validator.FORMAT_CHECKER)
    for check in CHECKS
}
KNOWN = (offer("o-1"), price("o-1"), availability("SKU-1", quantity=100))


def verdict(given: Basket, *facts: Fact, now: datetime = NOW) -> Verdict:
    """The verdict. Each path leads to exactly one place in `checkout`, all `data` has its check's schema, no check both
    passes and finds something, and all evidence is part of the verdict's."""
    judged = validate_basket(given, catalogue(*facts), now)
    document = to_jsonable_python(serialize_order(given.as_seen_at(now)))
    for finding in (*judged.blocked_products, *judged.validation_errors):
        assert len(find(finding.path, document)) == 1, finding.path
        DATA[finding.code].validate(finding.data)
        assert {*finding.evidence} <= {*judged.evidence}
    for passed in judged.passed:
        assert {*passed.evidence} <= {*judged.evidence}
    passed_codes = [code for passed in judged.passed for code in passed.codes]
    found_codes = {finding.code for finding in (*judged.blocked_products, *judged.validation_errors)}
    assert found_codes.isdisjoint(passed_codes)
    assert len({*passed_codes}) == len(passed_codes)
    return judged


def findings(given: Basket, *facts: Fact, now: datetime = NOW) -> list[Finding]:
    judged = verdict(given, *facts, now=now)
    return [*judged.blocked_products, *judged.validation_errors]


def codes(given: Basket, *facts: Fact, now: datetime = NOW) -> list[str]:
    return [finding.code for finding in findings(given, *facts, now=now)]


def found(code: str, given: Basket, *facts: Fact, now: datetime = NOW) -> Finding:
    (finding,) = (finding for finding in findings(given, *facts, now=now) if finding.code == code)
    return finding
