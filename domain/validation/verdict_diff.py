"""Two verdicts side by side."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from domain.shared.findings import Finding, Verdict


@dataclass(frozen=True, slots=True)
class VerdictDiff:
    """`gone` was said before and is not said now, `new` the other way round; in the order of the findings.
    A finding that says something else counts as both."""

    gone: tuple[Finding, ...] = ()
    new: tuple[Finding, ...] = ()
    evidence_gone: tuple[str, ...] = ()
    evidence_new: tuple[str, ...] = ()

    @property
    def in_findings(self) -> bool:
        return bool(self.gone or self.new)


def diff_verdicts(before: Verdict, after: Verdict) -> VerdictDiff:
    """What differs between two verdicts."""
    was, is_now = _findings(before), _findings(after)
    return VerdictDiff(
        gone=_without(was, is_now),
        new=_without(is_now, was),
        evidence_gone=tuple(sorted({*before.evidence} - {*after.evidence})),
        evidence_new=tuple(sorted({*after.evidence} - {*before.evidence})),
    )


def are_equivalent(before: Verdict, after: Verdict) -> bool:
    """Whether both come to the same: ready or not, and the same codes about the same lines and products.
    Words, and the figures in them, may differ."""
    return before.ready == after.ready and _gist(before) == _gist(after)


def _gist(verdict: Verdict) -> Counter[tuple[object, ...]]:
    return Counter(
        (finding.code, finding.severity, finding.order_item_id, finding.offer_id, finding.product_code)
        for finding in _findings(verdict)
    )


def _findings(verdict: Verdict) -> tuple[Finding, ...]:
    return (*verdict.blocked_products, *verdict.validation_errors)


def _without(findings: tuple[Finding, ...], others: tuple[Finding, ...]) -> tuple[Finding, ...]:
    """Those that are not among the others, each as often as it is missing there."""
    left = Counter(finding.model_dump_json() for finding in others)
    missing: list[Finding] = []
    for finding in findings:
        content = finding.model_dump_json()
        if left[content] > 0:
            left[content] -= 1
        else:
            missing.append(finding)
    return tuple(missing)
