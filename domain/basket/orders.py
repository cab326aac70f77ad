"""What becomes of a basket when an order service reports that an order was placed from it, or rejected. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from domain.basket.basket import Basket
from domain.basket.events import (
    BasketCancelled,
    BasketCompleted,
    BasketExpired,
    BasketPersonalDataForgotten,
    BasketReopened,
    BasketValidated,
)

OrderStatus = Literal["placed", "rejected"]
OrderOutcome = Literal["completed", "reopened", "refused"]
OrderRefusal = Literal[
    "basket_changed",
    "basket_expired",
    "basket_cancelled",
    "already_completed",
    "basket_not_found",
    "external_id_in_use",
    "invalid_promise",
]
"""Why a report had no effect. Order services use these codes, so they are promises."""

_NO_CHANGE_OF_CONTENT = frozenset(
    event.TOPIC
    for event in (
        BasketValidated,
        BasketExpired,
        BasketCompleted,
        BasketReopened,
        BasketCancelled,
        BasketPersonalDataForgotten,
    )
)


@dataclass(frozen=True, slots=True)
class OrderReport:
    """An order was placed or rejected.

    `version` is the basket's version that the order rests on; None: any. `placed_at` None: before the basket's expiry.
    `order_id` None: the order was not named. `invalid_promise`: the report rests on a promise that is none of this
    basket.
    """

    basket_id: str
    order_id: str | None
    status: OrderStatus = "placed"
    version: int | None = None
    placed_at: datetime | None = None
    reason: str | None = None
    invalid_promise: bool = False


@dataclass(frozen=True, slots=True)
class OrderResult:
    """What became of a report, decided at `at`. `code` says why it was refused. `basket` is the basket afterwards, None
    where there is none."""

    report: OrderReport
    basket: Basket | None
    at: datetime
    outcome: OrderOutcome
    code: OrderRefusal | None = None


def changes_content(event_types: Iterable[str]) -> bool:
    """Whether any event of these types changes what an order would hold. A type that is not known may."""
    return any(type not in _NO_CHANGE_OF_CONTENT for type in event_types)


def refusal_of(basket: Basket, report: OrderReport, now: datetime) -> OrderRefusal | None:
    """Why the basket's state at `now` does not allow what the report says. None: it does."""
    status = basket.status_at(now)
    if report.invalid_promise:
        return "invalid_promise"
    if status == "cancelled":
        return "basket_cancelled"
    if status == "completed":
        return None if basket.order_id == report.order_id else "already_completed"
    if status == "expired" and not (report.status == "placed" and _in_time(report, basket)):
        return "basket_expired"
    return None


def is_reopening(basket: Basket, report: OrderReport) -> bool:
    """Whether the report, unless it is refused, opens the basket again."""
    return report.status == "rejected" and basket.status == "completed"


def _in_time(report: OrderReport, basket: Basket) -> bool:
    return report.placed_at is None or report.placed_at < basket.expires_at
