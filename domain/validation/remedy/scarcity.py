"""Mends quantities: from the context of a validation to the groups and limits of `quantities`, and back."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from domain.shared.findings import Finding
from domain.shared.money import Price
from domain.validation.context import ValidationContext
from domain.validation.context_items import BasketLine
from domain.validation.remedy.proposal import Proposal
from domain.validation.remedy.quantities import (
    QuantityGroup,
    QuantityLine,
    Resource,
    plan_quantities,
    without_any_total,
)

QUANTITY_CODES = frozenset(
    {
        "quantity_below_minimum",
        "quantity_above_maximum",
        "quantity_not_a_multiple",
        "product_insufficient_stock",
        "total_above_maximum",
    }
)
"""Errors that other quantities mend."""

_MAX_ROUNDS = 3


def mend_quantities(proposal: Proposal, context: ValidationContext, errors: Iterable[Finding]) -> None:
    """Proposes quantities that keep the rules, the stock and the highest total. Lines that the errors are not about
    keep theirs."""
    concerned = _concerned(proposal, context, errors)
    proposal.quantity_rounds += 1
    if proposal.quantity_rounds > _MAX_ROUNDS:
        for line in concerned:
            proposal.remove(line.item.id)
        return
    groups = _groups(proposal, context, concerned)
    moving = {line.id for group in groups for line in group.lines}
    staying = [line for line in context.lines if line.item.id not in moving]
    limits = _limits(proposal, context, groups, staying)
    most = proposal.context.limits.max_quantity
    for id, quantity in plan_quantities(groups, limits, most).items():
        if quantity:
            # A line may have more from a time with a larger limit. An update would refuse that.
            proposal.set_quantity(id, min(quantity, most))
        else:
            proposal.remove(id)


def remove_hopeless(proposal: Proposal, context: ValidationContext, errors: Iterable[Finding]) -> bool:
    """Removes the lines of offers that have no allowed quantity, even if they had all that is there. Returns whether
    there are any."""
    groups = _groups(proposal, context, _concerned(proposal, context, errors))
    hopeless = without_any_total(groups, _limits(proposal, context, groups, ()))
    for line in (line for group in hopeless for line in group.lines):
        proposal.remove(line.id)
    return bool(hopeless)


def _concerned(proposal: Proposal, context: ValidationContext, errors: Iterable[Finding]) -> list[BasketLine]:
    ids: set[str] = set()
    rates: set[tuple[object, object]] = set()
    for error in errors:
        if error.code == "total_above_maximum":
            total = error.data["total"]
            rates.add((total["currency"], total.get("interval")) if isinstance(total, dict) else (None, None))
        ids.update(error.line_ids)
    return [
        line
        for line in context.lines
        if proposal.may_change(line.item.id)
        and (line.item.id in ids or (line.item.price is not None and _rate(line.item.price) in rates))
    ]


def _groups(proposal: Proposal, context: ValidationContext, concerned: Iterable[BasketLine]) -> list[QuantityGroup]:
    """One group for each offer version that is concerned, with all its lines that may change."""
    versions = {_version(line) for line in concerned}
    groups: dict[tuple[str, str], QuantityGroup] = {}
    for line in context.lines:
        version = _version(line)
        if version not in versions:
            continue
        group = groups.get(version)
        if group is None:
            group = groups[version] = QuantityGroup([], {})
            _set_rule(group, context, line)
        if not proposal.may_change(line.item.id):
            group.beside += line.item.quantity
            continue
        group.lines.append(QuantityLine(line.item.id, line.item.quantity))
        for resource, need in _needs(line).items():
            # Lines of one version may have several prices. The highest one is on the safe side.
            group.needs[resource] = max(need, group.needs.get(resource, need))
    for group in groups.values():
        group.limit_lines(proposal.context.limits.max_quantity)
    return [*groups.values()]


def _set_rule(group: QuantityGroup, context: ValidationContext, line: BasketLine) -> None:
    """Sets the parts of the offer's quantity rule that are errors under the policy."""
    rule = line.offer.quantity if line.offer is not None else None
    if rule is None:
        return
    if rule.min is not None and _is_error(context, "quantity_below_minimum"):
        group.least = rule.min
    if rule.max is not None and _is_error(context, "quantity_above_maximum"):
        group.most = rule.max
    if rule.step is not None and _is_error(context, "quantity_not_a_multiple"):
        group.step = rule.step


def _limits(
    proposal: Proposal,
    context: ValidationContext,
    groups: Iterable[QuantityGroup],
    staying: Iterable[BasketLine],
) -> dict[Resource, Decimal]:
    """What is left for the groups of each resource that is limited, beside the lines that stay as they are."""
    needed = {resource for group in groups for resource in group.needs}
    limits: dict[Resource, Decimal] = {}
    if _is_error(context, "product_insufficient_stock"):
        market = context.basket.market
        for kind, code, *_ in needed:
            fact = proposal.context.catalogue.availability(code, market, context.now) if kind == "product" else None
            if fact is not None and fact.status == "available" and fact.quantity is not None and fact.quantity > 0:
                limits[kind, code] = Decimal(fact.quantity)
    if _is_error(context, "total_above_maximum"):
        totals = {most.currency: most.amount for most in context.policy.maximum_total}
        limits |= {each: totals[each[1]] for each in needed if each[0] == "total" and each[1] in totals}
    if limits:
        _take_what_stays(limits, staying)
    # Where others already take too much, changing these lines would not help.
    return {resource: left for resource, left in limits.items() if left >= 0}


def _take_what_stays(limits: dict[Resource, Decimal], staying: Iterable[BasketLine]) -> None:
    counts_totals = any(kind == "total" for kind, *_ in limits)
    for line in staying:
        quantity, price = line.item.quantity, line.item.price
        for product in line.products:
            resource: Resource = ("product", product.product_code)
            if resource in limits:
                limits[resource] -= product.quantity * quantity
        if counts_totals and price is not None and (rate := _total_of(price)) in limits:
            limits[rate] -= price.amount * quantity


def _needs(line: BasketLine) -> dict[Resource, Decimal]:
    """What one unit of a line takes."""
    needs: dict[Resource, Decimal] = {}
    for product in line.products:
        resource = ("product", product.product_code)
        needs[resource] = needs.get(resource, Decimal(0)) + product.quantity
    price = line.item.price
    if price is not None:
        needs[_total_of(price)] = price.amount
    return needs


def _rate(price: Price) -> tuple[str, str | None]:
    """What is added up: amounts of one currency and interval."""
    return price.currency, price.interval


def _total_of(price: Price) -> Resource:
    return "total", price.currency, price.interval or ""


def _is_error(context: ValidationContext, code: str) -> bool:
    return context.policy.levels.get(code, "error") == "error"


def _version(line: BasketLine) -> tuple[str, str]:
    return line.item.offer.id, line.item.offer.version
