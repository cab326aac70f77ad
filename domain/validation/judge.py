"""Judges a basket: runs every check in one pass and gathers what they found and rest on."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import get_args

from domain.basket.basket import Basket
from domain.catalogue.catalogue import Catalogue
from domain.catalogue.policies import PolicyTerms
from domain.validation.check import Check
from domain.validation.checks import CHECKS
from domain.validation.findings import Finding, Passed, Verdict
from domain.validation.policy import ValidationPolicy
from domain.validation.sight import FactKind, Sight

NO_TERMS = PolicyTerms()


def judge(
    basket: Basket,
    catalogue: Catalogue,
    now: datetime,
    checks: Sequence[Check] = CHECKS,
    *,
    defaults: PolicyTerms = NO_TERMS,
) -> Verdict:
    """All findings about the basket as it is, by what the catalogue says, at `now`.

    By the policies that the catalogue knows for its organisation, and by `defaults` where they say nothing.
    A check that crashes yields the finding `check_failed` and hides no other.
    """
    policy = ValidationPolicy.holding(catalogue.policies(basket.partner), defaults)
    sight = Sight.of(basket, catalogue, now, policy)
    blocked: list[Finding] = []
    others: list[Finding] = []
    passed: list[Check] = []
    for each in checks:
        level = policy.levels.get(each.code, each.severity)
        if level == "off":
            continue
        check = each.under(level, policy.evidence)
        # blockedProducts are refusals: a warning about a product is none.
        target = blocked if check.about_products and check.severity == "error" else others
        found = len(target)
        try:
            target.extend(check.find(sight))
        except Exception as error:  # noqa: BLE001  (a check may crash in any way; the verdict must say so)
            others.append(check.failed(error, blocks=policy.crashed_check_blocks))
        else:
            if len(target) == found:
                passed.append(check)
    evidence = _Evidence(sight)
    return Verdict(
        blocked_products=tuple(blocked),
        validation_errors=tuple(others),
        evidence=evidence.of(get_args(FactKind)),
        passed=evidence.grouped(passed),
    )


class _Evidence:
    """The ids of the facts that were looked at, of each kind gathered once."""

    def __init__(self, sight: Sight) -> None:
        self._policy = sight.policy.evidence
        self._of_kind = {kind: sight.evidence(kind) for kind in get_args(FactKind)}

    def of(self, kinds: Sequence[FactKind]) -> tuple[str, ...]:
        """The facts of these kinds and the policies, sorted."""
        return tuple(sorted(set(self._policy).union(*(self._of_kind[kind] for kind in kinds))))

    def grouped(self, checks: Sequence[Check]) -> tuple[Passed, ...]:
        """The checks by the facts that they rest on, in their order."""
        by_kinds = {kinds: self.of(kinds) for kinds in {check.rests_on for check in checks}}
        codes: dict[tuple[str, ...], list[str]] = {}
        for check in checks:
            codes.setdefault(by_kinds[check.rests_on], []).append(check.code)
        return tuple(Passed(codes=tuple(group), evidence=facts) for facts, group in codes.items())
