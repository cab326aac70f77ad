"""What can happen to a basket. Each class is the stored form, the published schema and the change of state.
`basket.py` decides whether it may happen."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated, Any, ClassVar, Literal, Protocol, TypeAlias

from pydantic import AwareDatetime, Field

from domain.shared.eventsourcing import DomainEvent, InitialEvent, Value
from domain.shared.findings import Finding, Passed, Remedy
from domain.shared.money import ExpectedPrice, Price
from domain.shared.values import (
    Country,
    Currency,
    Identifier,
    LineOffer,
    OpenMap,
    OrderItemType,
    PartnerOrganisation,
    Text,
)

BASKET_TOPIC = "checkout.basket"


CountrySource = Literal["country", "deliveryDetails.country", "tracking.purchaseCountryCode", "billingDetails.country"]
"""Where a caller may name the country of eligibility, in the order in which they count."""


class EligibilityCountry(Value):
    """The country of eligibility, where another detail than `country` names it."""

    country: Country
    """The country, ISO 3166-1 alpha-2."""
    source: CountrySource
    """The detail that names it."""


class BasketDetails(Value):
    """A basket's data beside its items."""

    external_id: Annotated[Identifier | None, Field(alias="external_id")] = None
    """The organisation's own id of the order; one open basket of an organisation holds it at a time."""
    country: Country | None = None
    """Where the basket is sold, ISO 3166-1 alpha-2."""
    currency: Currency | None = None
    """The currency of the basket, ISO 4217."""
    source: Text | None = None
    """Where the basket came from, in the organisation's own words."""
    order_type: Annotated[Text | None, Field(alias="order_type")] = None
    """The kind of order, in the organisation's own words."""
    tracking: OpenMap = Field(default_factory=dict)
    """The organisation's own, kept as it came."""
    custom_fields: OpenMap = Field(default_factory=dict)
    """The organisation's own, kept as it came."""
    data_subject: Text | None = None
    """Whose personal data the details hold: the organisation's pseudonymous id of the person, null where it named
    none or the person was forgotten."""
    customer_details: OpenMap = Field(default_factory=dict)
    """Who buys: personal data, such as `firstName`, `lastName`, `email`."""
    billing_details: OpenMap = Field(default_factory=dict)
    """Who pays, and where: personal data, such as `address1`, `city`, `postalCode`, `country`."""
    delivery_details: OpenMap = Field(default_factory=dict)
    """Where it is sent: personal data of the same form."""
    market: EligibilityCountry | None = None
    """The country of eligibility, where `country` is null and another detail named one. No personal data: it stays
    when the person is forgotten. Where it is null, `country` decides."""

    @property
    def hold_personal_data(self) -> bool:
        return self.data_subject is not None or any(getattr(self, name) for name in OPEN_MAPS)

    def without_personal_data(self) -> BasketDetails:
        """What is left once the person is forgotten."""
        no_maps: dict[str, Any] = {name: {} for name in OPEN_MAPS}
        return self.with_trusted(**no_maps, data_subject=None)


OPEN_MAPS = ("tracking", "custom_fields", "customer_details", "billing_details", "delivery_details")
"""The details that are maps of the organisation's own. All may hold personal data."""


class OrderItem(Value):
    """One line of a basket."""

    id: str
    """The line's id, unique within the basket."""
    type: OrderItemType
    """Whether the line is an offer or an add-on to one."""
    parent_id: str | None = None
    """The line that an add-on hangs under."""
    quantity: Annotated[int, Field(ge=1)]
    """How many of the offer."""
    offer: LineOffer
    """The offer version, as it was known when the line was added."""
    price: Price | None = None
    """The price of one, as it was known when the line was added; null if it was unknown."""
    expected_price: ExpectedPrice | None = None
    """The price of one that the caller expects; null if it gave none."""


BasketStatus = Literal["open", "expired", "completed", "cancelled"]


class FoldedState(Protocol):
    """What events change of a basket."""

    partner: str
    details: BasketDetails
    items: dict[str, OrderItem]
    status: BasketStatus
    expires_at: datetime
    idle_seconds: int | None
    ready: bool | None
    order_id: str | None
    cancel_reason: str | None
    finding_codes: tuple[str, ...]


def extend_expiry(aggregate: FoldedState, changed_at: datetime) -> None:
    """A change of a basket that expires by activity moves its expiry, and never to an earlier time."""
    if aggregate.idle_seconds is not None:
        aggregate.expires_at = max(aggregate.expires_at, changed_at + timedelta(seconds=aggregate.idle_seconds))


