"""What each check contributed to a verdict."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from domain.shared.findings import Finding, Verdict
from domain.validation.check import Check
from domain.validation.checks import CHECKS

CheckOutcome = Literal["passed", "found", "crashed", "off"]


@dataclass(frozen=True, slots=True)
class CheckExplanation:
    """One check with its outcome, its findings and the ids of the facts that it rests on."""

    code: str
    looks_at: str
    meaning: str
    outcome: CheckOutcome
    findings: tuple[Finding, ...]
    evidence: tuple[str, ...]


def explain_verdict(verdict: Verdict, checks: Sequence[Check] = CHECKS) -> list[CheckExplanation]:
    """The checks in their order. A check that neither found anything nor passed was turned off by a policy."""
    passed = {code: group.evidence for group in verdict.passed for code in group.codes}
    return [_explain(check, verdict.findings, passed) for check in checks]


def _explain(
    check: Check, findings: Sequence[Finding], passed: Mapping[str, tuple[str, ...]]
) -> CheckExplanation:
    own = tuple(finding for finding in findings if finding.code == check.code)
    crashes = tuple(
        finding
        for finding in findings
        if finding.code == "check_failed" and finding.data.get("check") == check.code
    )
    outcome: CheckOutcome = "off"
    if crashes:
        outcome = "crashed"
    elif own:
        outcome = "found"
    elif check.code in passed:
        outcome = "passed"
    found = tuple(sorted({id for finding in (*own, *crashes) for id in finding.evidence}))
    evidence = found or passed.get(check.code, ())
    return CheckExplanation(check.code, check.looks_at, check.meaning, outcome, (*own, *crashes), evidence)
