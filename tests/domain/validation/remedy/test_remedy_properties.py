"""Properties of remedies of any baskets, catalogues and policies."""

from __future__ import annotations

from collections.abc import Iterator

from hypothesis import given, settings

from domain.basket.basket import Basket
from domain.basket.decision import BasketLimits
from domain.shared.errors import InvalidCommand
from domain.shared.findings import (
    LinePriceAcceptance,
    LineQuantityChange,
    LineRemoval,
    LineSwap,
    RemedyAction,
)
from domain.shared.values import OfferRef
from domain.validation.remedy.proposal import apply
from tests.builders import NOW, catalogue, decision_context
from tests.domain.validation.remedy.random_cases import ErrorSubject, RandomCase, cases, errors_of, is_callers
from tests.domain.validation.remedy.remedies import remedy_by, sent

MANY = settings(max_examples=150)


@given(cases())
@MANY
def test_a_remedy_leads_to_what_it_says_and_is_the_same_every_time(case: RandomCase) -> None:
    made = case.basket
    first = remedy_by(made, case.catalogue)  # checks that the remedy leads to what it says
    assert remedy_by(made, catalogue(*reversed(case.facts))) == first


@given(cases())
@MANY
def test_a_basket_whose_errors_are_all_the_callers_to_mend_becomes_ready_or_empty(case: RandomCase) -> None:
    made = case.basket
    verdict, remedy = remedy_by(made, case.catalogue)
    if verdict.ready or not all(is_callers(each) for each in verdict.findings if each.severity == "error"):
        return
    assert remedy is not None
    after = sent(made, case.catalogue, remedy)
    if not remedy.leads_to.ready and after.items:
        # A line that was all right may lose the quantity of another line of its offer version, which had to go.
        errors = {finding.code for finding in verdict.findings if finding.severity == "error"}
        assert {*remedy.leads_to.remaining} & {"quantity_below_minimum", "quantity_not_a_multiple"}
        assert errors.isdisjoint({"too_many_lines", "total_above_maximum", "mixed_currencies"})
        _, second = remedy_by(after, case.catalogue)
        assert second is not None
        assert second.leads_to.ready or not sent(after, case.catalogue, second).items


@given(cases())
@MANY
def test_many_lines_become_ready_or_empty_by_a_few_small_remedies(case: RandomCase) -> None:
    made, limits = case.basket, BasketLimits(max_actions=2)
    for _ in range(12):
        verdict, remedy = remedy_by(made, case.catalogue, limits=limits)
        if remedy is None:
            assert verdict.ready or not made.items or not any(map(is_callers, verdict.findings))
            return
        made = sent(made, case.catalogue, remedy, limits=limits)
    raise AssertionError("the remedies do not end")


@given(cases())
@MANY
def test_a_remedy_changes_no_line_without_an_error_but_add_ons_that_leave_with_their_offer(case: RandomCase) -> None:
    made = case.basket
    verdict, remedy = remedy_by(made, case.catalogue)
    if remedy is None:
        return
    errors = [finding for finding in verdict.findings if finding.severity == "error"]
    concerned = {id for finding in errors for id in finding.line_ids}
    if any(finding.code in ("too_many_lines", "total_above_maximum", "mixed_currencies") for finding in errors):
        concerned |= made.items.keys()
    named = {action.id for action in remedy.order_item_actions}
    assert named <= concerned
    after = sent(made, case.catalogue, remedy)
    for item in made.items.values():
        if item.id not in named and after.items.get(item.id) != item:
            assert item.id not in after.items
            assert item.parent_id in named


@given(cases())
@MANY
def test_no_action_is_superfluous(case: RandomCase) -> None:
    made = case.basket
    _, remedy = remedy_by(made, case.catalogue)
    if remedy is None:
        return
    actions = remedy.order_item_actions
    left = errors_of(sent(made, case.catalogue, remedy), case.catalogue)
    for action in actions if len(actions) > 1 else ():
        fewer = [each for each in actions if each is not action]
        assert not _leads_to_errors_of(made, case, fewer, left), action


@given(cases())
@MANY
def test_no_line_is_removed_where_a_smaller_change_helps(case: RandomCase) -> None:
    made = case.basket
    _, remedy = remedy_by(made, case.catalogue)
    if remedy is None:
        return
    actions = remedy.order_item_actions
    left = errors_of(sent(made, case.catalogue, remedy), case.catalogue)
    for index, action in enumerate(actions):
        if isinstance(action, LineRemoval):
            for smaller in _smaller_changes(made, case, action.id):
                others = [*actions[:index], *actions[index + 1 :], smaller]
                assert not _leads_to_errors_of(made, case, others, left), smaller


def _leads_to_errors_of(made: Basket, case: RandomCase, actions: list[RemedyAction], errors: set[ErrorSubject]) -> bool:
    """Whether the actions lead to these errors or fewer."""
    try:
        after = apply(decision_context(made, case.catalogue), actions)
    except InvalidCommand:
        return False
    return errors_of(after, case.catalogue) <= errors


def _smaller_changes(made: Basket, case: RandomCase, id: str) -> Iterator[RemedyAction]:
    item = made.items[id]
    for quantity in range(1, 13):
        yield LineQuantityChange(id=id, quantity=quantity)
    successor = case.catalogue.successor(item.offer)
    if successor is not None:
        for quantity in range(1, 13):
            yield LineSwap(id=id, offer=OfferRef(id=successor.id, version=successor.version), quantity=quantity)
    current = case.catalogue.price(item.offer, made.market, NOW).current
    if current is not None:
        yield LinePriceAcceptance(id=id, expected_price=current.money)
