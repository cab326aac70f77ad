"""Erases the personal data of a basket. It cannot be undone."""

from __future__ import annotations

from fastapi import APIRouter

from adapters.container import Container
from api.operators.authentication import RequestIdentity, operator_from_token
from api.operators.problems import NotConfirmed, problems
from api.operators.requests import BasketPath, ReasonBody, StrictJsonRoute
from domain.operators.erasure import BasketSelection, ErasureResult, NothingToErase
from domain.shared.errors import BasketNotFound


class ForgetBasket(ReasonBody):
    """The reason, and the basket once more."""

    confirm: str
    """The basket's id."""


def router(container: Container) -> APIRouter:
    routes = APIRouter(tags=["personal data"], route_class=StrictJsonRoute)

    @routes.post(
        "/baskets/{basketId}/forget",
        summary="Destroy the keys of a basket's personal data, for good",
        responses=problems(404, 415),
    )
    async def forget_basket(basket_id: BasketPath, body: ForgetBasket, identity: RequestIdentity) -> ErasureResult:
        """The basket and its history stay; what `tracking`, `customFields` and the details of persons held is gone. To
        erase all baskets of a person, by the organisation's own id of the person, use `checkout forget --subject`."""
        if body.confirm != basket_id:
            raise NotConfirmed("`confirm` must be the basket's id: what is forgotten is gone for good")
        try:
            return await container.erasure.erase(
                BasketSelection(basket_ids=(basket_id,)), operator_from_token(identity, body.reason)
            )
        except NothingToErase as error:
            raise BasketNotFound(basket_id) from error

    return routes
