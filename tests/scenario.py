"""Tests of the domain as given / when / then: given a basket, when a command decides on it, then these events.

Scenario(basket(line("line-1"))).when(remove("line-1")).then(("removed", "line-1", "requested"))
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from domain.basket.basket import Basket
from domain.basket.commands import Action, ActionResult, RequestedItem
from domain.basket.decision import BasketLimits, DecisionContext
from domain.basket.events import (
    BasketCancelled,
    BasketCompleted,
    BasketDetailsChanged,
    BasketExpired,
    BasketInitiated,
    BasketPersonalDataForgotten,
    BasketReopened,
    BasketValidated,
    OrderItemAdded,
    OrderItemPriceExpected,
    OrderItemQuantityChanged,
    OrderItemRemoved,
    OrderItemRepriced,
    OrderItemSwapped,
    UnknownEvent,
)
from domain.basket.reconcile import reconcile
from domain.basket.update import apply_actions
from domain.catalogue.catalogue import Catalogue
from domain.shared.errors import InvalidCommand
from domain.shared.eventsourcing import DomainEvent
from tests.builders import decision_context, details

ShortForm = tuple[object, ...]


@dataclass
class Scenario:
    """Given a basket, and what is decided with."""

    basket: Basket
    catalogue: Catalogue | None = None
    limits: BasketLimits | None = None

    def when(self, *actions: Action) -> Decided:
        """An update with these actions."""
        return self._decide(lambda context: apply_actions(context, actions))

    def when_ordered(self, *items: RequestedItem, **values: Any) -> Decided:
        """An initiate with these items and details."""

        def decide(context: DecisionContext) -> tuple[ActionResult, ...]:
            reconcile(context, details(**values), items)
            return ()

        return self._decide(decide)

    def _decide(self, decide: Callable[[DecisionContext], tuple[ActionResult, ...]]) -> Decided:
        before = self.basket.fork()
        context = decision_context(self.basket, self.catalogue, limits=self.limits)
        try:
            results = decide(context)
        except InvalidCommand as error:
            violations = [(*violation.location, violation.code) for violation in error.violations]
            decided = Decided(context.basket, violations=violations)
        else:
            decided = Decided(context.basket, happened(context.basket.collect()), results)
        assert self.basket == before  # the command decides on a fork
        return decided


@dataclass
class Decided:
    """What a command decided, or everything that was wrong with it."""

    basket: Basket
    events: list[ShortForm] = field(default_factory=list)
    results: Sequence[ActionResult] = ()
    violations: Sequence[ShortForm] | None = None

    def then(self, *events: ShortForm) -> None:
        assert self.violations is None
        assert self.events == [*events]

    def then_rejected(self, *violations: ShortForm) -> None:
        """Each violation is its location and its code."""
        assert self.violations is not None
        assert [*self.violations] == [*violations]


def happened(events: Iterable[DomainEvent]) -> list[ShortForm]:
    """Each event as a short tuple."""
    return [_short_form(event) for event in events]


def _short_form(event: DomainEvent) -> ShortForm:  # noqa: PLR0912  a form for each event
    match event:
        case BasketInitiated():
            return ("initiated", event.partner)
        case BasketDetailsChanged():
            return ("details changed", *event.changed)
        case OrderItemAdded(order_item=line):
            return ("added", line.id, str(line.offer), line.quantity)
        case OrderItemRemoved():
            return ("removed", event.order_item_id, event.reason)
        case OrderItemQuantityChanged():
            return ("quantity", event.order_item_id, event.before, event.after)
        case OrderItemPriceExpected():
            return ("price expected", event.order_item_id, str(event.before), str(event.after))
        case OrderItemSwapped(before=before, after=after):
            return ("swapped", after.id, str(before.offer), str(after.offer), after.quantity)
        case OrderItemRepriced():
            return ("repriced", event.order_item_id, str(event.before), str(event.after))
        case BasketValidated():
            return ("validated", event.basket_version, event.ready)
        case BasketExpired():
            return ("expired",)
        case BasketCompleted():
            return ("completed", event.order_id)
        case BasketReopened():
            return ("reopened", event.order_id, event.reason)
        case BasketCancelled():
            return ("cancelled", event.code)
        case BasketPersonalDataForgotten():
            return ("personal data forgotten",)
        case UnknownEvent():
            return ("unknown", event.type)
        case _:
            raise AssertionError(f"{type(event).__name__} has no short form")
