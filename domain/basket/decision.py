"""What deciding on a basket needs beside the basket, and the rules that items and actions share.

A decision is pure. It works on a fork of the basket, says all that is wrong in one InvalidCommand, and
leaves what happened as uncollected events of the fork.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from domain.basket.basket import Basket
from domain.basket.commands import RequestedItem
from domain.basket.events import OrderItem
from domain.catalogue.catalogue import Catalogue
from domain.shared.errors import Violation
from domain.shared.values import NewId, OrderItemType


@dataclass(frozen=True, slots=True)
class BasketLimits:
    """The largest quantity of a line, and the most lines of a basket."""

    max_quantity: int = 9999
    max_items: int = 500


class Rejection(Exception):
    """What is wrong with one item or action; gathered into an InvalidCommand.

    The message never quotes the caller's words, for the pointer shows the place: refusals are stored for those who try
    again, some of them for no basket that could be told to forget them.
    """

    def __init__(self, field: str | None, code: str, message: str) -> None:
        super().__init__(message)
        self.field = field
        self.code = code

    def at(self, *location: str | int) -> Violation:
        place = location if self.field is None else (*location, self.field)
        return Violation(place, self.code, str(self))


class DependentRejection(Exception):
    """It names an item that was itself refused: once that is put right, this may be right as it is."""


@dataclass(frozen=True, slots=True)
class DecisionContext:
    """One decision: the fork of the basket, and the time, ids, catalogue and limits that it is made with."""

    basket: Basket
    catalogue: Catalogue
    new_id: NewId
    now: datetime
    limits: BasketLimits

    def new_line(self, item: RequestedItem, type: OrderItemType, parent_id: str | None) -> OrderItem:
        """The line that the item asks for, described as the catalogue knows its offer now."""
        described = self.catalogue.describe(item.offer, self.basket.market, self.now)
        return OrderItem(
            id=item.id or self.new_id(),
            type=type,
            parent_id=parent_id,
            quantity=item.quantity,
            offer=described.offer,
            price=described.price,
            expected_price=item.expected_price,
        )

    def check_quantity(self, quantity: int) -> None:
        if quantity > self.limits.max_quantity:
            raise Rejection(
                "quantity",
                "quantity_too_large",
                f"a line holds at most {self.limits.max_quantity}, not {quantity}",
            )
        if quantity < 1:
            raise Rejection("quantity", "quantity_too_small", f"a line holds at least 1, not {quantity}")

    def too_many(self) -> Rejection:
        return Rejection(None, "too_many_items", f"a basket holds at most {self.limits.max_items} items")


def resolve_type(item: RequestedItem, types_said: bool) -> OrderItemType:
    if item.type is None and types_said:
        raise Rejection("type", "type_required", "the type must be said where a basket holds add-ons")
    return item.type or "offer"


def resolve_parent(
    item: RequestedItem, type: OrderItemType, names: ItemIdResolver, lines: Mapping[str, OrderItem]
) -> str | None:
    """The id of the line that the item hangs under, out of `lines`. An add-on may name none: judging
    that is validation's."""
    if item.parent_id is None:
        return None
    if type == "offer":
        raise Rejection("parentId", "parent_not_allowed", "only an add-on has a parent")
    parent = lines.get(names.line(item.parent_id))
    if parent is None:
        raise Rejection("parentId", "parent_not_found", "there is no item of this id to hang under")
    if parent.type == "add_on":
        raise Rejection("parentId", "parent_is_add_on", "an add-on hangs under an offer")
    return parent.id


class ItemIdResolver:
    """What the ids that a request brings stand for: a line that already was there, or an item that was
    refused. Requests bring ids in lower case (`one_case`); `held` are those of the basket, in which releases
    before kept the case that came."""

    def __init__(self, held: Collection[str]) -> None:
        self._lines: dict[str, str] = {
            id.lower(): id for id in held if id != id.lower() and id.lower() not in held
        }
        self._refused: set[str] = set()

    def line(self, id: str) -> str:
        """The id of the line that is meant; raises Moot where the item of that id was refused."""
        if id in self._refused:
            raise DependentRejection(id)
        return self._lines.get(id, id)

    def stands_for(self, id: str | None, line_id: str) -> None:
        if id is not None:
            self._lines[id] = line_id

    def refused(self, id: str | None) -> None:
        if id is not None:
            self._refused.add(id)
