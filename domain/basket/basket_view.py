"""The row that shows a basket, made of the basket."""

from __future__ import annotations

from pydantic_core import to_json

from domain.basket.basket import Basket
from domain.basket.references import offers_of, products_of, references_of
from domain.basket.snapshot import BasketSnapshot
from domain.ports.read_models import BasketView


def to_view(basket: Basket, snapshot: bytes | None = None, *, keeps_references: bool = False) -> BasketView:
    """The row of a basket. `snapshot` is its snapshot's JSON, if the caller has it. `keeps_references`: its references
    did not change."""
    return BasketView(
        basket_id=basket.id,
        version=basket.version,
        partner=basket.partner,
        external_id=basket.details.external_id,
        status=basket.status,
        created=basket.created_on,
        modified=basket.modified_on,
        expires_at=basket.expires_at,
        snapshot=to_json(BasketSnapshot.take(basket), by_alias=True) if snapshot is None else snapshot,
        uses=None if keeps_references else references_of(basket),
        ready=basket.ready,
        offers=frozenset(offers_of(basket)),
        products=frozenset(products_of(basket)),
        finding_codes=frozenset(basket.finding_codes),
    )
