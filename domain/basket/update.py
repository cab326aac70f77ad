"""Applies the actions of an update to a basket: all of them, or none. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from operator import attrgetter
from typing import NamedTuple, assert_never

from pydantic_core import to_json

from domain.basket.basket import LineKey, line_key
from domain.basket.commands import (
    Action,
    ActionResult,
    ActionStatus,
    AddItem,
    ChangeQuantity,
    ClearItems,
    ExpectPrice,
    RemoveItem,
    RequestedItem,
    SwapItem,
    UpdateDetails,
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
from domain.shared.money import ExpectedPrice

MAX_DETAILS_BYTES = 4 * 1024 * 1024
"""Once the details events of one update hold more, it may not set details again."""

_TYPE = attrgetter("type")
_ALREADY_IN_BASKET = "another line holds this offer version: change the quantity of that line and remove this one"


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


class _Effect(NamedTuple):
    """What an action did to a line: its quantity before and after, and the lines that left."""

    order_item_id: str | None
    before: int | None
    after: int | None
    removed: tuple[str, ...] = ()


_NO_LINE = _Effect(None, None, None)


class _ActionRun:
    def __init__(self, context: DecisionContext, actions: tuple[Action, ...]) -> None:
        self._context = context
        self._basket = context.basket
        self._actions = actions
        self._ids = ItemIdResolver(self._basket.items)
        # Add-ons that left with their offer. The caller may remove them again.
        self._left_with_parent: set[str] = set()
        # None: not known, because lines left.
        self._type_required: bool | None = None
        self._details_bytes = 0

    @cached_property
    def _adds_add_ons(self) -> bool:
        return any(isinstance(action, AddItem) and action.item.type == "add_on" for action in self._actions)

    @cached_property
    def _id_by_key(self) -> dict[LineKey, str]:
        # Only actions that bring an offer need it.
        items = self._basket.items
        return dict(zip(map(line_key, items.values()), items, strict=True))

    def apply(self, index: int, action: Action) -> ActionResult:
        version = self._basket.version
        effect = self._apply(action)
        if effect.removed:
            self._type_required = None
        status: ActionStatus = "unchanged" if self._basket.version == version else "applied"
        return ActionResult(index, action.kind, status, *effect)

    def _apply(self, action: Action) -> _Effect:
        match action:
            case AddItem(item=item):
                return self._add(item)
            case RemoveItem(id=id) | ChangeQuantity(id=id, quantity=0):
                return self._remove(self._ids.resolve(id))
            case ChangeQuantity(id=id):
                return self._change_quantity(self._ids.resolve(id), action)
            case SwapItem(id=id):
                return self._swap(self._ids.resolve(id), action)
            case ClearItems():
                return self._clear()
            case UpdateDetails(changes=changes):
                return self._update_details(changes)
            case ExpectPrice(id=id, price=price):
                return self._expect_price(self._ids.resolve(id), price)
            case _:
                assert_never(action)

    def reject(self, action: Action) -> None:
        if isinstance(action, AddItem) and action.item.id not in self._basket.items:
            self._ids.reject(action.item.id)

    def _add(self, item: RequestedItem) -> _Effect:
        type = resolve_type(item, item.type is None and self._is_type_required())
        self._context.check_quantity(item.quantity)
        parent_id = resolve_parent(item, type, self._ids, self._basket.items)
        key = (item.offer.id, item.offer.version, type, parent_id)
        held = self._line_of(key)
        if item.id is not None:
            self._require_free(item.id, held)
        if held is not None:
            return self._raise_quantity(held, item)
        if len(self._basket.items) >= self._context.limits.max_items:
            raise self._context.too_many_items()
        line = self._context.new_line(item, type, parent_id)
        self._basket.add_item(line, self._context.now)
        self._id_by_key[key] = line.id
        self._ids.bind(item.id, line.id)
        return _Effect(line.id, 0, line.quantity)

    def _raise_quantity(self, held: OrderItem, item: RequestedItem) -> _Effect:
        quantity = held.quantity + item.quantity
        self._context.check_quantity(quantity)
        self._basket.change_quantity(held.id, quantity, self._context.now)
        self._accept_price(held, item.expected_price)
        self._ids.bind(item.id, held.id)
        return _Effect(held.id, held.quantity, quantity)

    def _remove(self, id: str) -> _Effect:
        if id in self._left_with_parent and id not in self._basket.items:
            return _Effect(id, 0, 0)
        before = self._line(id).quantity
        removed = self._basket.remove_item(id, self._context.now)
        self._left_with_parent.update(removed[1:])
        return _Effect(id, before, 0, tuple(removed))

    def _clear(self) -> _Effect:
        self._left_with_parent.update(line.id for line in self._basket.items.values() if line.parent_id is not None)
        removed = self._basket.clear_items(self._context.now)
        return _Effect(None, len(removed), 0, tuple(removed))

    def _change_quantity(self, id: str, action: ChangeQuantity) -> _Effect:
        line = self._line(id)
        self._context.check_quantity(action.quantity)
        self._basket.change_quantity(id, action.quantity, self._context.now)
        self._accept_price(line, action.expected_price)
        return _Effect(id, line.quantity, action.quantity)

    def _swap(self, id: str, action: SwapItem) -> _Effect:
        line, offer = self._line(id), action.offer
        quantity = line.quantity if action.quantity is None else action.quantity
        self._context.check_quantity(quantity)
        if (offer.id, offer.version) == (line.offer.id, line.offer.version):
            self._basket.change_quantity(id, quantity, self._context.now)
            return _Effect(id, line.quantity, quantity)
        key = (offer.id, offer.version, line.type, line.parent_id)
        if self._line_of(key) is not None:
            raise Rejection("offer", "offer_already_in_basket", _ALREADY_IN_BASKET)
        leaving = [each.id for each in self._basket.add_ons_of(id) if not self._context.carries(offer, each.offer)]
        after = self._context.swapped_line(line, offer, quantity)
        self._basket.swap_item(after, leaving, self._context.now)
        self._id_by_key[key] = id
        self._left_with_parent.update(leaving)
        return _Effect(id, line.quantity, quantity, tuple(leaving))

    def _update_details(self, changes: Mapping[str, object]) -> _Effect:
        # Each event holds all details. A small request could otherwise make hundreds of large ones.
        if self._details_bytes > MAX_DETAILS_BYTES:
            raise Rejection("order", "details_too_large", "the details are too large to be set so often in one update")
        version = self._basket.version
        self._basket.update_details(changes, self._context.now)
        if self._basket.version != version:
            self._details_bytes += len(to_json(self._basket.details))
        return _NO_LINE

    def _expect_price(self, id: str, price: ExpectedPrice) -> _Effect:
        line = self._line(id)
        self._accept_price(line, price)
        return _Effect(id, line.quantity, line.quantity)

    def _accept_price(self, line: OrderItem, expected: ExpectedPrice | None) -> None:
        """Records what the caller expects, and gives the line the current price if that is it."""
        if expected is None:
            return
        self._basket.expect_price(line.id, expected, self._context.now)
        current = self._context.current_price(line.offer)
        if current is not None and expected.is_met_by(current):
            self._basket.reprice(line.id, current, self._context.now)

    def _is_type_required(self) -> bool:
        if self._type_required is None:
            self._type_required = self._adds_add_ons or "add_on" in map(_TYPE, self._basket.items.values())
        return self._type_required

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
