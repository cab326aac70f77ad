"""Applies the actions of an update to a basket: all of them, or none. Pure."""

from __future__ import annotations

from dataclasses import replace
from typing import assert_never

from domain.basket.basket import LineKey, line_key
from domain.basket.commands import Action, ActionResult, AddItem, ChangeQuantity, RemoveItem, RequestedItem
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


def apply_actions(context: DecisionContext, actions: tuple[Action, ...]) -> tuple[ActionResult, ...]:
    """Applies the actions in their order; raises InvalidCommand with everything that is wrong."""
    run = _ActionRun(context, actions)
    results: list[ActionResult] = []
    violations: list[Violation] = []
    for index, action in enumerate(actions):
        try:
            results.append(run.apply(index, action))
        except (Rejection, DependentRejection) as rejection:
            run.reject(action)
            if isinstance(rejection, Rejection):
                violations.append(rejection.at("orderItemActions", index))
    if violations:
        raise InvalidCommand(tuple(violations))
    return tuple(results)


class _ActionRun:
    def __init__(self, context: DecisionContext, actions: tuple[Action, ...]) -> None:
        self._context = context
        self._basket = context.basket
        self._type_required = any(line.type == "add_on" for line in self._basket.items.values()) or any(
            isinstance(action, AddItem) and action.item.type == "add_on" for action in actions
        )
        self._id_by_key = {line_key(line): line.id for line in self._basket.items.values()}
        self._ids = ItemIdResolver(self._basket.items)
        # Add-ons that left with their offer. The caller may remove them again.
        self._left_with_parent: set[str] = set()

    def apply(self, index: int, action: Action) -> ActionResult:
        match action:
            case AddItem(item=item):
                return self._add(index, item)
            case RemoveItem(id=id):
                return self._remove(index, self._ids.resolve(id))
            case ChangeQuantity(id=id, quantity=0):
                return replace(self._remove(index, self._ids.resolve(id)), kind="change_quantity")
            case ChangeQuantity(id=id, quantity=quantity):
                return self._change_quantity(index, self._ids.resolve(id), quantity)
            case _:
                assert_never(action)

    def reject(self, action: Action) -> None:
        if isinstance(action, AddItem) and action.item.id not in self._basket.items:
            self._ids.reject(action.item.id)

    def _add(self, index: int, item: RequestedItem) -> ActionResult:
        type = resolve_type(item, self._type_required)
        self._context.check_quantity(item.quantity)
        parent_id = resolve_parent(item, type, self._ids, self._basket.items)
        key = (item.offer.id, item.offer.version, type, parent_id)
        held = self._line_of(key)
        if item.id is not None:
            self._require_free(item.id, held)
        if held is not None:
            return self._raise_quantity(index, held, item)
        if len(self._basket.items) >= self._context.limits.max_items:
            raise self._context.too_many_items()
        line = self._context.new_line(item, type, parent_id)
        self._basket.add_item(line, self._context.now)
        self._id_by_key[key] = line.id
        self._ids.bind(item.id, line.id)
        return ActionResult(index, "add", line.id, 0, line.quantity)

    def _raise_quantity(self, index: int, held: OrderItem, item: RequestedItem) -> ActionResult:
        quantity = held.quantity + item.quantity
        self._context.check_quantity(quantity)
        self._basket.change_quantity(held.id, quantity, self._context.now)
        if item.expected_price is not None:
            self._basket.expect_price(held.id, item.expected_price, self._context.now)
        self._ids.bind(item.id, held.id)
        return ActionResult(index, "add", held.id, held.quantity, quantity)

    def _remove(self, index: int, id: str) -> ActionResult:
        if id in self._left_with_parent and id not in self._basket.items:
            return ActionResult(index, "remove", id, 0, 0)
        before = self._line(id).quantity
        removed = self._basket.remove_item(id, self._context.now)
        self._left_with_parent.update(removed[1:])
        return ActionResult(index, "remove", id, before, 0, tuple(removed))

    def _change_quantity(self, index: int, id: str, quantity: int) -> ActionResult:
        before = self._line(id).quantity
        self._context.check_quantity(quantity)
        self._basket.change_quantity(id, quantity, self._context.now)
        return ActionResult(index, "change_quantity", id, before, quantity)

    def _line_of(self, key: LineKey) -> OrderItem | None:
        # The line with this key may have left, and another line may have its id now.
        line = self._basket.items.get(self._id_by_key.get(key, ""))
        return line if line is not None and line_key(line) == key else None

    def _line(self, id: str) -> OrderItem:
        line = self._basket.items.get(id)
        if line is None:
            raise Rejection("id", "order_item_not_found", "the basket has no item of this id")
        return line

    def _require_free(self, id: str, held: OrderItem | None) -> None:
        """Raises Rejection if the id already means another line."""
        line_id = self._ids.resolve(id)
        if line_id in self._basket.items and (held is None or line_id != held.id):
            raise Rejection("id", "order_item_id_in_use", "the basket already has an item of this id")
