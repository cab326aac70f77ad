"""Brings a basket to what a request says it shall be: pure, and only the differences become events."""

from __future__ import annotations

from collections import Counter

from domain.basket.basket import LineKey, line_key
from domain.basket.commands import RequestedItem
from domain.basket.decision import (
    DecisionContext,
    DependentRejection,
    ItemIdResolver,
    Rejection,
    resolve_parent,
    resolve_type,
)
from domain.basket.events import BasketDetails, OrderItem
from domain.shared.errors import InvalidCommand, Violation
from domain.shared.values import Money


def reconcile(deciding: DecisionContext, details: BasketDetails, items: tuple[RequestedItem, ...]) -> None:
    """Makes the basket's details and lines the request's; raises InvalidCommand with all that is wrong.

    A line that the request says again keeps its id, name and price.
    """
    basket, now = deciding.basket, deciding.now
    basket.change_details(details, now)
    wanted = _WantedLines(deciding, items).lines()
    leaving = [
        line.id
        for line in basket.items.values()
        if line.id not in wanted or line_key(wanted[line.id]) != line_key(line)
    ]
    basket.remove_items(leaving, now)
    for line in wanted.values():
        if line.id in basket.items:
            basket.change_quantity(line.id, line.quantity, now)
            basket.expect_price(line.id, line.expected_price, now)
        else:
            basket.add_item(line, now)


class _WantedLines:
    """The lines that a request asks for."""

    def __init__(self, deciding: DecisionContext, items: tuple[RequestedItem, ...]) -> None:
        self._deciding = deciding
        self._items = items
        self._types_said = any(item.type == "add_on" for item in items)
        self._held = {line_key(line): line for line in deciding.basket.items.values()}
        self._given = Counter(item.id for item in items if item.id is not None)
        self._names = ItemIdResolver(deciding.basket.items)
        self._given_lines = {self._names.line(id) for id in self._given}
        self._by_key: dict[LineKey, OrderItem] = {}
        self._by_id: dict[str, OrderItem] = {}
        self._places: dict[str, int] = {}

    def lines(self) -> dict[str, OrderItem]:
        """By id, in the order of the request, but offers before the add-ons that hang under them."""
        violations: list[Violation] = []
        for index, item in self._in_turn():
            try:
                line = self._line(item)
                self._names.stands_for(item.id, line.id)
                self._by_key[line_key(line)] = self._by_id[line.id] = line
                self._places[line.id] = min(index, self._places.get(line.id, index))
            except Rejection as refusal:
                self._names.refused(item.id)
                violations.append(refusal.at("order", "orderItems", index))
            except DependentRejection:
                self._names.refused(item.id)
        if len(self._by_id) > self._deciding.limits.max_items:
            violations.append(self._deciding.too_many().at("order", "orderItems"))
        if violations:
            raise InvalidCommand(tuple(sorted(violations, key=lambda violation: violation.location[2:3])))
        return {
            line.id: line
            for line in sorted(
                self._by_id.values(), key=lambda line: (line.type == "add_on", self._places[line.id])
            )
        }

    def _in_turn(self) -> list[tuple[int, RequestedItem]]:
        """Parents before add-ons; and items with an id of their own before those without, which take
        what ids are left."""
        return sorted(
            enumerate(self._items), key=lambda entry: (entry[1].type == "add_on", entry[1].id is None)
        )

    def _line(self, item: RequestedItem) -> OrderItem:
        """The line as wanted so far with the item's quantity on top, or the basket's, or a new one."""
        if item.id is not None and self._given[item.id] > 1:
            raise Rejection("id", "duplicate_order_item_id", "two items bring this id")
        self._deciding.check_quantity(item.quantity)
        type = resolve_type(item, self._types_said)
        parent_id = resolve_parent(item, type, self._names, self._by_id)
        key = (item.offer.id, item.offer.version, type, parent_id)
        wanted, held = self._by_key.get(key), self._held.get(key)
        if wanted is not None:
            quantity = wanted.quantity + item.quantity
            self._deciding.check_quantity(quantity)
            expected = _one_of(wanted.expected_price, item.expected_price)
            return wanted.model_copy(update={"quantity": quantity, "expected_price": expected})
        meant = None if item.id is None else self._names.line(item.id)
        if held is not None and (meant == held.id or (meant is None and held.id not in self._given_lines)):
            said = {"quantity": item.quantity, "expected_price": item.expected_price}
            return held.model_copy(update=said)
        return self._deciding.new_line(item, type, parent_id)


def _one_of(one: Money | None, other: Money | None) -> Money | None:
    """The price that the items of one line expect."""
    if one is not None and other is not None and one != other:
        raise Rejection(
            "expectedPrice", "expected_prices_contradict", f"another item of this line expects {one}"
        )
    return one or other
