"""A basket's state as of one version, as basket views keep it, and back."""

from __future__ import annotations

from datetime import datetime

from pydantic import ValidationError

from domain.basket.basket import Basket, BasketStatus
from domain.basket.events import BasketDetails, OrderItem
from domain.shared.eventsourcing import Value


class UnreadableSnapshot(ValueError):
    """A basket view's JSON that this release cannot read."""


class BasketSnapshot(Value):
    """All that a basket is at `version`; folding the later events onto it gives the basket of now."""

    id: str
    version: int
    partner: str
    status: BasketStatus
    details: BasketDetails
    items: tuple[OrderItem, ...]
    created: datetime
    modified: datetime
    expires_at: datetime
    ready: bool | None = None
    order_id: str | None = None
    finding_codes: tuple[str, ...] = ()

    @classmethod
    def take(cls, basket: Basket) -> BasketSnapshot:
        return cls.model_construct(
            id=basket.id,
            version=basket.version,
            partner=basket.partner,
            status=basket.status,
            details=basket.details,
            items=tuple(basket.items.values()),
            created=basket.created_on,
            modified=basket.modified_on,
            expires_at=basket.expires_at,
            ready=basket.ready,
            order_id=basket.order_id,
            finding_codes=basket.finding_codes,
        )

    def restore(self) -> Basket:
        basket = Basket.from_snapshot(
            id=self.id, version=self.version, created=self.created, modified=self.modified
        )
        basket.partner = self.partner
        basket.status = self.status
        basket.details = self.details
        basket.items = {item.id: item for item in self.items}
        basket.expires_at = self.expires_at
        basket.ready = self.ready
        basket.order_id = self.order_id
        basket.finding_codes = self.finding_codes
        return basket


def restore(snapshot: bytes) -> Basket:
    """The basket of a view's JSON; raises UnreadableSnapshot."""
    try:
        return BasketSnapshot.model_validate_json(snapshot).restore()
    except ValidationError as error:
        raise UnreadableSnapshot(str(error)) from error
