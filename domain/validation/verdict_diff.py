"""The difference between two verdicts."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from domain.shared.findings import Finding, Verdict


@dataclass(frozen=True, slots=True)
class VerdictDiff:
    """Findings and evidence that only the earlier (`gone`) or only the later verdict (`new`) has.

    A finding whose content changed counts as both. Findings keep their order.
    """

    gone: tuple[Finding, ...] = ()
    new: tuple[Finding, ...] = ()
    evidence_gone: tuple[str, ...] = ()
    evidence_new: tuple[str, ...] = ()

    @property
    def in_findings(self) -> bool:
        return bool(self.gone or self.new)


def diff_verdicts(before: Verdict, after: Verdict) -> VerdictDiff:
    return VerdictDiff(
        gone=_without(before.findings, after.findings),
        new=_without(after.findings, before.findings),
        evidence_gone=tuple(sorted({*before.evidence} - {*after.evidence})),
        evidence_new=tuple(sorted({*after.evidence} - {*before.evidence})),
    )


def are_equivalent(before: Verdict, after: Verdict) -> bool:
    """Whether both are ready or not, with the same codes about the same lines and products. Messages and `data` may
    differ."""
    return before.ready == after.ready and _subjects(before) == _subjects(after)


def _subjects(verdict: Verdict) -> Counter[tuple[object, ...]]:
    return Counter(
        (finding.code, finding.severity, finding.order_item_id, finding.offer_id, finding.product_code)
        for finding in verdict.findings
    )


def _without(findings: tuple[Finding, ...], others: tuple[Finding, ...]) -> tuple[Finding, ...]:
    """The multiset difference, by content."""
    left = Counter(finding.model_dump_json() for finding in others)
    missing: list[Finding] = []
    for finding in findings:
        content = finding.model_dump_json()
        if left[content] > 0:
            left[content] -= 1
        else:
            missing.append(finding)
    return tuple(missing)
