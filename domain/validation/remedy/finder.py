"""Finds the remedy of a basket, in passes.

Each pass mends all errors of the first kind that there is, and then the basket is validated anew. What was tried for a
line in vain is not tried again: the line is removed.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NoReturn

from msgspec import Struct

from domain.basket.basket import Basket
from domain.basket.decision import BasketLimits, DecisionContext
from domain.catalogue.catalogue import Catalogue
from domain.shared.errors import InvalidCommand
from domain.shared.findings import Finding, LeadsTo, Remedy, RemedyAction
from domain.shared.money import OrderTotal
from domain.validation.check import Check
from domain.validation.checks import CHECKS
from domain.validation.context import ValidationContext
from domain.validation.remedy.proposal import Proposal, apply, is_mendable
from domain.validation.remedy.rules import mend
from domain.validation.validate import run_checks

MAX_PASSES = 12
"""Several more than any basket is known to need."""

MAX_ACTIONS_TO_SPARE = 12
"""Of so few actions each one is left out for a try: what a later pass does may make one of an earlier pass needless."""

MAX_SPARING = 1_000
"""The most lines that are validated to spare actions, so that the largest baskets do not cost a multiple."""


class FoundRemedy(Struct, frozen=True):
    """A remedy, or None, and what it rests on beside the inputs of the verdict: the products of all versions that were
    tried, and the period around the validation in which the remedy stays the same."""

    remedy: Remedy | None
    product_codes: tuple[str, ...]
    since: datetime
    until: datetime


def find_remedy(
    context: ValidationContext,
    catalogue: Catalogue,
    findings: Sequence[Finding],
    limits: BasketLimits,
    checks: Sequence[Check] = CHECKS,
) -> FoundRemedy:
    """The remedy for the findings of a validation, None if the caller can mend no error. The same facts give the same
    remedy; it has at most `limits.max_actions` actions."""
    if not any(map(is_mendable, findings)):
        return FoundRemedy(None, context.product_codes, *context.validity)
    search = _RemedySearch(context, catalogue, limits, checks)
    return FoundRemedy(search.find(findings), tuple(search.product_codes), search.since, search.until)


class _RemedySearch:
    def __init__(
        self,
        context: ValidationContext,
        catalogue: Catalogue,
        limits: BasketLimits,
        checks: Sequence[Check],
    ) -> None:
        self._context = context
        self._decision = DecisionContext(context.basket, catalogue, _no_new_line, context.now, limits)
        self._checks = checks
        self.product_codes = dict.fromkeys(context.product_codes)
        self.since, self.until = context.validity

    def find(self, findings: Sequence[Finding]) -> Remedy | None:
        context, basket = self._context, self._context.basket
        if basket.status_at(context.now) != "open":
            return None
        proposal = Proposal.about(self._decision, findings)
        passes = 0
        for _ in range(MAX_PASSES):
            errors, revision = [each for each in findings if proposal.must_mend(each)], proposal.revision
            if errors:
                mend(proposal, context, errors)
            if proposal.revision == revision:
                break
            passes += 1
            basket = proposal.outcome()
            context, findings = self._validate(basket)
        actions = proposal.actions()
        if len(actions) > self._decision.limits.max_actions:
            actions = actions[: self._decision.limits.max_actions]
            basket, findings = self._validate_outcome(actions)
        elif passes > 1 and len(actions) <= MAX_ACTIONS_TO_SPARE and len(actions) * len(context.lines) <= MAX_SPARING:
            actions, basket, findings = self._spare(actions, basket, findings)
        return _remedy(actions, basket, findings) if actions else None

    def _spare(
        self, actions: list[RemedyAction], basket: Basket, findings: Sequence[Finding]
    ) -> tuple[list[RemedyAction], Basket, Sequence[Finding]]:
        """The actions without those that bring no error back when they are left out."""
        index = 0
        while len(actions) > 1 and index < len(actions):
            fewer = [*actions[:index], *actions[index + 1 :]]
            index += 1
            try:
                without, left = self._validate_outcome(fewer)
            except InvalidCommand:
                continue
            if _errors(left) <= _errors(findings):
                actions, basket, findings, index = fewer, without, left, 0
        return actions, basket, findings

    def _validate_outcome(self, actions: Sequence[RemedyAction]) -> tuple[Basket, Sequence[Finding]]:
        basket = apply(self._decision, actions)
        return basket, self._validate(basket)[1]

    def _validate(self, basket: Basket) -> tuple[ValidationContext, Sequence[Finding]]:
        given = self._context
        context = ValidationContext.of(basket, self._decision.catalogue, given.now, given.policy, given.lines)
        since, until = context.validity
        self.since, self.until = max(self.since, since), min(self.until, until)
        self.product_codes |= dict.fromkeys(context.product_codes)
        return context, run_checks(context, self._checks, explain=False).findings


def _remedy(actions: Sequence[RemedyAction], basket: Basket, findings: Sequence[Finding]) -> Remedy:
    total = basket.total
    leads_to = LeadsTo.construct_trusted(
        ready=not any(finding.severity == "error" for finding in findings),
        total=None if total is None else OrderTotal.of(total),
        remaining=tuple(sorted({finding.code for finding in findings})),
    )
    return Remedy.construct_trusted(order_item_actions=tuple(actions), leads_to=leads_to)


def _errors(findings: Sequence[Finding]) -> set[tuple[str, str | None]]:
    """The codes of the errors, each with every line that it is about."""
    return {
        (finding.code, id) for finding in findings if finding.severity == "error" for id in finding.line_ids or (None,)
    }


def _no_new_line() -> NoReturn:
    raise AssertionError("a remedy adds no line")
