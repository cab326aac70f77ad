"""Judges a basket: runs every check in one pass and gathers what they found and rest on."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from domain.basket.basket import Basket
from domain.catalogue.catalogue import Catalogue
from domain.catalogue.policies import PolicyTerms
from domain.validation.check import Check
from domain.validation.checks import CHECKS
from domain.validation.findings import Finding, Verdict
from domain.validation.policy import ValidationPolicy
from domain.validation.sight import Sight

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
    errors: list[Finding] = []
    for each in checks:
        level = policy.levels.get(each.code, each.severity)
        if level == "off":
            continue
        check = each.at(level)
        # blockedProducts are refusals: a warning about a product is none.
        target = blocked if check.about_products and check.severity == "error" else errors
        try:
            target.extend(check.find(sight))
        except Exception as error:  # noqa: BLE001  (a check may crash in any way; the verdict must say so)
            errors.append(check.failed(error, blocks=policy.crashed_check_blocks))
    return Verdict(
        blocked_products=tuple(blocked), validation_errors=tuple(errors), evidence=sight.evidence()
    )
