"""A basket's state at one version, as basket views keep it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import ValidationError

from domain.basket.basket import Basket
from domain.basket.events import BasketDetails, BasketStatus, OrderItem
from domain.shared.eventsourcing import Value


class UnreadableSnapshot(ValueError):
    """A basket view's JSON that this release cannot read."""


class BasketSnapshot(Value):
    """Everything that a basket is at `version`. With the later events folded onto it, it is the basket of now."""

    id: str
    version: int
    partner: str
    status: BasketStatus
    details: BasketDetails
    items: tuple[OrderItem, ...]
    created: datetime
    modified: datetime
    expires_at: datetime
    idle_seconds: int | None = None
    ready: bool | None = None
    order_id: str | None = None
    cancel_reason: str | None = None
    finding_codes: tuple[str, ...] = ()

    @classmethod
    def take(cls, basket: Basket) -> BasketSnapshot:
        return cls.model_construct(**snapshot_fields(basket))

    def restore(self) -> Basket:
        basket = Basket.from_snapshot(id=self.id, version=self.version, created=self.created, modified=self.modified)
        basket.items = {item.id: item for item in self.items}
        for name in _SAME_NAMES:
            setattr(basket, name, getattr(self, name))
        return basket


_SAME_NAMES = (
    *("partner", "status", "details", "expires_at", "idle_seconds"),
    *("ready", "order_id", "cancel_reason", "finding_codes"),
)


def snapshot_fields(basket: Basket) -> dict[str, Any]:
    return {
        "id": basket.id,
        "version": basket.version,
        "items": tuple(basket.items.values()),
        "created": basket.created_on,
        "modified": basket.modified_on,
        **{name: getattr(basket, name) for name in _SAME_NAMES},
    }


def restore(snapshot: bytes) -> Basket:
    """The basket of a view's JSON; raises UnreadableSnapshot."""
    try:
        return BasketSnapshot.model_validate_json(snapshot).restore()
    except ValidationError as error:
        raise UnreadableSnapshot(str(error)) from error
