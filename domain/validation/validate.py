"""Validates a basket: runs every check in one pass and collects the findings and their evidence."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import chain
from typing import get_args

from domain.basket.basket import Basket
from domain.catalogue.catalogue import Catalogue
from domain.catalogue.policies import PolicyTerms
from domain.shared.findings import Finding, Passed, Severity, Verdict
from domain.validation.check import CHECK_FAILED, Check
from domain.validation.checks import CHECKS
from domain.validation.context import ValidationContext
from domain.validation.context_items import EvidenceKind
from domain.validation.policy import ValidationPolicy

NO_POLICY_TERMS = PolicyTerms()
EVIDENCE_KINDS: tuple[EvidenceKind, ...] = get_args(EvidenceKind)


def validate_basket(
    basket: Basket,
    catalogue: Catalogue,
    now: datetime,
    checks: Sequence[Check] = CHECKS,
    *,
    defaults: PolicyTerms = NO_POLICY_TERMS,
) -> Verdict:
    """The verdict on the basket at `now`. `defaults` apply where no policy of the catalogue sets a term.

    A check that crashes yields the finding `check_failed` and hides no other finding.
    """
    return run_checks(build_context(basket, catalogue, now, defaults), checks)


def build_context(basket: Basket, catalogue: Catalogue, now: datetime, defaults: PolicyTerms) -> ValidationContext:
    """The context with the policy of the basket's organisation."""
    policy = ValidationPolicy.resolve(catalogue.policies(basket.partner), defaults)
    return ValidationContext.of(basket, catalogue, now, policy)


def run_checks(context: ValidationContext, checks: Sequence[Check] = CHECKS, *, explain: bool = True) -> Verdict:
    """The verdict. Unless it shall `explain`, it says neither what passed nor the facts that it rests on: that takes
    longer than the checks of a basket without errors."""
    blocked: list[Finding] = []
    others: list[Finding] = []
    passed: list[Check] = []
    for declared, level, has_items in _active(context, checks):
        if not has_items:
            passed.append(declared)
            continue
        check = declared.under(level, context.policy.evidence)
        # blockedProducts are refusals, so a warning about a product is not among them.
        target = blocked if check.about_products and check.severity == "error" else others
        before = len(target)
        try:
            target.extend(check.find(context))
        except Exception as error:  # noqa: BLE001  (a check may crash in any way; the verdict must say so)
            others.append(check.failed(error, blocks=context.policy.crashed_check_blocks))
        else:
            if len(target) == before:
                passed.append(check)
    evidence = _Evidence(context) if explain else None
    return Verdict.construct_trusted(
        blocked_products=tuple(blocked),
        validation_errors=tuple(others),
        evidence=evidence.of(EVIDENCE_KINDS) if evidence is not None else (),
        passed=evidence.grouped(passed) if evidence is not None else (),
    )


def error_codes(
    basket: Basket,
    catalogue: Catalogue,
    now: datetime,
    checks: Sequence[Check] = CHECKS,
    *,
    defaults: PolicyTerms = NO_POLICY_TERMS,
) -> frozenset[str]:
    """The codes of the errors of `validate_basket`; none if the basket is ready.

    It is faster for many baskets: it stops each check at its first error and collects no evidence.
    """
    context = build_context(basket, catalogue, now, defaults)
    codes: set[str] = set()
    for check, level, has_items in _active(context, checks):
        try:
            if has_items and any(level == "error" for _ in check.find(context)):
                codes.add(check.code)
        except Exception:  # noqa: BLE001  (as in `run_checks`)
            if context.policy.crashed_check_blocks:
                codes.add(CHECK_FAILED)
    return frozenset(codes)


def _active(context: ValidationContext, checks: Sequence[Check]) -> Iterator[tuple[Check, Severity, bool]]:
    """The checks that are not off, with their level, and whether their scope has items to check."""
    levels, scopes = context.policy.levels, context.scopes_to_check
    for check in checks:
        level = levels.get(check.code, check.level)
        if level != "off":
            yield check, level, check.scope in scopes


class _Evidence:
    """The ids of the facts of the context, collected and sorted once for each kind."""

    def __init__(self, context: ValidationContext) -> None:
        self._policy = context.policy.evidence
        self._of_kind = {kind: sorted(context.evidence(kind)) for kind in EVIDENCE_KINDS}
        self._of_kinds: dict[tuple[EvidenceKind, ...], tuple[str, ...]] = {}

    def of(self, kinds: tuple[EvidenceKind, ...]) -> tuple[str, ...]:
        """The facts of these kinds and the policies, sorted."""
        known = self._of_kinds.get(kinds)
        if known is None:
            runs = [run for run in (self._policy, *(self._of_kind[kind] for kind in kinds)) if run]
            # Python merges sorted runs in nearly linear time.
            ids = runs[0] if len(runs) == 1 else dict.fromkeys(sorted(chain.from_iterable(runs)))
            known = self._of_kinds[kinds] = tuple(ids)
        return known

    def grouped(self, checks: Sequence[Check]) -> tuple[Passed, ...]:
        """The checks grouped by their facts, in their order."""
        groups: dict[tuple[str, ...], list[str]] = {}
        of_kinds: dict[tuple[EvidenceKind, ...], list[str]] = {}
        for check in checks:
            group = of_kinds.get(check.rests_on)
            if group is None:
                group = of_kinds[check.rests_on] = groups.setdefault(self.of(check.rests_on), [])
            group.append(check.code)
        return tuple([Passed.construct_trusted(codes=tuple(group), evidence=facts) for facts, group in groups.items()])
