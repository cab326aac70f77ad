"""Whether what is derived from a basket equals what happened to it."""

from __future__ import annotations

from fastapi import APIRouter

from adapters.container import Container
from api.operators.baskets import BasketPath
from api.operators.problems import problems
from domain.operators.verify.inconsistencies import Inconsistency
from domain.shared.errors import BasketNotFound
from domain.shared.eventsourcing import Value


class BasketVerification(Value):
    """What verifying one basket found."""

    basket_id: str
    events: int
    """How many were folded again."""
    equal: bool
    """Nothing differs; the view may lag."""
    lags: bool
    """The view is behind the store, and right as far as it is."""
    drifts: tuple[Inconsistency, ...]


def router(parts: Container) -> APIRouter:
    routes = APIRouter(tags=["baskets"])

    @routes.get(
        "/baskets/{basketId}/verification",
        summary="Fold a basket again, and compare it with what is derived from it",
        responses=problems(404),
    )
    async def verify_basket(basket_id: BasketPath) -> BasketVerification:
        """Changes nothing. `checkout verify --repair` mends views that differ."""
        verified = await parts.view_verifier.verify([basket_id])
        if not verified.events and not verified.inconsistencies:
            raise BasketNotFound(basket_id)
        return BasketVerification(
            basket_id=basket_id,
            events=verified.events,
            equal=not verified.inconsistencies,
            lags=basket_id in verified.lagging,
            drifts=tuple(verified.inconsistencies),
        )

    return routes
