"""Carries out the actions of an update on a basket: pure, and all of them or none."""

from __future__ import annotations

from dataclasses import replace
from typing import assert_never

from domain.basket.basket import LineKey, line_key
from domain.basket.commands import (
    Action,
    ActionResult,
    AddItem,
    ChangeQuantity,
    RemoveItem,
    RequestedItem,
)
from domain.basket.decision import (
    DecisionContext,
    DependentRejection,
    ItemIdResolver,
    Rejection,
    resolve_parent,
    resolve_type,
)
from domain.basket.events import OrderItem
from domain.shared.errors import InvalidCommand, Violation


def apply_actions(deciding: DecisionContext, actions: tuple[Action, ...]) -> tuple[ActionResult, ...]:
    """Carries out the actions in their order; raises InvalidCommand with all that is wrong."""
    acting = _ActionRun(deciding, actions)
    results: list[ActionResult] = []
    violations: list[Violation] = []
    for index, action in enumerate(actions):
        try:
            results.append(acting.act(index, action))
        except Rejection as refusal:
            acting.refused(action)
            violations.append(refusal.at("orderItemActions", index))
        except DependentRejection:
            acting.refused(action)
    if violations:
        raise InvalidCommand(tuple(violations))
    return tuple(results)


class _ActionRun:
    def __init__(self, deciding: DecisionContext, actions: tuple[Action, ...]) -> None:
        self._deciding = deciding
        self._basket = deciding.basket
        self._types_said = any(line.type == "add_on" for line in self._basket.items.values()) or any(
            isinstance(action, AddItem) and action.item.type == "add_on" for action in actions
        )
        self._held = {line_key(line): line.id for line in self._basket.items.values()}
        self._names = ItemIdResolver(self._basket.items)
        # Add-ons that left with their offer: removing them once more is no mistake of the caller.
        self._left_along: set[str] = set()

    def act(self, index: int, action: Action) -> ActionResult:
        match action:
            case AddItem(item=item):
                return self._add(index, item)
            case RemoveItem(id=id):
                return self._remove(index, self._names.line(id))
            case ChangeQuantity(id=id, quantity=0):
                return replace(self._remove(index, self._names.line(id)), kind="change_quantity")
            case ChangeQuantity(id=id, quantity=quantity):
                return self._change_quantity(index, self._names.line(id), quantity)
            case _:
                assert_never(action)

    def refused(self, action: Action) -> None:
        if isinstance(action, AddItem) and action.item.id not in self._basket.items:
            self._names.refused(action.item.id)

    def _add(self, index: int, item: RequestedItem) -> ActionResult:
        type = resolve_type(item, self._types_said)
        self._deciding.check_quantity(item.quantity)
        parent_id = resolve_parent(item, type, self._names, self._basket.items)
        key = (item.offer.id, item.offer.version, type, parent_id)
        held = self._line_of(key)
        if item.id is not None:
            self._require_free(item.id, held)
        if held is not None:
            return self._raise(index, held, item)
        if len(self._basket.items) >= self._deciding.limits.max_items:
            raise self._deciding.too_many()
        line = self._deciding.new_line(item, type, parent_id)
        self._basket.add_item(line, self._deciding.now)
        self._held[key] = line.id
        self._names.stands_for(item.id, line.id)
        return ActionResult(index, "add", line.id, 0, line.quantity)

    def _raise(self, index: int, held: OrderItem, item: RequestedItem) -> ActionResult:
        quantity = held.quantity + item.quantity
        self._deciding.check_quantity(quantity)
        self._basket.change_quantity(held.id, quantity, self._deciding.now)
        if item.expected_price is not None:
            self._basket.expect_price(held.id, item.expected_price, self._deciding.now)
        self._names.stands_for(item.id, held.id)
        return ActionResult(index, "add", held.id, held.quantity, quantity)

    def _remove(self, index: int, id: str) -> ActionResult:
        if id in self._left_along and id not in self._basket.items:
            return ActionResult(index, "remove", id, 0, 0)
        before = self._line(id).quantity
        removed = self._basket.remove_item(id, self._deciding.now)
        self._left_along.update(removed[1:])
        return ActionResult(index, "remove", id, before, 0, tuple(removed))

    def _change_quantity(self, index: int, id: str, quantity: int) -> ActionResult:
        before = self._line(id).quantity
        self._deciding.check_quantity(quantity)
        self._basket.change_quantity(id, quantity, self._deciding.now)
        return ActionResult(index, "change_quantity", id, before, quantity)

    def _line_of(self, key: LineKey) -> OrderItem | None:
        # The line that is known by the key may have left, and its id may be another line's since.
        line = self._basket.items.get(self._held.get(key, ""))
        return line if line is not None and line_key(line) == key else None

    def _line(self, id: str) -> OrderItem:
        line = self._basket.items.get(id)
        if line is None:
            raise Rejection("id", "order_item_not_found", "the basket has no item of this id")
        return line

    def _require_free(self, id: str, held: OrderItem | None) -> None:
        """An id that means one line of the basket can't be brought for another."""
        meant = self._names.line(id)
        if meant in self._basket.items and (held is None or meant != held.id):
            raise Rejection("id", "order_item_id_in_use", "the basket already has an item of this id")
