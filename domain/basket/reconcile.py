"""Makes a basket what a request says it shall be. Only differences become events. Pure."""

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
from domain.shared.money import ExpectedPrice


def reconcile(context: DecisionContext, details: BasketDetails, items: tuple[RequestedItem, ...] | None) -> None:
    """Sets the basket's details and lines; without items it keeps its lines. A line that the request repeats keeps its
    id, name and price. Raises InvalidCommand with everything that is wrong."""
    basket, now = context.basket, context.now
    basket.set_details(details, now)
    if items is None:
        return
    wanted = _WantedLines(context, items).lines()
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

    def __init__(self, context: DecisionContext, items: tuple[RequestedItem, ...]) -> None:
        self._context = context
        self._items = items
        self._type_required = any(item.type == "add_on" for item in items)
        self._held = {line_key(line): line for line in context.basket.items.values()}
        self._given_ids = Counter([item.id for item in items if item.id is not None])
        self._ids = ItemIdResolver(context.basket.items)
        self._given_line_ids = {self._ids.resolve(id) for id in self._given_ids}
        self._by_key: dict[LineKey, OrderItem] = {}
        self._by_id: dict[str, OrderItem] = {}
        self._first_index: dict[str, int] = {}

    def lines(self) -> dict[str, OrderItem]:
        """By id, in the order of the request, but offers before add-ons."""
        violations: list[Violation] = []
        for index, item in self._in_processing_order():
            try:
                line = self._line(item)
                self._ids.bind(item.id, line.id)
                self._by_key[line_key(line)] = self._by_id[line.id] = line
                self._first_index[line.id] = min(index, self._first_index.get(line.id, index))
            except (Rejection, DependentRejection) as rejection:
                self._ids.reject(item.id)
                if isinstance(rejection, Rejection):
                    violations.append(rejection.at("order", "orderItems", index))
        if len(self._by_id) > self._context.limits.max_items:
            violations.append(self._context.too_many_items().at("order", "orderItems"))
        if violations:
            raise InvalidCommand(tuple(sorted(violations, key=lambda violation: violation.location[2:3])))
        ordered = sorted(self._by_id.values(), key=lambda line: (line.type == "add_on", self._first_index[line.id]))
        return {line.id: line for line in ordered}

    def _in_processing_order(self) -> list[tuple[int, RequestedItem]]:
        """Parents before add-ons. Items with an id come before those without, which take the ids that are left."""
        return sorted(enumerate(self._items), key=lambda entry: (entry[1].type == "add_on", entry[1].id is None))

    def _line(self, item: RequestedItem) -> OrderItem:
        """The wanted line with the item's quantity added, else the basket's line, else a new one."""
        if item.id is not None and self._given_ids[item.id] > 1:
            raise Rejection("id", "duplicate_order_item_id", "two items bring this id")
        self._context.check_quantity(item.quantity)
        type = resolve_type(item, self._type_required)
        parent_id = resolve_parent(item, type, self._ids, self._by_id)
        key = (item.offer.id, item.offer.version, type, parent_id)
        wanted, held = self._by_key.get(key), self._held.get(key)
        if wanted is not None:
            quantity = wanted.quantity + item.quantity
            self._context.check_quantity(quantity)
            expected = _common_price(wanted.expected_price, item.expected_price)
            return wanted.with_trusted(quantity=quantity, expected_price=expected)
        line_id = None if item.id is None else self._ids.resolve(item.id)
        if held is not None and (line_id == held.id or (line_id is None and held.id not in self._given_line_ids)):
            return held.with_trusted(quantity=item.quantity, expected_price=item.expected_price)
        return self._context.new_line(item, type, parent_id)


def _common_price(one: ExpectedPrice | None, other: ExpectedPrice | None) -> ExpectedPrice | None:
    """The price that two items of one line expect; raises Rejection if they differ. It has an interval if one of them
    names one."""
    if one is None or other is None:
        return one or other
    if one.with_interval_of(other) != other.with_interval_of(one):
        raise Rejection("expectedPrice", "expected_prices_contradict", f"another item of this line expects {one}")
    return other if one.any_interval else one
