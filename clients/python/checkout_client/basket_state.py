"""A basket from its events: the order as GET answers it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Literal

from checkout_client.errors import CheckoutClientError
from checkout_client.models import BasketEvent, UnknownEvent
from checkout_client.models.answers import Market, Money, Offer, Order, OrderItem, Price
from checkout_client.models.events import (
    BasketCancelled,
    BasketCompleted,
    BasketDetails,
    BasketDetailsChanged,
    BasketExpired,
    BasketInitiated,
    BasketPersonalDataForgotten,
    BasketReopened,
    BasketValidated,
    ExpectedPrice,
    OrderItemAdded,
    OrderItemPriceExpected,
    OrderItemQuantityChanged,
    OrderItemRemoved,
    OrderItemRepriced,
    OrderItemSwapped,
)
from checkout_client.models.events import OrderItem as Line
from checkout_client.totals import sum_up, times

Status = Literal["open", "expired", "completed", "cancelled"]


class UnknownEventType(CheckoutClientError):
    """An event of a type that this release does not know: what it changed is not known either."""


class MissingEvents(CheckoutClientError):
    """An event is not the one that follows the last one."""


class BasketState:
    """One basket, folded from its events in order, from the first one on."""

    def __init__(self) -> None:
        self.version = 0
        self.partner: str | None = None
        self.details = BasketDetails()
        self.lines: dict[str, Line] = {}
        self.ready: bool | None = None
        """What the last verdict said; None before the first."""
        self.order_id: str | None = None
        """The order that completed the basket."""
        self.unknown_types: set[str] = set()
        """The types of the events that were passed over."""
        self._id = ""
        self._status: Status = "open"
        self._created: datetime | None = None
        self._modified: datetime | None = None
        self._expires_at: datetime | None = None
        self._idle: timedelta | None = None

    def apply(
        self, events: Iterable[BasketEvent | UnknownEvent], *, unknown: Literal["refuse", "pass_over"] = "refuse"
    ) -> BasketState:
        """Applies events and returns this basket. Those of versions that it has already are passed over.

        Raises MissingEvents for a version that does not follow, and UnknownEventType: then update the kit, or let
        `pass_over` count the event and remember its type in `unknown_types`. Nothing of the event was applied then.
        """
        for event in events:
            if event.version <= self.version:
                continue
            if event.version != self.version + 1:
                raise MissingEvents(f"version {event.version} of {event.basket_id} does not follow {self.version}")
            if isinstance(event, UnknownEvent):
                if unknown == "refuse":
                    raise UnknownEventType(f"{event.type} is not known to this release of checkout-client")
                self.unknown_types.add(event.type)
            else:
                self._apply(event)
            self.version = event.version
            self._modified = event.occurred_at
        return self

    def order(self, now: datetime | None = None) -> Order:
        """The order as GET answers it at `now`: expired from `expiresAt` on, even before an event says so. Without
        `now`, as the last event left it. Raises MissingEvents before the first event."""
        if self._created is None or self._modified is None or self._expires_at is None:
            raise MissingEvents("no event was applied yet")
        has_expired = self._status == "open" and now is not None and now >= self._expires_at
        items = [_item(line) for line in self.lines.values()]
        sums = sum_up([times(line.price, line.quantity) for line in self.lines.values()])
        details = self.details
        return Order(
            id=self._id,
            external_id=details.external_id,
            status="expired" if has_expired else self._status,
            version=self.version,
            country=details.country,
            currency=details.currency,
            market=_market(details),
            source=details.source,
            order_type=details.order_type,
            tracking=details.tracking,
            custom_fields=details.custom_fields,
            data_subject=details.data_subject,
            customer_details=details.customer_details,
            billing_details=details.billing_details,
            delivery_details=details.delivery_details,
            order_items=items,
            totals=sums.totals,
            total=sums.total,
            payable=sums.payable,
            created=self._created,
            modified=self._modified,
            expires_at=self._expires_at,
        )

    def _apply(self, event: BasketEvent) -> None:
        match event:
            case BasketInitiated():
                self._id, self.partner, self.details = event.basket_id, event.partner, event.details
                self._created, self._expires_at = event.occurred_at, event.expires_at
                self._idle = None if event.idle_seconds is None else timedelta(seconds=event.idle_seconds)
            case BasketDetailsChanged():
                self.details = event.details
                self._extend(event.occurred_at)
            case BasketPersonalDataForgotten():
                self.details = _without_personal_data(self.details)
            case BasketValidated():
                self.ready = event.ready
            case BasketExpired():
                self._status = "expired"
            case BasketCancelled():
                self._status = "cancelled"
            case BasketCompleted():
                self._status, self.order_id = "completed", event.order_id
            case BasketReopened():
                self._status, self.order_id = "open", None
                self._expires_at = max(event.expires_at, self._expires_at or event.expires_at)
            case _:
                self._apply_to_lines(event)
                self._extend(event.occurred_at)

    def _apply_to_lines(
        self,
        event: OrderItemAdded
        | OrderItemRemoved
        | OrderItemQuantityChanged
        | OrderItemPriceExpected
        | OrderItemSwapped
        | OrderItemRepriced,
    ) -> None:
        match event:
            case OrderItemAdded():
                self.lines[event.order_item.id] = event.order_item
            case OrderItemRemoved():
                self.lines.pop(event.order_item_id, None)
            case OrderItemSwapped():
                self.lines[event.after.id] = event.after
            case OrderItemQuantityChanged():
                self._change(event.order_item_id, quantity=event.after)
            case OrderItemPriceExpected():
                self._change(event.order_item_id, expected_price=event.after)
            case OrderItemRepriced():
                self._change(event.order_item_id, price=event.after)

    def _change(self, line_id: str, **changes: object) -> None:
        self.lines[line_id] = self.lines[line_id].model_copy(update=changes)

    def _extend(self, changed_at: datetime) -> None:
        """A basket that expires by activity lives longer with each change."""
        if self._idle is not None and self._expires_at is not None:
            self._expires_at = max(self._expires_at, changed_at + self._idle)


def _without_personal_data(details: BasketDetails) -> BasketDetails:
    maps = ("tracking", "custom_fields", "customer_details", "billing_details", "delivery_details")
    return details.model_copy(update={"data_subject": None, **{name: {} for name in maps}})


def _market(details: BasketDetails) -> Market:
    if details.market is not None:
        return Market(country=details.market.country, source=details.market.source)
    return Market(country=details.country, source=None if details.country is None else "country")


def _item(line: Line) -> OrderItem:
    return OrderItem(
        id=line.id.lower(),
        type=line.type,
        parent_id=line.parent_id and line.parent_id.lower(),
        quantity=line.quantity,
        offer=Offer.model_validate(line.offer.model_dump()),
        price=None if line.price is None else Price(**line.price.model_dump()),
        expected_price=_expected(line.expected_price),
        line_total=_line_total(line),
    )


def _expected(price: ExpectedPrice | None) -> Price | None:
    """As the caller named it: without an interval if it named none."""
    if price is None:
        return None
    if price.any_interval:
        return Price(amount=price.amount, currency=price.currency)
    return Price(amount=price.amount, currency=price.currency, interval=price.interval)


def _line_total(line: Line) -> Money | None:
    total = times(line.price, line.quantity)
    return None if total is None else Money(amount=total.amount, currency=total.currency)
