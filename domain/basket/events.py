"""What can happen to a basket. Each class is at once the stored form, the published schema and the
change of state; deciding whether it may happen is `basket.py`'s."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, TypeAlias

from pydantic import Field

from domain.base import DomainEvent, InitialEvent, Value
from domain.validation.findings import Finding
from domain.values import (
    Country,
    Currency,
    Identifier,
    Money,
    OfferRef,
    OpenMap,
    OrderItemType,
    PartnerOrganisation,
    Product,
    Text,
)

if TYPE_CHECKING:
    from domain.basket.basket import Basket

BASKET_TOPIC = "checkout.basket"


class BasketDetails(Value):
    """What a basket says beside its items."""

    external_id: Annotated[Identifier | None, Field(alias="external_id")] = None
    country: Country | None = None
    currency: Currency | None = None
    source: Text | None = None
    order_type: Annotated[Text | None, Field(alias="order_type")] = None
    tracking: OpenMap = Field(default_factory=dict)
    custom_fields: OpenMap = Field(default_factory=dict)


class LineOffer(OfferRef):
    """An offer as a line holds it: name and products as they were known when it was added."""

    name: str | None = None
    path: str | None = None
    products: tuple[Product, ...] = ()


class OrderItem(Value):
    """One line of a basket. `price` is for one unit, as it was known when the line was added."""

    id: str
    type: OrderItemType
    parent_id: str | None = None
    quantity: Annotated[int, Field(ge=1)]
    offer: LineOffer
    price: Money | None = None

    @property
    def line_total(self) -> Money | None:
        return self.price.times(self.quantity) if self.price else None


class BasketInitiated(InitialEvent):
    """A partner organisation began a basket."""

    originator_topic: ClassVar[str] = BASKET_TOPIC  # type: ignore[misc]
    type: Literal["checkout.basket-initiated.v1"] = "checkout.basket-initiated.v1"
    partner: PartnerOrganisation
    details: BasketDetails
    expires_at: datetime

    def apply(self, aggregate: Basket) -> None:
        aggregate.partner = self.partner
        aggregate.details = self.details
        aggregate.expires_at = self.expires_at


class BasketDetailsChanged(DomainEvent):
    """The basket says something else beside its items; `changed` names the details that differ."""

    type: Literal["checkout.basket-details-changed.v1"] = "checkout.basket-details-changed.v1"
    details: BasketDetails
    changed: tuple[str, ...]

    def apply(self, aggregate: Basket) -> None:
        aggregate.details = self.details


class OrderItemAdded(DomainEvent):
    type: Literal["checkout.order-item-added.v1"] = "checkout.order-item-added.v1"
    order_item: OrderItem

    def apply(self, aggregate: Basket) -> None:
        aggregate.items[self.order_item.id] = self.order_item


RemovalReason = Literal["requested", "parent_removed"]


class OrderItemRemoved(DomainEvent):
    """A line left the basket; `parent_removed` for an add-on whose offer left."""

    type: Literal["checkout.order-item-removed.v1"] = "checkout.order-item-removed.v1"
    order_item_id: str
    reason: RemovalReason

    def apply(self, aggregate: Basket) -> None:
        aggregate.items.pop(self.order_item_id, None)


class OrderItemQuantityChanged(DomainEvent):
    type: Literal["checkout.order-item-quantity-changed.v1"] = "checkout.order-item-quantity-changed.v1"
    order_item_id: str
    before: int
    after: int

    def apply(self, aggregate: Basket) -> None:
        item = aggregate.items[self.order_item_id]
        aggregate.items[item.id] = item.model_copy(update={"quantity": self.after})


class BasketValidated(DomainEvent):
    """The basket was judged. `basketVersion` is the version that was judged, the one before this event;
    `evidence` names the catalogue facts that the verdict rests on."""

    type: Literal["checkout.basket-validated.v1"] = "checkout.basket-validated.v1"
    ready: bool
    basket_version: int
    blocked_products: tuple[Finding, ...]
    validation_errors: tuple[Finding, ...]
    evidence: tuple[str, ...]

    def apply(self, aggregate: Basket) -> None:
        aggregate.ready = self.ready


class BasketExpired(DomainEvent):
    """The basket passed its `expiresAt` without an order."""

    type: Literal["checkout.basket-expired.v1"] = "checkout.basket-expired.v1"

    def apply(self, aggregate: Basket) -> None:
        aggregate.status = "expired"


class BasketCompleted(DomainEvent):
    """An order service says that an order was placed from the basket."""

    type: Literal["checkout.basket-completed.v1"] = "checkout.basket-completed.v1"
    order_id: str | None = None

    def apply(self, aggregate: Basket) -> None:
        aggregate.status = "completed"
        aggregate.order_id = self.order_id


class UnknownEvent(DomainEvent):
    """An event of a type that this release does not know: kept and passed over, so that a roll-back works."""

    type: str
    document: dict[str, Any]

    def apply(self, aggregate: Basket) -> None:
        """Changes nothing but the version."""


BasketEvent: TypeAlias = (
    BasketInitiated
    | BasketDetailsChanged
    | OrderItemAdded
    | OrderItemRemoved
    | OrderItemQuantityChanged
    | BasketValidated
    | BasketExpired
    | BasketCompleted
)
"""Every event that this release writes."""
