"""Pure decisions on a basket: what a request's items and actions mean, and what is wrong with them.

Every function works on a fork of the basket, says all that is wrong in one InvalidCommand, and leaves
what happened as uncollected events of the fork.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import assert_never

from domain.basket.basket import Basket, Describe, LineKey, line_key
from domain.basket.commands import (
    Action,
    ActionResult,
    AddItem,
    ChangeQuantity,
    RemoveItem,
    RequestedItem,
)
from domain.basket.events import BasketDetails, OrderItem
from domain.errors import InvalidCommand, Violation
from domain.values import OrderItemType

NewId = Callable[[], str]


@dataclass(frozen=True, slots=True)
class Limits:
    """The largest quantity of a line, and the most lines of a basket."""

    max_quantity: int = 9999
    max_items: int = 500


class _Refusal(Exception):
    """What is wrong with one item or action; gathered into an InvalidCommand."""

    def __init__(self, field: str | None, code: str, message: str) -> None:
        super().__init__(message)
        self.field = field
        self.code = code

    def at(self, *location: str | int) -> Violation:
        place = location if self.field is None else (*location, self.field)
        return Violation(place, self.code, str(self))


@dataclass(slots=True)
class Deciding:
    """One decision: the fork of the basket and what deciding needs beside it."""

    basket: Basket
    describe: Describe
    new_id: NewId
    now: datetime
    limits: Limits
    _left_along: set[str] = field(default_factory=set)
    """Add-ons that left with their offer in this decision: removing them again is no mistake."""

    def bring_to(self, details: BasketDetails, items: tuple[RequestedItem, ...]) -> None:
        """Makes the basket's details and lines the request's; only the differences become events."""
        self.basket.change_details(details, self.now)
        wanted = self._wanted_lines(items)
        for item in list(self.basket.items.values()):
            stays = item.id in wanted and line_key(wanted[item.id]) == line_key(item)
            if not stays and item.id in self.basket.items:
                self.basket.remove_item(item.id, self.now)
        for line in wanted.values():
            if line.id in self.basket.items:
                self.basket.change_quantity(line.id, line.quantity, self.now)
            else:
                self.basket.add_item(line, self.now)

    def carry_out(self, actions: tuple[Action, ...]) -> tuple[ActionResult, ...]:
        """Carries out the actions in their order: all, or none and an InvalidCommand."""
        types_said = any(item.type == "add_on" for item in self.basket.items.values()) or any(
            isinstance(action, AddItem) and action.item.type == "add_on" for action in actions
        )
        results: list[ActionResult] = []
        violations: list[Violation] = []
        aliases: dict[str, str] = {}
        for index, action in enumerate(actions):
            try:
                match action:
                    case AddItem(item=item):
                        result = self._add_action(index, item, types_said, aliases)
                    case RemoveItem(id=item_id):
                        result = self._remove_action(index, aliases.get(item_id, item_id))
                    case ChangeQuantity(id=item_id, quantity=quantity):
                        result = self._quantity_action(index, aliases.get(item_id, item_id), quantity)
                    case _:
                        assert_never(action)
                results.append(result)
            except _Refusal as refusal:
                violations.append(refusal.at("orderItemActions", index))
        if violations:
            raise InvalidCommand(tuple(violations))
        return tuple(results)

    def _wanted_lines(self, items: tuple[RequestedItem, ...]) -> dict[str, OrderItem]:
        """The lines that the request asks for by id: that of the basket's line which already is it, or
        the request's own, or a new one. Offers come before the add-ons that hang under them."""
        types_said = any(item.type == "add_on" for item in items)
        held = {line_key(line): line for line in self.basket.items.values()}
        given = Counter(item.id for item in items if item.id is not None)
        wanted: dict[LineKey, OrderItem] = {}
        by_id: dict[str, OrderItem] = {}
        aliases: dict[str, str] = {}
        violations: list[Violation] = []
        for index, item in sorted(enumerate(items), key=lambda entry: entry[1].type == "add_on"):
            try:
                if item.id is not None and given[item.id] > 1:
                    raise _Refusal("id", "duplicate_order_item_id", f"two items bring the id {item.id}")
                type = self._type_of(item, types_said)
                parent_id = self._parent_of(item, type, aliases, by_id)
                key = (item.offer.id, item.offer.version, type, parent_id)
                line = wanted.get(key)
                if line is not None:
                    line = line.model_copy(update={"quantity": line.quantity + item.quantity})
                    aliases[item.id or line.id] = line.id
                elif key in held and item.id in (None, held[key].id):
                    line = held[key].model_copy(update={"quantity": item.quantity})
                else:
                    line = self._new_line(item, type, parent_id)
                self._check_quantity(line.quantity)
                wanted[key] = by_id[line.id] = line
            except _Refusal as refusal:
                violations.append(refusal.at("order", "orderItems", index))
        if len(by_id) > self.limits.max_items:
            violations.append(self._too_many().at("order", "orderItems"))
        if violations:
            raise InvalidCommand(tuple(violations))
        return by_id

    def _new_line(self, item: RequestedItem, type: OrderItemType, parent_id: str | None) -> OrderItem:
        described = self.describe(item.offer, self.basket.market)
        return OrderItem(
            id=item.id or self.new_id(),
            type=type,
            parent_id=parent_id,
            quantity=item.quantity,
            offer=described.offer,
            price=described.price,
        )

    def _add_action(
        self, index: int, item: RequestedItem, types_said: bool, aliases: dict[str, str]
    ) -> ActionResult:
        type = self._type_of(item, types_said)
        parent_id = self._parent_of(item, type, aliases, self.basket.items)
        held = self.basket.line_of((item.offer.id, item.offer.version, type, parent_id))
        if held is not None:
            self._check_quantity(held.quantity + item.quantity)
            self.basket.change_quantity(held.id, held.quantity + item.quantity, self.now)
            if item.id is not None:
                aliases[item.id] = held.id
            return ActionResult(index, "add", held.id, held.quantity, held.quantity + item.quantity)
        if item.id is not None and item.id in self.basket.items:
            raise _Refusal("id", "order_item_id_in_use", f"the basket already has an item {item.id}")
        self._check_quantity(item.quantity)
        if len(self.basket.items) >= self.limits.max_items:
            raise self._too_many()
        line = self._new_line(item, type, parent_id)
        self.basket.add_item(line, self.now)
        return ActionResult(index, "add", line.id, 0, line.quantity)

    def _remove_action(self, index: int, item_id: str) -> ActionResult:
        if item_id in self._left_along:
            return ActionResult(index, "remove", item_id, 0, 0)
        before = self._held(item_id).quantity
        removed = self.basket.remove_item(item_id, self.now)
        self._left_along.update(removed[1:])
        return ActionResult(index, "remove", item_id, before, 0, tuple(removed))

    def _quantity_action(self, index: int, item_id: str, quantity: int) -> ActionResult:
        if quantity == 0:
            return replace(self._remove_action(index, item_id), kind="change_quantity")
        before = self._held(item_id).quantity
        self._check_quantity(quantity)
        self.basket.change_quantity(item_id, quantity, self.now)
        return ActionResult(index, "change_quantity", item_id, before, quantity)

    def _held(self, item_id: str) -> OrderItem:
        item = self.basket.items.get(item_id)
        if item is None:
            raise _Refusal("id", "order_item_not_found", f"the basket has no item {item_id}")
        return item

    def _type_of(self, item: RequestedItem, types_said: bool) -> OrderItemType:
        if item.type is None and types_said:
            raise _Refusal("type", "type_required", "the type must be said where a basket holds add-ons")
        return item.type or "offer"

    def _parent_of(
        self,
        item: RequestedItem,
        type: OrderItemType,
        aliases: dict[str, str],
        lines: Mapping[str, OrderItem],
    ) -> str | None:
        if item.parent_id is None:
            return None
        if type == "offer":
            raise _Refusal("parentId", "parent_not_allowed", "only an add-on has a parent")
        parent = lines.get(aliases.get(item.parent_id, item.parent_id))
        if parent is None:
            raise _Refusal("parentId", "parent_not_found", f"there is no item {item.parent_id} to hang under")
        if parent.type == "add_on":
            raise _Refusal("parentId", "parent_is_add_on", "an add-on hangs under an offer")
        return parent.id

    def _check_quantity(self, quantity: int) -> None:
        if quantity > self.limits.max_quantity:
            raise _Refusal(
                "quantity",
                "quantity_too_large",
                f"a line holds at most {self.limits.max_quantity}, not {quantity}",
            )
        if quantity < 1:
            raise _Refusal("quantity", "quantity_too_small", "a line holds at least 1")

    def _too_many(self) -> _Refusal:
        return _Refusal(None, "too_many_items", f"a basket holds at most {self.limits.max_items} items")