class BasketInitiated(InitialEvent):
    """A partner organisation began a basket."""

    originator_topic: ClassVar[str] = BASKET_TOPIC  # type: ignore[misc]
    type: Literal["checkout.basket-initiated.v1"] = "checkout.basket-initiated.v1"
    partner: PartnerOrganisation
    """The partner organisation whose basket it is."""
    details: BasketDetails
    """The basket's data beside its items."""
    expires_at: AwareDatetime
    """When the basket expires, unless an order is placed."""
    idle_seconds: Annotated[int, Field(ge=1)] | None = None
    """The basket expires so many seconds after its last change: of its details, its lines, or its end when it is
    opened again. Null: `expiresAt` does not move with changes."""

    def apply(self, aggregate: FoldedState) -> None:
        aggregate.partner = self.partner
        aggregate.details = self.details
        aggregate.expires_at = self.expires_at
        aggregate.idle_seconds = self.idle_seconds


class BasketDetailsChanged(DomainEvent):
    """The data beside the items changed."""

    type: Literal["checkout.basket-details-changed.v1"] = "checkout.basket-details-changed.v1"
    details: BasketDetails
    """All details after the change."""
    changed: tuple[str, ...]
    """The names of the details that changed."""

    def apply(self, aggregate: FoldedState) -> None:
        aggregate.details = self.details
        extend_expiry(aggregate, self.timestamp)


class OrderItemAdded(DomainEvent):
    """A line was added."""

    type: Literal["checkout.order-item-added.v1"] = "checkout.order-item-added.v1"
    order_item: OrderItem
    """The new line."""

    def apply(self, aggregate: FoldedState) -> None:
        aggregate.items[self.order_item.id] = self.order_item
        extend_expiry(aggregate, self.timestamp)


RemovalReason = Literal["requested", "parent_removed"]


class OrderItemRemoved(DomainEvent):
    """A line left the basket."""

    type: Literal["checkout.order-item-removed.v1"] = "checkout.order-item-removed.v1"
    order_item_id: str
    """The line that left."""
    reason: RemovalReason
    """Whether a caller removed the line, or it is an add-on whose offer left or was swapped."""

    def apply(self, aggregate: FoldedState) -> None:
        aggregate.items.pop(self.order_item_id, None)
        extend_expiry(aggregate, self.timestamp)


class OrderItemQuantityChanged(DomainEvent):
    """A line holds another quantity."""

    type: Literal["checkout.order-item-quantity-changed.v1"] = "checkout.order-item-quantity-changed.v1"
    order_item_id: str
    """The line whose quantity changed."""
    before: Annotated[int, Field(ge=1)]
    """The quantity before."""
    after: Annotated[int, Field(ge=1)]
    """The quantity now."""

    def apply(self, aggregate: FoldedState) -> None:
        item = aggregate.items[self.order_item_id]
        aggregate.items[item.id] = item.with_trusted(quantity=self.after)
        extend_expiry(aggregate, self.timestamp)


class OrderItemPriceExpected(DomainEvent):
    """The caller expects another price of a line than before, or none."""

    type: Literal["checkout.order-item-price-expected.v1"] = "checkout.order-item-price-expected.v1"
    order_item_id: str
    """The line of the price."""
    before: ExpectedPrice | None
    """The expected price of one before; null for none."""
    after: ExpectedPrice | None
    """The expected price of one now; null for none."""

    def apply(self, aggregate: FoldedState) -> None:
        item = aggregate.items[self.order_item_id]
        aggregate.items[item.id] = item.with_trusted(expected_price=self.after)
        extend_expiry(aggregate, self.timestamp)


class OrderItemSwapped(DomainEvent):
    """A line holds another offer, or another version of its offer."""

    type: Literal["checkout.order-item-swapped.v1"] = "checkout.order-item-swapped.v1"
    before: OrderItem
    """The line before."""
    after: OrderItem
    """The line now, with the same id, type and parent. Its price is the current one; no price is expected."""

    def apply(self, aggregate: FoldedState) -> None:
        aggregate.items[self.after.id] = self.after
        extend_expiry(aggregate, self.timestamp)


class OrderItemRepriced(DomainEvent):
    """The caller accepted the current price of a line, and the line has it now."""

    type: Literal["checkout.order-item-repriced.v1"] = "checkout.order-item-repriced.v1"
    order_item_id: str
    """The line of the price."""
    before: Price | None
    """The line's price of one before; null if it had none."""
    after: Price
    """The line's price of one now: the catalogue's current price."""

    def apply(self, aggregate: FoldedState) -> None:
        item = aggregate.items[self.order_item_id]
        aggregate.items[item.id] = item.with_trusted(price=self.after)
        extend_expiry(aggregate, self.timestamp)


