"""What each check has to say of a basket, also where it has nothing against it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from domain.validation.check import Check
from domain.validation.checks import CHECKS
from domain.validation.findings import Finding, Verdict

Outcome = Literal["passed", "found", "crashed"]


@dataclass(frozen=True, slots=True)
class Explanation:
    """One check: what it looks at, what it came to, and what it found."""

    code: str
    looks_at: str
    meaning: str
    outcome: Outcome
    findings: tuple[Finding, ...]


def explain(verdict: Verdict, checks: Sequence[Check] = CHECKS) -> list[Explanation]:
    """Each check in the order of the table, with its part of the verdict."""
    findings = (*verdict.blocked_products, *verdict.validation_errors)
    return [_explained(check, findings) for check in checks]


def _explained(check: Check, findings: Sequence[Finding]) -> Explanation:
    own = tuple(finding for finding in findings if finding.code == check.code)
    crashes = tuple(
        finding
        for finding in findings
        if finding.code == "check_failed" and finding.data.get("check") == check.code
    )
    outcome: Outcome = "crashed" if crashes else "found" if own else "passed"
    return Explanation(check.code, check.looks_at, check.meaning, outcome, (*own, *crashes))
