"""What a decision on a basket needs, and the rules that order items and actions share.

A decision is pure. It works on a fork of the basket, reports everything that is wrong in one InvalidCommand, and
leaves its events on the fork.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from math import ceil
from typing import Literal

from msgspec import Struct

from domain.basket.basket import Basket
from domain.basket.commands import RequestedItem
from domain.basket.events import OrderItem
from domain.catalogue.catalogue import Catalogue
from domain.catalogue.policies import PolicyTerms
from domain.shared.errors import Violation
from domain.shared.money import Price
from domain.shared.values import NewId, OfferRef, OrderItemType


@dataclass(frozen=True, slots=True)
class BasketLimits:
    """The largest quantity of a line, the most lines of a basket, and the most actions of an update."""

    max_quantity: int = 9999
    max_items: int = 500
    max_actions: int = 200


ExpiryFrom = Literal["creation", "last_change"]


@dataclass(frozen=True, slots=True)
class CheckoutConfig:
    """How long baskets live, from their creation or their last change, and how long promises do; how large baskets
    get, how often a conflict is tried again, and the policy terms that hold where no policy fact says otherwise."""

    lifetime: timedelta = timedelta(days=14)
    expiry_from: ExpiryFrom = "creation"
    limits: BasketLimits = field(default_factory=BasketLimits)
    attempts: int = 10
    validation: PolicyTerms = field(default_factory=PolicyTerms)
    promise_lifetime: timedelta = timedelta(minutes=15)

    @property
    def idle_seconds(self) -> int | None:
        """How long a new basket lives after each change; None if changes do not count."""
        return None if self.expiry_from == "creation" else ceil(self.lifetime.total_seconds())


class Rejection(Exception):
    """What is wrong with one item or action; an InvalidCommand collects them.

    The message never quotes the caller. Rejections are stored for retries, some without a basket, and an erasure
    could not find those. The pointer shows the place.
    """

    def __init__(self, field: str | None, code: str, message: str) -> None:
        super().__init__(message)
        self.field = field
        self.code = code

    def at(self, *location: str | int) -> Violation:
        place = location if self.field is None else (*location, self.field)
        return Violation(place, self.code, str(self))


class DependentRejection(Exception):
    """The item or action refers to a rejected item. Once that one is corrected, this one may be right."""


class DecisionContext(Struct, frozen=True):
    """One decision: the fork of the basket, and the time, ids, catalogue and limits that it is made with."""

    basket: Basket
    catalogue: Catalogue
    new_id: NewId
    now: datetime
    limits: BasketLimits

    def new_line(self, item: RequestedItem, type: OrderItemType, parent_id: str | None) -> OrderItem:
        """The line that the item asks for, with the offer as the catalogue knows it now."""
        snapshot = self.catalogue.describe(item.offer, self.basket.market, self.now)
        return OrderItem.construct_trusted(
            id=item.id or self.new_id(),
            type=type,
            parent_id=parent_id,
            quantity=item.quantity,
            offer=snapshot.offer,
            price=snapshot.price,
            expected_price=item.expected_price,
        )

    def swapped_line(self, line: OrderItem, offer: OfferRef, quantity: int) -> OrderItem:
        """The line with another offer, as the catalogue knows it now. No price is expected of it."""
        snapshot = self.catalogue.describe(offer, self.basket.market, self.now)
        return line.with_trusted(offer=snapshot.offer, price=snapshot.price, quantity=quantity, expected_price=None)

    def current_price(self, offer: OfferRef) -> Price | None:
        """The price of one in the basket's market; None if the catalogue has none."""
        return self.catalogue.describe(offer, self.basket.market, self.now).price

    def carries(self, offer: OfferRef, add_on: OfferRef) -> bool:
        """Whether the add-on may hang under the offer. True if the catalogue does not know the add-on: then
        validation judges it."""
        known = self.catalogue.offer(add_on)
        return known is None or (known.add_on_to is not None and offer.id in known.add_on_to)

    def check_quantity(self, quantity: int) -> None:
        """Raises Rejection."""
        most = self.limits.max_quantity
        if quantity > most:
            raise Rejection("quantity", "quantity_too_large", f"a line holds at most {most}, not {quantity}")
        if quantity < 1:
            raise Rejection("quantity", "quantity_too_small", f"a line holds at least 1, not {quantity}")

    def too_many_items(self) -> Rejection:
        return Rejection(None, "too_many_items", f"a basket holds at most {self.limits.max_items} items")


def resolve_type(item: RequestedItem, type_required: bool) -> OrderItemType:
    """Raises Rejection."""
    if item.type is None and type_required:
        raise Rejection("type", "type_required", "the type must be said where a basket holds add-ons")
    return item.type or "offer"


def resolve_parent(
    item: RequestedItem, type: OrderItemType, ids: ItemIdResolver, lines: Mapping[str, OrderItem]
) -> str | None:
    """The id of the item's parent, one of `lines`. An add-on may name no parent; validation reports that. Raises
    Rejection and DependentRejection."""
    if item.parent_id is None:
        return None
    if type == "offer":
        raise Rejection("parentId", "parent_not_allowed", "only an add-on has a parent")
    parent = lines.get(ids.resolve(item.parent_id))
    if parent is None:
        raise Rejection("parentId", "parent_not_found", "there is no item of this id to hang under")
    if parent.type == "add_on":
        raise Rejection("parentId", "parent_is_add_on", "an add-on hangs under an offer")
    return parent.id


class ItemIdResolver:
    """Maps the ids in a request to the ids of lines. Requests have ids in lower case (`normalize_id`); older
    releases stored ids as they came."""

    def __init__(self, lines: Mapping[str, OrderItem]) -> None:
        """`lines` are those of the basket; it may change meanwhile, for which `bind` is called."""
        self._lines = lines
        self._ids_before = tuple(lines)
        self._bound: dict[str, str] = {}
        self._rejected: set[str] = set()

    @cached_property
    def _older_ids(self) -> dict[str, str]:
        ids = set(self._ids_before)
        return {id.lower(): id for id in self._ids_before if id != id.lower() and id.lower() not in ids}

    def resolve(self, id: str) -> str:
        """The line's id; raises DependentRejection if the item of that id was rejected."""
        if id in self._rejected:
            raise DependentRejection(id)
        bound = self._bound.get(id)
        if bound is not None:
            return bound
        return id if id in self._lines else self._older_ids.get(id, id)

    def bind(self, id: str | None, line_id: str) -> None:
        """From now on `id` means that line."""
        if id is not None:
            self._bound[id] = line_id

    def reject(self, id: str | None) -> None:
        """The item of this id was rejected."""
        if id is not None:
            self._rejected.add(id)
