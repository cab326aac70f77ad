"""The changes that a remedy proposes, the actions that make them, and the basket that those lead to."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from operator import itemgetter

from domain.basket.basket import Basket
from domain.basket.commands import Action, ChangeQuantity, ExpectPrice, RemoveItem, SwapItem
from domain.basket.decision import DecisionContext
from domain.basket.events import OrderItem
from domain.basket.update import apply_actions
from domain.shared.errors import InvalidCommand
from domain.shared.findings import (
    Finding,
    LinePriceAcceptance,
    LineQuantityChange,
    LineRemoval,
    LineSwap,
    RemedyAction,
)
from domain.shared.money import ExpectedPrice, Price
from domain.shared.values import OfferRef


@dataclass(slots=True)
class LineChange:
    """What shall become of one line. None leaves a part of it as it is."""

    removed: bool = False
    offer: OfferRef | None = None
    quantity: int | None = None
    price: Price | None = None


BASKET_ONLY = frozenset({"basket_empty", "basket_expired", "basket_completed", "basket_cancelled"})
"""Errors about the basket that no change of its lines mends."""


def is_mendable(finding: Finding) -> bool:
    """Whether it is an error that the caller can mend by changing lines."""
    return finding.severity == "error" and finding.resolution == "change_basket" and finding.code not in BASKET_ONLY


@dataclass(slots=True)
class Proposal:
    """Changes of the basket that was validated, by line.

    Only lines that an error was about at the beginning are changed: `erring`, None for all lines. Where mending them
    brings an error that concerns other lines too, they make way. `not_ours` are the errors at the beginning that the
    caller cannot mend, by line and code. `tried` holds what was tried for a line already, `revision` counts the
    changes.
    """

    context: DecisionContext
    erring: set[str] | None = None
    not_ours: set[tuple[str, str]] = field(default_factory=set)
    changes: dict[str, LineChange] = field(default_factory=dict)
    tried: set[tuple[str, str]] = field(default_factory=set)
    quantity_rounds: int = 0
    revision: int = 0

    @classmethod
    def about(cls, context: DecisionContext, findings: Iterable[Finding]) -> Proposal:
        """A proposal without changes for a basket with these findings."""
        errors = [each for each in findings if each.severity == "error"]
        concerns_all = any(is_mendable(each) and not each.line_ids for each in errors)
        erring = None if concerns_all else {id for each in errors for id in each.line_ids}
        not_ours = {(id, each.code) for each in errors if not is_mendable(each) for id in each.line_ids}
        return cls(context, erring, not_ours)

    def may_change(self, line_id: str) -> bool:
        return self.erring is None or line_id in self.erring

    def lines_to_mend(self, finding: Finding) -> Sequence[str]:
        """The lines that an error is about and that may change. Of one that the caller cannot mend, those that got it
        by a swap or by the price that they accepted."""
        if is_mendable(finding):
            return [id for id in finding.line_ids if self.may_change(id)]
        if finding.severity == "warning":
            return ()
        return [
            id
            for id in finding.line_ids
            if (id, finding.code) not in self.not_ours and self.tried & {(id, "swap"), (id, "price")}
        ]

    def must_mend(self, finding: Finding) -> bool:
        """Whether it is an error for which some line may change."""
        return bool(self.lines_to_mend(finding)) or (is_mendable(finding) and not finding.line_ids)

    @property
    def basket(self) -> Basket:
        """The basket that was validated."""
        return self.context.basket

    def try_once(self, line_id: str, what: str) -> bool:
        """Whether this was not tried for the line before."""
        if (line_id, what) in self.tried:
            return False
        self.tried.add((line_id, what))
        return True

    def remove(self, line_id: str) -> None:
        self.revision += 1
        self.changes[line_id] = LineChange(removed=True)

    def swap(self, line_id: str, offer_id: str, version: str) -> None:
        """The line gets the current price of that version, and no price is expected of it. It gets the largest quantity
        if it has more, from a time with a larger limit: an update would refuse that."""
        change, most = self._change(line_id), self.context.limits.max_quantity
        if (change.quantity or self.basket.items[line_id].quantity) > most:
            change.quantity = most
        change.offer, change.price = OfferRef.construct_trusted(id=offer_id, version=version), None

    def set_quantity(self, line_id: str, quantity: int) -> None:
        before = self.basket.items[line_id].quantity
        self._change(line_id).quantity = None if quantity == before else quantity

    def accept_price(self, line_id: str, price: Price) -> None:
        self._change(line_id).price = price

    def is_removed(self, line_id: str | None) -> bool:
        change = self.changes.get(line_id) if line_id is not None else None
        return change is not None and change.removed

    def actions(self) -> list[RemedyAction]:
        """One action for each line, none for add-ons that leave with their parent.

        Removals come first, because a swap may need the place of a removed line; then add-ons, because whether they
        stay when their parent is swapped depends on their own version. Otherwise lines keep their order.
        """
        ranked: list[tuple[int, RemedyAction]] = []
        for line in self.basket.items.values():
            change = self.changes.get(line.id)
            if change is None or self._leaves_with_parent(line, change):
                continue
            action = _to_action(line, change)
            if action is not None:
                ranked.append((0 if change.removed else 1 if line.parent_id is not None else 2, action))
        return [action for _, action in sorted(ranked, key=itemgetter(0))]

    def outcome(self) -> Basket:
        """The basket that the actions lead to. A line whose action an update refuses is removed instead."""
        while True:
            actions = self.actions()
            try:
                return apply(self.context, actions)
            except InvalidCommand as refused:
                indexes = {place[1] for place in (each.location for each in refused.violations)}
                for index in indexes:
                    self.remove(self._line_of(actions[int(index)]))

    def _change(self, line_id: str) -> LineChange:
        self.revision += 1
        return self.changes.setdefault(line_id, LineChange())

    def _leaves_with_parent(self, line: OrderItem, change: LineChange) -> bool:
        parent = self.changes.get(line.parent_id) if line.parent_id is not None else None
        if parent is None or parent.removed:
            return parent is not None
        return parent.offer is not None and not self.context.carries(parent.offer, change.offer or line.offer)

    def _line_of(self, action: RemedyAction) -> str:
        if action.id in self.basket.items:
            return action.id
        return next(id for id in self.basket.items if id.lower() == action.id)


def apply(context: DecisionContext, actions: Iterable[RemedyAction]) -> Basket:
    """A copy of the context's basket with these actions applied; raises InvalidCommand."""
    basket = context.basket.fork()
    fork = DecisionContext(basket, context.catalogue, context.new_id, context.now, context.limits)
    apply_actions(fork, to_commands(actions))
    return basket


