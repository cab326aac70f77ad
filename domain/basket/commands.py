"""What callers ask of baskets, free of how they asked (HTTP or Kafka)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from domain.basket.basket import Basket
from domain.basket.events import BasketDetails
from domain.shared.errors import BasketExists, VersionMismatch
from domain.shared.findings import Verdict
from domain.shared.values import Money, OfferRef, OrderItemType


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks and in which conversation; written into every event's metadata.

    `causation_id` is unique for each command; `traceparent` is W3C Trace Context.
    """

    partner: str
    actor: str
    correlation_id: str
    causation_id: str
    traceparent: str


@dataclass(frozen=True, slots=True)
class RequestedItem:
    """A line as a caller asks for it. Without a `type` it is an offer, unless the basket holds add-ons:
    then the type must be said. `expected_price` is the price of one that the caller counts on."""

    offer: OfferRef
    quantity: int
    id: str | None = None
    type: OrderItemType | None = None
    parent_id: str | None = None
    expected_price: Money | None = None


@dataclass(frozen=True, slots=True)
class IfMatch:
    """The versions that the caller accepts; None means any version, but the basket must exist."""

    versions: frozenset[int] | None

    def accepts(self, version: int) -> bool:
        return self.versions is None or version in self.versions


@dataclass(frozen=True, slots=True)
class IfNoneMatch:
    """The versions at which the caller wants nothing done; None means any: only a new basket will do."""

    versions: frozenset[int] | None

    def names(self, version: int) -> bool:
        return self.versions is None or version in self.versions


@dataclass(frozen=True, slots=True)
class Preconditions:
    """What must hold of the basket before anything is done (RFC 9110 13.1)."""

    if_match: IfMatch | None = None
    if_none_match: IfNoneMatch | None = None

    def check(self, basket_id: str, version: int) -> None:
        """Raises VersionMismatch or BasketExists unless they hold of a basket at this version."""
        if self.if_match is not None and not self.if_match.accepts(version):
            raise VersionMismatch(basket_id, version)
        if self.if_none_match is not None and self.if_none_match.names(version):
            raise BasketExists(basket_id, version)


NO_PRECONDITIONS = Preconditions()


@dataclass(frozen=True, slots=True)
class InitiateBasket:
    """Create a basket, or bring the named one to what the request says.

    `checkout_id` is the basket that the request names, `landing_basket_id` the one of the landing state.
    """

    details: BasketDetails
    items: tuple[RequestedItem, ...]
    checkout_id: str | None = None
    landing_basket_id: str | None = None
    preconditions: Preconditions = NO_PRECONDITIONS


@dataclass(frozen=True, slots=True)
class AddItem:
    item: RequestedItem
    kind: Literal["add"] = "add"


@dataclass(frozen=True, slots=True)
class RemoveItem:
    id: str
    kind: Literal["remove"] = "remove"


@dataclass(frozen=True, slots=True)
class ChangeQuantity:
    id: str
    quantity: int
    kind: Literal["change_quantity"] = "change_quantity"


Action = AddItem | RemoveItem | ChangeQuantity


@dataclass(frozen=True, slots=True)
class UpdateBasket:
    """Carry out the actions in their order: all of them, or none."""

    basket_id: str
    actions: tuple[Action, ...]
    preconditions: Preconditions = NO_PRECONDITIONS


@dataclass(frozen=True, slots=True)
class ValidateBasket:
    basket_id: str
    preconditions: Preconditions = NO_PRECONDITIONS


@dataclass(frozen=True, slots=True)
class ActionResult:
    """What one action did. `before` and `after` are the line's quantity, 0 where there is no line;
    `removed` names every line that left."""

    index: int
    kind: Literal["add", "remove", "change_quantity"]
    order_item_id: str
    before: int
    after: int
    removed: tuple[str, ...] = ()

    @property
    def status(self) -> Literal["applied", "unchanged"]:
        return "unchanged" if self.before == self.after else "applied"


@dataclass(frozen=True, slots=True)
class Initiated:
    basket: Basket
    created: bool


@dataclass(frozen=True, slots=True)
class Updated:
    basket: Basket
    results: tuple[ActionResult, ...] = field(default=())


@dataclass(frozen=True, slots=True)
class Validated:
    """`judged` is the basket as it was judged; `basket` has the verdict in its history."""

    judged: Basket
    basket: Basket
    verdict: Verdict
