"""What each check contributed to a verdict."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from domain.shared.findings import Finding, Verdict
from domain.validation.check import CHECK_FAILED, Check
from domain.validation.checks import CHECKS

CheckOutcome = Literal["passed", "found", "crashed", "off"]


@dataclass(frozen=True, slots=True)
class CheckExplanation:
    """One check with its outcome, its findings and the ids of the facts that it rests on."""

    code: str
    looks_at: str
    meaning: str
    outcome: CheckOutcome
    is_optional: bool
    findings: tuple[Finding, ...]
    evidence: tuple[str, ...]


def explain_verdict(verdict: Verdict, checks: Sequence[Check] = CHECKS) -> list[CheckExplanation]:
    """The checks in their order. A check that neither found anything nor passed was off."""
    passed = {code: group.evidence for group in verdict.passed for code in group.codes}
    explanations: list[CheckExplanation] = []
    for check in checks:
        own = [finding for finding in verdict.findings if finding.code == check.code]
        crashes = [
            finding
            for finding in verdict.findings
            if finding.code == CHECK_FAILED and finding.data.get("check") == check.code
        ]
        outcome: CheckOutcome = "crashed" if crashes else "found" if own else "passed"
        if outcome == "passed" and check.code not in passed:
            outcome = "off"
        findings = (*own, *crashes)
        evidence = tuple(sorted({id for finding in findings for id in finding.evidence}))
        evidence = evidence or passed.get(check.code, ())
        explanations.append(
            CheckExplanation(check.code, check.looks_at, check.meaning, outcome, check.is_optional, findings, evidence)
        )
    return explanations
