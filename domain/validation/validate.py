"""Validates a basket: runs every check in one pass and collects the findings and their evidence."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from itertools import chain
from typing import NamedTuple, get_args

from domain.basket.basket import Basket
from domain.catalogue.catalogue import Catalogue
from domain.catalogue.policies import Level, PolicyTerms
from domain.shared.findings import Finding, Passed, Verdict
from domain.validation.check import CHECK_FAILED, Check
from domain.validation.checks import CHECKS
from domain.validation.context import FactsSeen, ValidationContext
from domain.validation.context_items import EvidenceKind, Scope
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
    failed: list[Check] = []
    plan = _Plan.of(context, checks)
    for check in plan.to_run:
        # blockedProducts are refusals, so a warning about a product is not among them.
        target = blocked if check.about_products and check.severity == "error" else others
        before = len(target)
        try:
            target.extend(check.find(context))
        except Exception as error:  # noqa: BLE001  (a check may crash in any way; the verdict must say so)
            others.append(check.failed(error, blocks=context.policy.crashed_check_blocks))
            failed.append(check)
        else:
            if len(target) > before:
                failed.append(check)
    clean = _explain(context.facts, plan.without(failed)) if explain else _UNEXPLAINED
    if not blocked and not others:
        return clean
    return clean.with_trusted(blocked_products=tuple(blocked), validation_errors=tuple(others))


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
    for check in _Plan.of(context, checks).to_run:
        try:
            if any(check.severity == "error" for _ in check.find(context)):
                codes.add(check.code)
        except Exception:  # noqa: BLE001  (as in `run_checks`)
            if context.policy.crashed_check_blocks:
                codes.add(CHECK_FAILED)
    return frozenset(codes)


class _Plan(NamedTuple):
    """The checks for some levels and scopes, worked out once: most baskets of a partner need the same.

    `active` are those that are not off, as their level has them, in their order; `to_run` are those of them whose scope
    has items.
    """

    active: tuple[Check, ...]
    to_run: tuple[Check, ...]

    @staticmethod
    def of(context: ValidationContext, checks: Sequence[Check]) -> _Plan:
        policy = context.policy
        return _plan(tuple(checks), tuple(policy.levels.items()), policy.evidence, context.scopes_to_check)

    def without(self, failed: Sequence[Check]) -> tuple[Check, ...]:
        """The checks that passed."""
        return tuple([each for each in self.active if each not in failed]) if failed else self.active


@lru_cache(maxsize=256)
def _plan(
    checks: tuple[Check, ...],
    policy_levels: tuple[tuple[str, Level], ...],
    policy: tuple[str, ...],
    scopes: frozenset[Scope],
) -> _Plan:
    levels = dict(policy_levels)
    active = tuple(
        [
            check.under(level, policy)
            for check in checks
            for level in (levels.get(check.code, check.level),)
            if level != "off"
        ]
    )
    return _Plan(active, tuple([check for check in active if check.scope in scopes]))


_UNEXPLAINED = Verdict.construct_trusted(blocked_products=(), validation_errors=(), evidence=(), passed=())

_MOST_SHARED = 64
"""Lines and facts about products. Baskets with more are hardly ever alike, and would take much memory."""


def _explain(facts: FactsSeen, passed: tuple[Check, ...]) -> Verdict:
    """The verdict without findings that rests on these facts. Baskets that see the same facts share it."""
    is_small = len(facts.quotes) + len(facts.availability_ids) <= _MOST_SHARED
    return _explain_shared(facts, passed) if is_small else _explain_anew(facts, passed)


def _explain_anew(facts: FactsSeen, passed: tuple[Check, ...]) -> Verdict:
    evidence = _Evidence(facts)
    return Verdict.construct_trusted(
        blocked_products=(),
        validation_errors=(),
        evidence=evidence.of(EVIDENCE_KINDS),
        passed=evidence.grouped(passed),
    )


_explain_shared = lru_cache(maxsize=1024)(_explain_anew)


class _Evidence:
    """The ids of facts, collected and sorted once for each kind."""

    def __init__(self, facts: FactsSeen) -> None:
        self._policy = facts.policy_ids
        self._of_kind = {kind: tuple(sorted(ids)) for kind, ids in facts.by_kind.items() if ids}
        self._of_kinds: dict[tuple[EvidenceKind, ...], tuple[str, ...]] = {}

    def of(self, kinds: tuple[EvidenceKind, ...]) -> tuple[str, ...]:
        """The facts of these kinds and the policies, sorted."""
        known = self._of_kinds.get(kinds)
        if known is None:
            runs = [self._of_kind[kind] for kind in kinds if kind in self._of_kind]
            if self._policy:
                runs.append(self._policy)
            # Python merges sorted runs in nearly linear time.
            known = runs[0] if len(runs) == 1 else tuple(dict.fromkeys(sorted(chain.from_iterable(runs))))
            self._of_kinds[kinds] = known
        return known

    def grouped(self, checks: tuple[Check, ...]) -> tuple[Passed, ...]:
        """The checks grouped by their facts, in their order."""
        facts = [self.of(kinds) for kinds in _kinds(checks)]
        first: dict[tuple[str, ...], int] = {}
        same = tuple([first.setdefault(each, number) for number, each in enumerate(facts)])
        return tuple(
            [Passed.construct_trusted(codes=codes, evidence=facts[number]) for number, codes in _codes(checks, same)]
        )


@lru_cache(maxsize=256)
def _kinds(checks: tuple[Check, ...]) -> tuple[tuple[EvidenceKind, ...], ...]:
    """What the checks rest on, each once."""
    return tuple(dict.fromkeys([check.rests_on for check in checks]))


@lru_cache(maxsize=1024)
def _codes(checks: tuple[Check, ...], same: tuple[int, ...]) -> tuple[tuple[int, tuple[str, ...]], ...]:
    """The codes of the checks in their order, grouped by their facts. `same` says for each of `_kinds` which of them
    has these facts first."""
    number_of = dict(zip(_kinds(checks), same, strict=True))
    groups: dict[int, list[str]] = {}
    for check in checks:
        groups.setdefault(number_of[check.rests_on], []).append(check.code)
    return tuple([(number, tuple(codes)) for number, codes in groups.items()])