def to_commands(actions: Iterable[RemedyAction]) -> tuple[Action, ...]:
    """The actions as an update has them."""
    return tuple([_to_command(action) for action in actions])


def _to_command(action: RemedyAction) -> Action:
    match action:
        case LineRemoval():
            return RemoveItem(action.id)
        case LineSwap():
            return SwapItem(action.id, action.offer, action.quantity)
        case LineQuantityChange():
            return ChangeQuantity(action.id, action.quantity, _expect(action.expected_price))
        case LinePriceAcceptance():
            return ExpectPrice(action.id, ExpectedPrice.of(action.expected_price))


def _expect(price: Price | None) -> ExpectedPrice | None:
    return None if price is None else ExpectedPrice.of(price)


def _to_action(line: OrderItem, change: LineChange) -> RemedyAction | None:
    # Ids are answered in lower case, whatever an older release stored.
    id = line.id.lower()
    if change.removed:
        return LineRemoval.construct_trusted(id=id, order_item_action_type="remove")
    if change.offer is not None:
        return LineSwap.construct_trusted(
            id=id, order_item_action_type="swap", offer=change.offer, quantity=change.quantity
        )
    if change.quantity is not None:
        return LineQuantityChange.construct_trusted(
            id=id,
            order_item_action_type="change_quantity",
            quantity=change.quantity,
            expected_price=change.price,
        )
    if change.price is not None:
        return LinePriceAcceptance.construct_trusted(
            id=id, order_item_action_type="expect_price", expected_price=change.price
        )
    return None
