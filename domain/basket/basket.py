"""The Basket aggregate: its state and its rules. Deciding may refuse; applying never does."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from operator import attrgetter

from domain.basket.eligibility import change_market, with_market
from domain.basket.events import (
    BASKET_TOPIC,
    BasketCancelled,
    BasketCompleted,
    BasketDetails,
    BasketDetailsChanged,
    BasketExpired,
    BasketInitiated,
    BasketReopened,
    BasketStatus,
    BasketValidated,
    CountrySource,
    OrderItem,
    OrderItemAdded,
    OrderItemPriceExpected,
    OrderItemQuantityChanged,
    OrderItemRemoved,
    OrderItemRepriced,
    OrderItemSwapped,
)
from domain.basket.rendered_parts import RenderedParts
from domain.shared.errors import BasketFinished
from domain.shared.eventsourcing import Aggregate
from domain.shared.findings import Remedy, Verdict
from domain.shared.money import ExpectedPrice, Money, Price
from domain.shared.totals import Sums, add_up, line_amount
from domain.shared.values import Market, OrderItemType, json_equal

LineKey = tuple[str, str, OrderItemType, str | None]


line_key: Callable[[OrderItem], LineKey] = attrgetter("offer.id", "offer.version", "type", "parent_id")
"""What makes two lines the same: offer id, offer version, type and parent."""


class Basket(Aggregate):
    """What a partner organisation gathers before an order."""

    TOPIC = BASKET_TOPIC

    def __init__(self) -> None:
        self.partner = ""
        self.details = _NO_DETAILS
        self.items: dict[str, OrderItem] = {}
        self.status: BasketStatus = "open"
        self.expires_at = _NEVER
        self.idle_seconds: int | None = None
        self.ready: bool | None = None
        self.order_id: str | None = None
        self.cancel_reason: str | None = None
        self.finding_codes: tuple[str, ...] = ()
        self.rendered = RenderedParts()

    @classmethod
    def initiate(
        cls,
        *,
        id: str,
        partner: str,
        details: BasketDetails,
        now: datetime,
        expires_at: datetime,
        idle_seconds: int | None = None,
    ) -> Basket:
        """A new basket. With `idle_seconds`, each change moves its expiry to so many seconds later."""
        return cls.begin(
            BasketInitiated,
            id=id,
            now=now,
            partner=partner,
            details=with_market(details),
            expires_at=expires_at,
            idle_seconds=idle_seconds,
        )

    def fork(self) -> Basket:
        """A copy to decide on. The original stays as it was acknowledged."""
        other = self.copy()
        other.items = dict(self.items)
        other.rendered = self.rendered.fork()
        return other

    def as_seen_at(self, now: datetime) -> Basket:
        """The basket with its status at `now`: itself if it has that status. It is only to be looked at."""
        status = self.status_at(now)
        if status == self.status:
            return self
        other = self.fork()
        other.status = status
        return other

    @property
    def market(self) -> Market:
        currency = self.details.currency
        return Market.construct_trusted(partner=self.partner, country=self.market_country, currency=currency)

    @property
    def market_country(self) -> str | None:
        details = self.details
        return details.country if details.market is None else details.market.country

    @property
    def country_source(self) -> CountrySource | None:
        """The detail that names the market's country; None if none does."""
        if self.details.market is not None:
            return self.details.market.source
        return None if self.details.country is None else "country"

    @property
    def total(self) -> Money | None:
        return self.sums.total

    @property
    def sums(self) -> Sums:
        """What the lines come to, worked out once for each version."""
        kept = self.rendered.sums
        if kept is None or kept[0] != self._version:
            items = self.items.values()
            sums = add_up([line_amount(item.price, item.quantity) for item in items])
            kept = self.rendered.sums = (self._version, sums)
        return kept[1]

    def status_at(self, now: datetime) -> BasketStatus:
        """Expired from `expires_at` on, even before an event says so."""
        return "expired" if self.status == "open" and now >= self.expires_at else self.status

    def require_open(self, now: datetime) -> None:
        """Raises BasketFinished unless the basket takes changes at `now`."""
        status = self.status_at(now)
        if status != "open":
            raise BasketFinished(self.id, status)

    def set_details(self, details: BasketDetails, now: datetime) -> None:
        """Sets all details, and the country of eligibility that they name. No event if they are the same."""
        self._change_details(with_market(details), now)

    def update_details(self, changes: Mapping[str, object], now: datetime) -> None:
        """Sets some details, by their field names in `BasketDetails`. No event if they are the same."""
        after = self.details.model_copy(update={**changes})
        self._change_details(change_market(self.details, after), now)

    def _change_details(self, details: BasketDetails, now: datetime) -> None:
        if details is self.details:
            return
        before, after = self.details.__dict__, details.__dict__
        changed = tuple([shown for name, shown in _DETAIL_NAMES if not json_equal(after[name], before[name])])
        if changed:
            self.trigger_trusted(BasketDetailsChanged, now, details=details, changed=changed)

    def add_item(self, item: OrderItem, now: datetime) -> None:
        self.trigger_trusted(OrderItemAdded, now, order_item=item)

    def change_quantity(self, item_id: str, quantity: int, now: datetime) -> None:
        """Sets a line's quantity, at least 1. No event if it is the same."""
        before = self.items[item_id].quantity
        if before != quantity:
            self.trigger_trusted(OrderItemQuantityChanged, now, order_item_id=item_id, before=before, after=quantity)

    def expect_price(self, item_id: str, price: ExpectedPrice | None, now: datetime) -> None:
        """Sets the price that the caller counts on. No event if it is the same."""
        before = self.items[item_id].expected_price
        if before != price:
            self.trigger_trusted(OrderItemPriceExpected, now, order_item_id=item_id, before=before, after=price)

    def reprice(self, item_id: str, price: Price, now: datetime) -> None:
        """Gives a line the current price, which the caller accepted. No event if the line has it."""
        before = self.items[item_id].price
        if before != price:
            self.trigger_trusted(OrderItemRepriced, now, order_item_id=item_id, before=before, after=price)

    def swap_item(self, after: OrderItem, leaving: Iterable[str], now: datetime) -> None:
        """Puts another offer into the line of this id. The add-ons in `leaving` leave with the offer before."""
        for add_on in leaving:
            self.trigger_trusted(OrderItemRemoved, now, order_item_id=add_on, reason="parent_removed")
        self.trigger_trusted(OrderItemSwapped, now, before=self.items[after.id], after=after)

    def add_ons_of(self, item_id: str) -> list[OrderItem]:
        """The lines under this one."""
        return [item for item in self.items.values() if item.parent_id == item_id]

    def clear_items(self, now: datetime) -> list[str]:
        """Removes all lines; returns their ids. Add-ons leave with their offers."""
        ids = [*self.items]
        self.remove_items(sorted(ids, key=lambda each: self.items[each].parent_id is not None), now)
        return ids

    def remove_item(self, item_id: str, now: datetime) -> list[str]:
        """Removes a line and the add-ons under it; returns the ids of all that left, the line first."""
        add_ons = [item.id for item in self.add_ons_of(item_id)]
        self._remove(item_id, add_ons, now)
        return [item_id, *add_ons]

    def remove_items(self, item_ids: Iterable[str], now: datetime) -> None:
        """As `remove_item` for each id. Skips lines that left with their offer."""
        under: dict[str, list[str]] = defaultdict(list)
        for item in self.items.values():
            if item.parent_id is not None:
                under[item.parent_id].append(item.id)
        for item_id in item_ids:
            if item_id in self.items:
                self._remove(item_id, [id for id in under[item_id] if id in self.items], now)

    def _remove(self, item_id: str, add_ons: list[str], now: datetime) -> None:
        for add_on in add_ons:
            self.trigger_trusted(OrderItemRemoved, now, order_item_id=add_on, reason="parent_removed")
        self.trigger_trusted(OrderItemRemoved, now, order_item_id=item_id, reason="requested")

    def record_verdict(
        self,
        verdict: Verdict,
        now: datetime,
        catalogue_position: int | None = None,
        promise: str | None = None,
        remedy: Remedy | None = None,
    ) -> None:
        self.trigger_trusted(
            BasketValidated,
            now,
            ready=verdict.ready,
            basket_version=self.version,
            blocked_products=verdict.blocked_products,
            validation_errors=verdict.validation_errors,
            evidence=verdict.evidence,
            passed=verdict.passed,
            catalogue_position=catalogue_position,
            promise=promise,
            remedy=remedy,
        )

    def expire(self, now: datetime) -> None:
        """Records that the basket expired, once and only when it is due."""
        if self.status == "open" and now >= self.expires_at:
            self.trigger_event(BasketExpired, timestamp=now)

    def complete(self, order_id: str | None, now: datetime) -> None:
        """Records that an order was placed. No event if the basket is completed."""
        if self.status != "completed":
            self.trigger_event(BasketCompleted, order_id=order_id, timestamp=now)

    def reopen(self, reason: str | None, now: datetime, expires_at: datetime) -> None:
        """Records that the order was rejected: the completed basket is open again, at least until `expires_at`."""
        self.trigger_event(
            BasketReopened,
            order_id=self.order_id,
            reason=reason,
            expires_at=max(self.expires_at, expires_at),
            timestamp=now,
        )

    def cancel(self, code: str, text: str | None, now: datetime) -> None:
        """Records that the organisation gave the basket up. No event if it is cancelled. Raises BasketFinished if it
        is completed or expired."""
        if self.status != "cancelled":
            self.require_open(now)
            self.trigger_event(BasketCancelled, code=code, text=text, timestamp=now)


_NO_DETAILS = BasketDetails()
_DETAIL_NAMES = tuple((name, field.alias or name) for name, field in BasketDetails.model_fields.items())
_NEVER = datetime.max.replace(tzinfo=UTC)
