"""What callers ask of baskets, whether by HTTP or Kafka."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from msgspec import Struct

from domain.basket.basket import Basket
from domain.basket.events import BasketDetails
from domain.shared.errors import BasketExists, VersionMismatch
from domain.shared.findings import Assessment, Remedy, Verdict
from domain.shared.money import ExpectedPrice
from domain.shared.values import OfferRef, OrderItemType


class Caller(Struct, frozen=True):
    """Who asks, and in which conversation; stored in every event's metadata.

    `causation_id` is unique for each command; `traceparent` is W3C Trace Context.
    """

    partner: str
    actor: str
    correlation_id: str
    causation_id: str
    traceparent: str


class RequestedItem(Struct, frozen=True):
    """A line that a caller asks for. `type` may be None, for an offer in a basket without add-ons.
    `expected_price` is the price of one that the caller counts on."""

    offer: OfferRef
    quantity: int
    id: str | None = None
    type: OrderItemType | None = None
    parent_id: str | None = None
    expected_price: ExpectedPrice | None = None


@dataclass(frozen=True, slots=True)
class IfMatch:
    """The versions that the caller accepts. None: any version of a basket that exists."""

    versions: frozenset[int] | None

    def __contains__(self, version: int) -> bool:
        return self.versions is None or version in self.versions


class IfNoneMatch(IfMatch):
    """The versions that the caller does not accept. None: the basket must be new."""


@dataclass(frozen=True, slots=True)
class Preconditions:
    """What must hold of the basket before a command runs (RFC 9110 13.1)."""

    if_match: IfMatch | None = None
    if_none_match: IfNoneMatch | None = None

    def check(self, basket_id: str, version: int) -> None:
        """Raises VersionMismatch or BasketExists unless they hold of a basket at this version."""
        if self.if_match is not None and version not in self.if_match:
            raise VersionMismatch(basket_id, version)
        if self.if_none_match is not None and version in self.if_none_match:
            raise BasketExists(basket_id, version)


NO_PRECONDITIONS = Preconditions()


class InitiateBasket(Struct, frozen=True):
    """Create a basket, or set the one that the request means to what it says. `checkout_id` is the basket that the
    request names; `landing_basket_id` is the landing state's. Without `items`, a basket keeps its lines.
    `include_findings`: the result has an assessment."""

    details: BasketDetails
    items: tuple[RequestedItem, ...] | None
    checkout_id: str | None = None
    landing_basket_id: str | None = None
    preconditions: Preconditions = NO_PRECONDITIONS
    include_findings: bool = False

    @property
    def names_a_basket(self) -> bool:
        """Whether it means a basket that should exist, or may. An external id alone is mostly a new one."""
        return any(each is not None for each in (self.checkout_id, self.landing_basket_id, self.preconditions.if_match))


class AddItem(Struct, frozen=True):
    item: RequestedItem
    kind: Literal["add"] = "add"


class RemoveItem(Struct, frozen=True):
    id: str
    kind: Literal["remove"] = "remove"


class ChangeQuantity(Struct, frozen=True):
    """Sets a line's quantity, 0 removes it. `expected_price` is as `ExpectPrice.price`; None leaves it."""

    id: str
    quantity: int
    expected_price: ExpectedPrice | None = None
    kind: Literal["change_quantity"] = "change_quantity"


class SwapItem(Struct, frozen=True):
    """Puts another offer, or another version, into a line. `quantity` None leaves the quantity."""

    id: str
    offer: OfferRef
    quantity: int | None = None
    kind: Literal["swap"] = "swap"


class ClearItems(Struct, frozen=True):
    """Removes all lines."""

    kind: Literal["clear"] = "clear"


class UpdateDetails(Struct, frozen=True):
    """Sets the details in `changes`, by the names of the fields of BasketDetails, and leaves the rest."""

    changes: Mapping[str, Any]
    kind: Literal["update_details"] = "update_details"


class ExpectPrice(Struct, frozen=True):
    """Sets the price of one that the caller counts on. If it is the current price, the line gets it."""

    id: str
    price: ExpectedPrice
    kind: Literal["expect_price"] = "expect_price"


Action = AddItem | RemoveItem | ChangeQuantity | SwapItem | ClearItems | UpdateDetails | ExpectPrice
ActionKind = Literal["add", "remove", "change_quantity", "swap", "clear", "update_details", "expect_price"]
ActionStatus = Literal["applied", "unchanged"]


class UpdateBasket(Struct, frozen=True):
    """Apply the actions in their order: all of them, or none. `include_findings`: the result has an assessment."""

    basket_id: str
    actions: tuple[Action, ...]
    preconditions: Preconditions = NO_PRECONDITIONS
    include_findings: bool = False


class ValidateBasket(Struct, frozen=True):
    basket_id: str
    preconditions: Preconditions = NO_PRECONDITIONS


class CancelBasket(Struct, frozen=True):
    """No order will be placed from the basket. `code` is the organisation's own, as is the text."""

    basket_id: str
    code: str
    text: str | None = None
    preconditions: Preconditions = NO_PRECONDITIONS


Command = InitiateBasket | UpdateBasket | ValidateBasket | CancelBasket


class ActionResult(Struct, frozen=True):
    """What one action did. It is applied if it led to an event.

    `before` and `after` are the line's quantity, 0 if there is no line. For `clear` they are the number of lines. For
    `update_details` they are None. `order_item_id` is None for both. `removed` names every line that left.
    """

    index: int
    kind: ActionKind
    status: ActionStatus
    order_item_id: str | None
    before: int | None
    after: int | None
    removed: tuple[str, ...] = ()


class Initiated(Struct, frozen=True):
    basket: Basket
    created: bool
    assessment: Assessment | None = None


class Updated(Struct, frozen=True):
    basket: Basket
    results: tuple[ActionResult, ...] = ()
    assessment: Assessment | None = None


class Cancelled(Struct, frozen=True):
    basket: Basket


class Validated(Struct, frozen=True):
    """`before` is the basket as it was validated; `basket` has the verdict in its history."""

    before: Basket
    basket: Basket
    verdict: Verdict
    promise: str | None = None
    remedy: Remedy | None = None