class BasketValidated(DomainEvent):
    """The basket was validated."""

    type: Literal["checkout.basket-validated.v1"] = "checkout.basket-validated.v1"
    ready: bool
    """Whether the basket may become an order: no finding is an error."""
    basket_version: Annotated[int, Field(ge=1)]
    """The version that was validated: the one before this event."""
    blocked_products: tuple[Finding, ...]
    """The findings about products."""
    validation_errors: tuple[Finding, ...]
    """The findings about everything else."""
    evidence: tuple[str, ...]
    """The ids of the catalogue's and policies' facts that the verdict rests on."""
    passed: tuple[Passed, ...] = ()
    """The checks that found nothing."""
    catalogue_position: Annotated[int, Field(ge=0)] | None = None
    """The catalogue's position: all facts up to it were known, and none after it. Null if it was not recorded."""
    promise: str | None = None
    """That the basket is ready, signed: a compact JWS. Null if it is not ready, or if there was no key to sign with."""
    remedy: Remedy | None = None
    """What mends the basket; null if nothing is wrong, if the caller cannot help, or if it was not recorded."""

    def apply(self, aggregate: FoldedState) -> None:
        findings = (*self.blocked_products, *self.validation_errors)
        aggregate.ready = self.ready
        aggregate.finding_codes = tuple(sorted({finding.code for finding in findings}))


class BasketExpired(DomainEvent):
    """`expiresAt` passed without an order."""

    type: Literal["checkout.basket-expired.v1"] = "checkout.basket-expired.v1"

    def apply(self, aggregate: FoldedState) -> None:
        aggregate.status = "expired"


class BasketCompleted(DomainEvent):
    """An order was placed from the basket, as an order service reports."""

    type: Literal["checkout.basket-completed.v1"] = "checkout.basket-completed.v1"
    order_id: str | None = None
    """The order's id; null if the order service did not give it."""

    def apply(self, aggregate: FoldedState) -> None:
        aggregate.status = "completed"
        aggregate.order_id = self.order_id


class BasketReopened(DomainEvent):
    """The order that completed the basket was rejected, so the basket takes changes again."""

    type: Literal["checkout.basket-reopened.v1"] = "checkout.basket-reopened.v1"
    order_id: str | None = None
    """The rejected order's id; null if the order service did not give it."""
    reason: Text | None = None
    """Why the order was rejected, in the order service's own words; null if it gave no reason."""
    expires_at: AwareDatetime
    """When the basket expires now, unless an order is placed."""

    def apply(self, aggregate: FoldedState) -> None:
        aggregate.status = "open"
        aggregate.order_id = None
        aggregate.expires_at = max(aggregate.expires_at, self.expires_at)


class BasketCancelled(DomainEvent):
    """The organisation cancelled the basket: no order will be placed from it."""

    type: Literal["checkout.basket-cancelled.v1"] = "checkout.basket-cancelled.v1"
    code: Text
    """Why, as a code of the organisation's own."""
    text: Text | None = None
    """Why, in the organisation's own words; null if it gave none. It is no place for personal data."""

    def apply(self, aggregate: FoldedState) -> None:
        aggregate.status = "cancelled"
        aggregate.cancel_reason = self.code


class BasketPersonalDataForgotten(DomainEvent):
    """The basket's personal data was erased. `tracking`, `customFields`, `dataSubject`, `customerDetails`,
    `billingDetails` and `deliveryDetails` are empty from here on, and also where the basket's earlier history is shown
    or published again."""

    type: Literal["checkout.basket-personal-data-forgotten.v1"] = "checkout.basket-personal-data-forgotten.v1"
    action_id: str
    """The operator's action that erased it."""

    def apply(self, aggregate: FoldedState) -> None:
        aggregate.details = aggregate.details.without_personal_data()


class UnknownEvent(DomainEvent):
    """An event of a type that this release does not know. It is kept and skipped, so that a roll-back works."""

    type: str
    document: dict[str, Any]
    """The stored document."""

    def apply(self, aggregate: FoldedState) -> None:
        """Changes nothing but the version."""


BasketEvent: TypeAlias = (
    BasketInitiated
    | BasketDetailsChanged
    | OrderItemAdded
    | OrderItemRemoved
    | OrderItemQuantityChanged
    | OrderItemPriceExpected
    | OrderItemSwapped
    | OrderItemRepriced
    | BasketValidated
    | BasketExpired
    | BasketCompleted
    | BasketReopened
    | BasketCancelled
    | BasketPersonalDataForgotten
)
"""Every event that this release writes."""

ENDING_TYPES: frozenset[str] = frozenset({BasketCompleted.TOPIC, BasketExpired.TOPIC, BasketCancelled.TOPIC})
"""A basket is over after one of these, until a BasketReopened."""
