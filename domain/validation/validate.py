"""Judges a basket: runs every check in one pass and gathers what they found and rest on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import chain
from typing import get_args

from domain.basket.basket import Basket
from domain.catalogue.catalogue import Catalogue
from domain.catalogue.policies import PolicyTerms
from domain.shared.findings import Finding, Passed, Verdict
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
    """All findings about the basket as it is, by what the catalogue says, at `now`.

    By the policies that the catalogue knows for its organisation, and by `defaults` where they say nothing.
    A check that crashes yields the finding `check_failed` and hides no other.
    """
    return run_checks(build_context(basket, catalogue, now, defaults), checks)


def run_checks(sight: ValidationContext, checks: Sequence[Check] = CHECKS) -> Verdict:
    """What `judge` says of what is seen."""
    found = _Found.by(sight, checks)
    evidence = _Evidence(sight)
    return Verdict.construct_trusted(
        blocked_products=tuple(found.blocked),
        validation_errors=tuple(found.others),
        evidence=evidence.of(EVIDENCE_KINDS),
        passed=evidence.grouped(found.passed),
    )


def error_codes(
    basket: Basket,
    catalogue: Catalogue,
    now: datetime,
    checks: Sequence[Check] = CHECKS,
    *,
    defaults: PolicyTerms = NO_POLICY_TERMS,
) -> frozenset[str]:
    """The codes of the errors that `judge` finds, none where the basket is ready. For many baskets at once: a check
    that has found an error is asked for no more (it might crash yet), and nothing says what passed, nor by which
    facts."""
    sight = build_context(basket, catalogue, now, defaults)
    policy, in_question = sight.policy, sight.in_question
    codes: set[str] = set()
    for check in checks:
        level = policy.levels.get(check.code, check.severity)
        if level == "off" or check.goes_through not in in_question:
            continue
        try:
            for _ in check.find(sight):
                if level == "error":
                    codes.add(check.code)
                    break
        except Exception:  # noqa: BLE001  (as in `judge`)
            if policy.crashed_check_blocks:
                codes.add(CHECK_FAILED)
    return frozenset(codes)


def build_context(
    basket: Basket, catalogue: Catalogue, now: datetime, defaults: PolicyTerms
) -> ValidationContext:
    """What checks see of the basket, by the policy that holds for its organisation."""
    policy = ValidationPolicy.holding(catalogue.policies(basket.partner), defaults)
    return ValidationContext.of(basket, catalogue, now, policy)


@dataclass(slots=True)
class _Found:
    """What the checks found, and which of them found nothing."""

    blocked: list[Finding] = field(default_factory=list)
    others: list[Finding] = field(default_factory=list)
    passed: list[Check] = field(default_factory=list)

    @classmethod
    def by(cls, sight: ValidationContext, checks: Sequence[Check]) -> _Found:
        found = cls()
        policy, in_question = sight.policy, sight.in_question
        for each in checks:
            level = policy.levels.get(each.code, each.severity)
            if level == "off":
                continue
            check = each.under(level, policy.evidence)
            if check.goes_through in in_question:
                found.run(check, sight)
            else:
                found.passed.append(check)
        return found

    def run(self, check: Check, sight: ValidationContext) -> None:
        # blockedProducts are refusals: a warning about a product is none.
        target = self.blocked if check.about_products and check.severity == "error" else self.others
        before = len(target)
        try:
            target.extend(check.find(sight))
        except Exception as error:  # noqa: BLE001  (a check may crash in any way; the verdict must say so)
            self.others.append(check.failed(error, blocks=sight.policy.crashed_check_blocks))
        else:
            if len(target) == before:
                self.passed.append(check)


class _Evidence:
    """The ids of the facts that were looked at, of each kind gathered and sorted once."""

    def __init__(self, sight: ValidationContext) -> None:
        self._policy = sight.policy.evidence
        self._of_kind = {kind: sorted(sight.evidence(kind)) for kind in EVIDENCE_KINDS}
        self._of_kinds: dict[tuple[EvidenceKind, ...], tuple[str, ...]] = {}

    def of(self, kinds: tuple[EvidenceKind, ...]) -> tuple[str, ...]:
        """The facts of these kinds and the policies, sorted."""
        known = self._of_kinds.get(kinds)
        if known is None:
            runs = [run for run in (self._policy, *(self._of_kind[kind] for kind in kinds)) if run]
            # What is sorted already is sorted together in little more than one look.
            ids = runs[0] if len(runs) == 1 else dict.fromkeys(sorted(chain.from_iterable(runs)))
            known = self._of_kinds[kinds] = tuple(ids)
        return known

    def grouped(self, checks: Sequence[Check]) -> tuple[Passed, ...]:
        """The checks by the facts that they rest on, in their order."""
        groups: dict[tuple[str, ...], list[str]] = {}
        of_kinds: dict[tuple[EvidenceKind, ...], list[str]] = {}
        for check in checks:
            group = of_kinds.get(check.rests_on)
            if group is None:
                group = of_kinds[check.rests_on] = groups.setdefault(self.of(check.rests_on), [])
            group.append(check.code)
        return tuple(
            [Passed.construct_trusted(codes=tuple(group), evidence=facts) for facts, group in groups.items()]
        )
